"""Creates as forms, with native and OpenAI's field names, and OpenAI's field names in JSON."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from gallop.domain.request.images import LinkedImage, StoredImage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.functional.doors.https.test_https import PICTURE, assert_nothing_started, new_job
from tests.support.http import Client, File, form
from tests.support.pictures import data_uri, picture

if TYPE_CHECKING:
    from gallop.domain.job import Job

    from tests.support.sandbox import Sandbox

PROMPT = "The woman of [Image 1] smiles."
OTHER = "https://example.com/fan.jpg"


@pytest.fixture
def ada(sandbox: Sandbox) -> Client:
    """Return a client."""
    return Client(sandbox)


def file(field: str, shade: int = 128, name: str = "upload", media_type: str = "application/octet-stream") -> File:
    """Return an image as a file of a form."""
    return field, (name, picture(shade=shade), media_type)


def made_by(sandbox: Sandbox, answer: Any) -> Job:  # noqa: ANN401 - an answer
    """Return the one job that an accepted create made."""
    assert 202 == answer.status, answer.text
    (job,) = sandbox.jobs()
    return job


def shades_of(job: Job) -> list[int]:
    """Return which images a job has, in order."""
    known = {hashlib.sha256(picture(shade=shade)).hexdigest(): shade for shade in (10, 60, 200, 128)}
    return [known[image.sha256] for image in job.request.images if isinstance(image, StoredImage)]


@pytest.mark.parametrize("field", ["images", "images[]", "input_reference", "input_reference[]"])
def test_files_become_images_in_order(sandbox: Sandbox, ada: Client, field: str) -> None:
    """Each of the four names works, sent once or repeatedly, as HTTP clients send lists."""
    job = made_by(sandbox, ada.post_form({"prompt": PROMPT}, [file(field, shade) for shade in (200, 10, 60)]))
    assert [200, 10, 60] == shades_of(job)
    assert {"uploads/ada"} == {image.key.rpartition("/")[0] for image in job.request.images}  # type: ignore[union-attr]


def test_a_form_has_all_fields_of_the_json_body(sandbox: Sandbox, ada: Client) -> None:
    """Numbers, true and false are sent as text, and metadata by name in brackets, as OpenAI's package writes them."""
    fields = {
        "prompt": "Süß: [Image 1] smiles",
        "images[]": [PICTURE, OTHER],
        "model": "happyhorse-1.1-r2v",
        "resolution": "480P",
        "ratio": "9:16",
        "duration": "3",
        "seed": "7",
        "watermark": "True",
        "metadata[order]": "17",
        "metadata[tags][]": ["a", "b"],
        "metadata[of][who]": "ada",
    }
    request = made_by(sandbox, ada.post_form(fields)).request
    assert ("Süß: [Image 1] smiles", (LinkedImage(PICTURE), LinkedImage(OTHER))) == (request.prompt, request.images)
    assert "happyhorse-1.1-r2v" == request.model
    assert "480P" == request.resolution
    assert "9:16" == request.parameters["ratio"]
    assert 3 == request.parameters["duration"]
    assert 7 == request.parameters["seed"]
    assert request.parameters["watermark"] is True
    assert {"order": "17", "tags": ["a", "b"], "of": {"who": "ada"}} == request.metadata


def test_openais_names_are_accepted_in_forms(sandbox: Sandbox, ada: Client) -> None:
    """They are ``seconds``, ``size``, and ``media`` in columns, as its package sends a list of objects."""
    media = {"media[][type]": ["reference_image"] * 2, "media[][url]": [PICTURE, OTHER]}
    answer = ada.post_form({"prompt": PROMPT, "seconds": "8", "size": "720x1280", **media})
    request = made_by(sandbox, answer).request
    assert (LinkedImage(PICTURE), LinkedImage(OTHER)) == request.images
    assert 8 == request.parameters["duration"]
    assert "9:16" == request.parameters["ratio"]
    assert ("8", "720x1280") == (answer.json["seconds"], answer.json["size"])


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"input_reference": PICTURE}, [PICTURE]),
        ({"input_reference": {"image_url": PICTURE}}, [PICTURE]),
        ({"input_reference": [{"image_url": OTHER}, PICTURE]}, [OTHER, PICTURE]),
        ({"media": [{"type": "reference_image", "url": PICTURE}, {"url": OTHER}]}, [PICTURE, OTHER]),
        ({"images": ["https://a.example/1"], "input_reference": OTHER, "media": [{"url": PICTURE}]}, None),
    ],
)
def test_images_have_three_names_in_json(
    sandbox: Sandbox, ada: Client, sent: dict[str, Any], expected: list[str] | None
) -> None:
    """The names are ours, OpenAI's and DashScope's; images under several names count in this order."""
    job = made_by(sandbox, ada.post({"prompt": PROMPT, **sent}))
    urls = [image.url for image in job.request.images if isinstance(image, LinkedImage)]
    assert (expected or ["https://a.example/1", OTHER, PICTURE]) == urls


def test_a_reference_by_url_is_accepted_in_a_form(sandbox: Sandbox, ada: Client) -> None:
    """The field is ``input_reference[image_url]``, as OpenAI's package sends the object in extra fields."""
    job = made_by(sandbox, ada.post_form({"prompt": PROMPT, "input_reference[image_url]": PICTURE}))
    assert (LinkedImage(PICTURE),) == job.request.images


@pytest.mark.parametrize(
    ("sent", "pointer", "problem"),
    [
        ({"input_reference": {}}, "/input_reference", "must be an object with either image_url or file_id"),
        ({"input_reference": {"image_url": PICTURE, "file_id": "x"}}, "/input_reference", "must be an object with"),
        ({"input_reference": [7]}, "/input_reference/0", "is not a supported image reference"),
        (
            {"input_reference": {"image_url": "http://x.example/a"}},
            "/input_reference/image_url",
            "is not a supported image reference",
        ),
        (
            {"input_reference": {"file_id": "upload_" + "a" * 26}},
            "/input_reference/file_id",
            "not found in the inbox bucket",
        ),
        ({"media": PICTURE}, "/media", "must be a list"),
        ({"media": [PICTURE]}, "/media/0", "must be an object with a url"),
        ({"media": [{"url": PICTURE, "type": "last_frame"}]}, "/media/0/type", "is not a supported media type"),
        ({"media": [{"url": "x"}]}, "/media/0/url", "is not a supported image reference"),
    ],
)
def test_an_invalid_reference_is_reported_at_its_pointer(
    sandbox: Sandbox, ada: Client, sent: dict[str, Any], pointer: str, problem: str
) -> None:
    """The pointer refers to the body as it was sent."""
    faults = ada.post({"prompt": PROMPT, **sent}).faults
    assert [pointer] == list(faults)
    assert faults[pointer].startswith(problem)
    assert_nothing_started(sandbox)


def test_images_are_counted_across_all_names(sandbox: Sandbox, ada: Client) -> None:
    """A form with more than nine images is refused with the number that it has."""
    faults = ada.post_form({"prompt": PROMPT, "images[]": [PICTURE] * 5}, [file("input_reference[]")] * 5).faults
    assert {"/images": "there are 10 images; 1 to 9 are required"} == faults
    assert_nothing_started(sandbox)


def test_problems_of_a_form_are_reported_as_for_json(sandbox: Sandbox, ada: Client) -> None:
    """All problems come in one answer, with the values as they were sent."""
    fields = {"duration": "5.5", "seed": "many", "watermark": "yes", "metadata": "x", "fps": "60", "dry_run": "true"}
    answer = ada.post_form({"prompt": PROMPT, "images[]": "x", **fields}, [("images[]", ("a", b"text", "image/png"))])
    expected = {"/duration", "/seed", "/watermark", "/metadata", "/fps", "/images/0", "/images/1"}
    assert expected == answer.faults.keys()
    assert answer.faults["/duration"].endswith('must be a whole number from 3 to 15 seconds, not "5.5"')
    assert_nothing_started(sandbox)


def test_a_dry_run_may_be_a_form(sandbox: Sandbox, ada: Client) -> None:
    """Its ``true`` is text there; metadata may be one JSON object."""
    answer = ada.post_form({"prompt": PROMPT, "images": PICTURE, "dry_run": "true", "metadata": '{"a": 1}'})
    assert (200, 0.7) == (answer.status, answer.json["estimated_cost"])
    assert_nothing_started(sandbox)


def test_equal_content_is_equal_in_every_format(sandbox: Sandbox, ada: Client) -> None:
    """Forms with other boundaries and file names, and JSON, are one job under one key."""
    key = {"idempotency_key": "order-17"}
    answers = [
        ada.post_form({"prompt": PROMPT, "seconds": "5"}, [file("images[]", name="a.jpg")], **key),
        ada.post_form({"duration": "5", "prompt": PROMPT}, [file("input_reference", name="../b.png")], **key),
        ada.post(new_job(images=[data_uri(picture())], metadata=None), **key),
    ]
    assert [202] * 3 == [answer.status for answer in answers]
    assert 1 == len(sandbox.jobs())
    assert 422 == ada.post_form({"prompt": PROMPT}, [file("images[]", shade=10)], **key).status


def test_a_retry_of_a_form_is_the_same_job(ada: Client) -> None:
    """OpenAI's package writes a new boundary for each try and sends the number of retries."""
    tries = [
        ada.post_form({"prompt": PROMPT}, [file("input_reference")], x_stainless_retry_count=str(n)) for n in range(3)
    ]
    assert 1 == len({answer.json["id"] for answer in tries})
    assert [None, "true", "true"] == [answer.headers.get("Idempotent-Replay") for answer in tries]


def test_an_unknown_model_is_refused_with_the_supported_ones(sandbox: Sandbox, ada: Client) -> None:
    """Another model would change the price, so none is substituted; if omitted, the stack's default applies."""
    answer = ada.post_form({"prompt": PROMPT, "model": "sora-2", "images": PICTURE}, x_stainless_lang="python")
    error = answer.json["error"]
    assert 400 == answer.status
    assert "model" == error["param"]
    assert "invalid_request_error" == error["type"]
    for words in (
        'unknown value "sora-2"',
        "happyhorse-1.0-t2v, happyhorse-1.0-i2v, happyhorse-1.0-r2v, happyhorse-1.0-video-edit, happyhorse-1.1-",
        "The default is happyhorse-1.0-r2v.",
    ):
        assert words in error["message"]
    assert_nothing_started(sandbox)


# ---------------------------------------------------------------- abuse


def part(name: str, value: bytes = b"x", head: bytes = b"") -> bytes:
    """Return one part of a form with the boundary B."""
    return (
        b'--B\r\nContent-Disposition: form-data; name="' + name.encode() + b'"' + head + b"\r\n\r\n" + value + b"\r\n"
    )


WHOLE = part("prompt", PROMPT.encode()) + part("images[]", PICTURE.encode())


@pytest.mark.parametrize(
    ("content_type", "body", "problem"),
    [
        ("multipart/form-data", WHOLE + b"--B--\r\n", "the form has no boundary"),
        ("multipart/form-data; boundary=", WHOLE + b"--B--\r\n", "the form has no boundary"),
        ("multipart/form-data; boundary=C", WHOLE + b"--B--\r\n", "the form is malformed"),
        ("multipart/form-data; boundary=" + "B" * 300, WHOLE, "the form is malformed"),
        ("multipart/form-data; boundary=B", b"", "the form is incomplete"),
        ("multipart/form-data; boundary=B", WHOLE, "the form is incomplete"),
        ("multipart/form-data; boundary=B", WHOLE + b"--B", "the form is incomplete"),
        ("multipart/form-data; boundary=B", part("x") * 5000 + b"--B--\r\n", "the form has more than 100 parts"),
        ("multipart/form-data; boundary=B", part("x", head=b"\r\nA: b" * 100) + b"--B--", "the form is malformed"),
        (
            "multipart/form-data; boundary=B",
            part("x", head=b"\r\nA: " + b"b" * 9000) + b"--B--",
            "the form is malformed",
        ),
        ("multipart/form-data; boundary=B", b"--B\r\nA" + b"a" * 100_000, "the form is malformed"),
    ],
)
def test_a_malformed_form_is_refused(
    sandbox: Sandbox, ada: Client, content_type: str, body: bytes, problem: str
) -> None:
    """A missing boundary, a missing end or too much of anything gets a 400 with a message, and nothing is stored."""
    faults = ada.post(body, content_type=content_type).faults
    assert [""] == list(faults)
    assert faults[""].startswith(problem)
    assert_nothing_started(sandbox)


@pytest.mark.parametrize(
    ("parts", "pointer", "problem"),
    [
        (part("prompt", b"once") + part("prompt", b"twice"), "/prompt", "occurs twice in the form"),
        (part("metadata[a]") + part("metadata[a]"), "/metadata", "occurs twice in the form"),
        (part("metadata[a]") + part("metadata"), "/metadata", "occurs twice in the form"),
        (part("metadata") + part("metadata[a]"), "/metadata", "has two different shapes in the form"),
        (part("images[]") + part("images[a]"), "/images", "has two different shapes in the form"),
        (part("prompt", b"\xff\xfe"), "/prompt", "is not valid UTF-8"),
        (part("prompt", picture(), b'; filename="p.jpg"'), "/prompt", "is sent as a file"),
        (part("prompt", picture(), b"; filename*=utf-8''p.jpg"), "/prompt", "is sent as a file"),
        (part("seed", head=b"\r\nContent-Transfer-Encoding: base64"), "/seed", "is encoded for transfer, in part 1"),
    ],
)
def test_contradictory_parts_are_reported(
    sandbox: Sandbox, ada: Client, parts: bytes, pointer: str, problem: str
) -> None:
    """A field has one value and one shape."""
    faults = ada.post(parts + b"--B--\r\n", content_type="multipart/form-data; boundary=B").faults
    assert [pointer] == list(faults)
    assert faults[pointer].startswith(problem)
    assert_nothing_started(sandbox)


@pytest.mark.parametrize(
    "name", [b"../../etc/passwd", b"C:\\boot.ini", b"a\x00.jpg", b"drop/x/1.jpg", b"%0d%0aX: y", "é.jpg".encode(), b""]
)
def test_file_names_are_ignored(sandbox: Sandbox, ada: Client, name: bytes) -> None:
    """An image is stored under its hash; its file name and media type are not used."""
    head = b'; filename="' + name + b'"\r\nContent-Type: text/html'
    body = part("prompt", PROMPT.encode()) + part("images[]", picture(), head) + b"--B--\r\n"
    job = made_by(sandbox, ada.post(body, content_type="multipart/form-data; boundary=B"))
    sha256 = hashlib.sha256(picture()).hexdigest()
    assert [f"uploads/ada/{sha256}.jpeg"] == [getattr(image, "key", "") for image in job.request.images]
    assert [128] == shades_of(job)


OF_A_FORM = "multipart/form-data; boundary=B"
SECOND = part("prompt", PROMPT.encode())
MALFORMED: dict[str, tuple[bytes, str]] = {
    "no headers": (b"--B\r\n\r\nx\r\n", "part 2 of the form has no name"),
    "no disposition": (b"--B\r\nContent-Type: text/plain\r\n\r\nx\r\n", "part 2 of the form has no name"),
    "another disposition": (
        b'--B\r\nContent-Disposition: file; name="a"\r\n\r\nx\r\n',
        "part 2 of the form has no name",
    ),
    "an empty name": (part(""), "part 2 of the form has no name"),
    "an extended name": (
        b"--B\r\nContent-Disposition: form-data; name*=utf-8''a\r\n\r\nx\r\n",
        "part 2 of the form has no name",
    ),
    "brackets only": (part("[]"), 'part 2 of the form has an invalid name ("[]")'),
    "an open bracket": (part("a[b"), 'part 2 of the form has an invalid name ("a[b")'),
    "too many levels": (part("a" + "[b]" * 50), "part 2 of the form has an invalid name"),
    "a long name": (part("a" * 70), "part 2 of the form has an invalid name"),
    "a name that is not UTF-8": (
        b'--B\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nx\r\n',
        "part 2 of the form has an invalid name",
    ),
    "a header without a colon": (
        b"--B\r\nContent-Disposition\r\n\r\nx\r\n",
        "the form is malformed in or after part 2",
    ),
    "a header with a space": (
        b"--B\r\nContent Disposition: x\r\n\r\nx\r\n",
        "the form is malformed in or after part 2",
    ),
    "a bare line feed": (
        b"--B\nContent-Disposition: x\n\nx\n",
        'the form is incomplete: its last boundary is missing in or after part 1 ("prompt")',
    ),
    "headers without an end": (
        b'--B\r\nContent-Disposition: form-data; name="a"',
        "the form is incomplete: its last boundary is missing in or after part 2",
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_part_is_named(sandbox: Sandbox, ada: Client, case: str) -> None:
    """The answer says which part it is, by number, and by name if it has one."""
    body, problem = MALFORMED[case]
    faults = ada.post(SECOND + body + b"--B--\r\n", content_type=OF_A_FORM).faults
    assert [""] == list(faults)
    assert faults[""].startswith(problem)
    assert_nothing_started(sandbox)


def test_all_malformed_parts_are_in_one_answer(ada: Client) -> None:
    """A form need not be fixed one part at a time."""
    body = (
        part("")
        + part("prompt", b"\xff")
        + part("seed", b"1", b'; filename="a"')
        + part("metadata", b"{")
        + b"--B--\r\n"
    )
    expected = ["part 1 of the form has no name", "is not valid UTF-8", "is sent as a file"]
    assert expected == [
        fault["detail"][: len(start)]
        for fault, start in zip(ada.post(body, content_type=OF_A_FORM).json["errors"], expected, strict=True)
    ]


@pytest.mark.parametrize(
    "name",
    [
        b"; filename*=utf-8''%e4%b8%ad.jpg",
        b"; FileName*=UTF-8'en'a.jpg",
        b'; filename*0="a"; filename*1=".jpg"',
        b"; filename=a.jpg",
    ],
)
def test_a_file_has_a_name_in_any_notation(sandbox: Sandbox, ada: Client, name: bytes) -> None:
    """Some clients send it only in the notation of RFC 5987."""
    body = SECOND + part("images", picture(), name) + b"--B--\r\n"
    assert [128] == shades_of(made_by(sandbox, ada.post(body, content_type=OF_A_FORM)))


def test_empty_inputs_of_a_browser_are_absent(sandbox: Sandbox, ada: Client) -> None:
    """A browser sends each field of a form: without a chosen file an empty one without a name, and empty texts."""
    empty = b'; filename=""\r\nContent-Type: application/octet-stream'
    texts = b"".join(part(name, b"") for name in ("seed", "duration", "model", "watermark", "webhook", "images[]"))
    files = (
        part("input_reference", b"", empty)
        + part("images[]", picture(), b'; filename="a.jpg"')
        + part("images[]", b"", empty)
    )
    request = made_by(sandbox, ada.post(SECOND + texts + files + b"--B--\r\n", content_type=OF_A_FORM)).request
    assert (5, None) == (request.parameters["duration"], request.parameters["seed"])
    assert [128] == shades_of(sandbox.jobs()[0])


def test_an_empty_file_with_a_name_is_reported(ada: Client) -> None:
    """It was chosen, and is not an image."""
    body = SECOND + part("images", b"", b'; filename="a.jpg"') + b"--B--\r\n"
    assert ["/images/0"] == list(ada.post(body, content_type=OF_A_FORM).faults)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_form_crashes_the_door(ada: Client, data: st.DataObject) -> None:
    """Any form, cut or patched anywhere, gets an error message or a video of the valid rest."""
    _, whole = form({"prompt": PROMPT, "metadata[a]": "b", "media[][url]": PICTURE, "seconds": "3"})
    boundary = whole[2:].partition(b"\r\n")[0].decode()
    start, end = sorted(data.draw(st.tuples(st.integers(0, len(whole)), st.integers(0, len(whole)))))
    patched = whole[:start] + data.draw(st.binary(max_size=20)) + whole[end:]
    answer = ada.post(patched, content_type=f"multipart/form-data; boundary={boundary}")
    assert answer.status in (202, 400), answer.text
