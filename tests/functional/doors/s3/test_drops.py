"""The S3 door."""

from __future__ import annotations

import json
import math
import unicodedata
from itertools import permutations
from typing import TYPE_CHECKING
from unittest.mock import patch
from uuid import uuid4

import pytest
from gallop.adapters.stepfunctions import job_workflow
from gallop.domain.errors import AwsTrouble
from gallop.domain.request.images import StoredImage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.drops import Door, record
from tests.support.faults import details
from tests.support.pictures import animated, picture
from tests.template.stack import batch_size, parameter

if TYPE_CHECKING:
    from tests.support.sandbox import Sandbox

PROMPT = b"The woman of [Image 1] smiles."
QUIET, HOUR = int(parameter("QuietSeconds")), 3600
NAMES = [
    "spring ad",
    "a+b & c=d",
    "50% 'off' \"now\"",
    "100%25",
    "#1?x=y",
    unicodedata.normalize("NFC", "Grüße"),
    unicodedata.normalize("NFD", "Grüße"),
    "春の広告",
    "🐎 gallop",
    "a/b/c",
    "~!@$^()_-{}[]|;:,.<>`",
    "100%2B",
    "drop",
]


@pytest.fixture
def door(sandbox: Sandbox) -> Door:
    """Return the door of a sandbox."""
    return Door(sandbox)


def drop(sandbox: Sandbox, folder: str, **files: bytes) -> None:
    """Upload files to a folder; ``p1="..."`` is ``1.jpg``, ``prompt`` and ``job`` are the two texts."""
    names = {"prompt": "prompt.txt", "job": "job.json"}
    for name, data in files.items():
        sandbox.drop(f"drop/{folder}/{names.get(name, f'{name[1:]}.jpg')}", data)


def names_of(sandbox: Sandbox) -> list[str]:
    """Return the keys of the one job's images."""
    (job,) = sandbox.jobs()
    return [image.key.rpartition("/")[2] for image in job.request.images if isinstance(image, StoredImage)]


def refusal(sandbox: Sandbox, path: str) -> dict[str, str]:
    """Return the problems of error.json by file; there must be neither a job nor a task."""
    receipt = sandbox.receipt(f"{path}/error.json")
    assert ([], []) == (sandbox.jobs(), sandbox.executions())
    assert receipt["job"] is None
    assert "refused" == receipt["state"]
    assert "invalid_request" == receipt["error"]["code"]
    assert all(fault["remedy"] for fault in receipt["faults"])
    return details(receipt["faults"])


@pytest.mark.parametrize("order", list(permutations(["prompt", "p10", "p2"])))
def test_every_order_of_arrival_makes_the_same_job(sandbox: Sandbox, door: Door, order: tuple[str, ...]) -> None:
    """A folder with a prompt and images becomes one job, with its images in the order of their names."""
    files = {"prompt": PROMPT, "p10": picture(shade=10), "p2": picture(shade=2)}
    for name in order:
        drop(sandbox, "ad", **{name: files[name]})
        door.run(3)
    door.run(QUIET)
    assert ["2.jpg", "10.jpg"] == names_of(sandbox)
    (job,) = sandbox.jobs()
    assert PROMPT.decode() == job.request.prompt
    assert "s3" == job.client
    assert "ad" == job.receipts
    assert [job.id] == sandbox.executions()
    assert "queued" == sandbox.receipt("ad/status.json")["state"]


def test_a_drop_starts_when_it_has_been_unchanged(sandbox: Sandbox, door: Door) -> None:
    """It starts ``QuietSeconds`` after the last change, and not before."""
    drop(sandbox, "ad", prompt=PROMPT, p1=picture())
    door.run(6)
    assert [] == sandbox.jobs()
    drop(sandbox, "ad", p2=picture(shade=1))
    door.run(QUIET - 1)
    assert [] == sandbox.jobs()
    door.run(2)
    assert ["1.jpg", "2.jpg"] == names_of(sandbox)


def test_a_deletion_while_waiting_counts_as_a_change(sandbox: Sandbox, door: Door) -> None:
    """Although S3 sends no event for it here, the drop starts with the remaining files."""
    drop(sandbox, "ad", prompt=PROMPT, p1=picture(), p2=picture(shade=1))
    door.run(QUIET - 1)
    sandbox.s3.delete_object(Bucket=sandbox.inbox, Key="drop/ad/2.jpg")
    door.run(3 * QUIET)
    assert ["1.jpg"] == names_of(sandbox)


def test_a_drop_that_was_deleted_does_not_start(sandbox: Sandbox, door: Door) -> None:
    """A folder without files starts nothing."""
    drop(sandbox, "ad", p1=picture())
    sandbox.s3.delete_object(Bucket=sandbox.inbox, Key="drop/ad/1.jpg")
    door.run(2 * HOUR)
    assert [] == sandbox.jobs()
    assert [] == sandbox.results_there()
    assert [] == door.waiting()


@pytest.mark.parametrize("order", list(permutations(["job", "p1", "p2"])))
def test_listed_images_start_the_job_immediately(sandbox: Sandbox, door: Door, order: tuple[str, ...]) -> None:
    """The job starts as soon as everything that job.json lists is there, in the order of the list."""
    settings = json.dumps({"prompt": PROMPT.decode(), "images": ["2.jpg", "1.jpg"], "duration": 3}).encode()
    files = {"job": settings, "p1": picture(), "p2": picture(shade=2)}
    for name in order[:-1]:
        drop(sandbox, "ad", **{name: files[name]})
        door.run(1)
    assert [] == sandbox.jobs()
    drop(sandbox, "ad", **{order[-1]: files[order[-1]]})
    door.run(0.1)
    assert ["2.jpg", "1.jpg"] == names_of(sandbox)
    door.run(HOUR)
    assert 1 == len(sandbox.executions())


@pytest.mark.parametrize("times", [2, 5])
def test_repeated_events_of_one_drop_make_one_job(sandbox: Sandbox, times: int) -> None:
    """SQS delivers at least once: five deliveries of each event are one job, one execution and one receipt."""
    drop(sandbox, "ad", prompt=PROMPT, p1=picture(), p2=picture(shade=1))
    Door(sandbox, times).run(HOUR)
    (job,) = sandbox.jobs()
    assert [job.id] == sandbox.executions()


def test_late_and_repeated_events_make_no_second_job(sandbox: Sandbox, door: Door) -> None:
    """Events that are repeated after the job has ended start nothing."""
    drop(sandbox, "ad", prompt=PROMPT, p1=picture())
    events = [json.dumps(body) for body in door.waiting()]
    door.run(HOUR)
    for event in (*events, *reversed(events)):
        door.send(event)
        door.run(QUIET + 1)
    assert (1, 1) == (len(sandbox.jobs()), len(sandbox.executions()))


def test_the_same_content_again_is_the_same_job(sandbox: Sandbox, door: Door) -> None:
    """Copying the folder again starts nothing new."""
    for _ in range(2):
        drop(sandbox, "ad", prompt=PROMPT, p1=picture())
        door.run(HOUR)
    assert 1 == len(sandbox.jobs())


@pytest.mark.parametrize("change", [{"prompt": PROMPT + b" Again."}, {"p1": picture(shade=7)}, {"job": b'{"seed": 1}'}])
def test_changed_content_is_a_new_job(sandbox: Sandbox, door: Door, change: dict[str, bytes]) -> None:
    """Another prompt, image or setting is another request."""
    drop(sandbox, "ad", prompt=PROMPT, p1=picture())
    door.run(HOUR)
    drop(sandbox, "ad", **change)
    door.run(HOUR)
    assert 2 == len(sandbox.jobs())


def test_a_running_job_keeps_its_images(sandbox: Sandbox, door: Door) -> None:
    """A job refers to the versions that were checked, so that a later upload does not change it."""
    drop(sandbox, "ad", prompt=PROMPT, p1=picture())
    version = sandbox.s3.head_object(Bucket=sandbox.inbox, Key="drop/ad/1.jpg")["VersionId"]
    door.run(HOUR)
    drop(sandbox, "ad", p1=b"something else")
    (job,) = sandbox.jobs()
    (image,) = job.request.images
    assert isinstance(image, StoredImage)
    assert version == image.version_id


def test_a_single_image_is_a_complete_drop(sandbox: Sandbox, door: Door) -> None:
    """It gets the stack's prompt, and its receipts have its name."""
    sandbox.drop("drop/cat.jpg", picture())
    door.run(QUIET + 1)
    (job,) = sandbox.jobs()
    assert "The subject of [Image 1] comes to life" in job.request.prompt
    assert ["cat.jpg/status.json"] == sandbox.results_there()


def test_a_single_image_uses_the_prompt_with_its_name(sandbox: Sandbox, door: Door) -> None:
    """The order of arrival does not matter."""
    sandbox.drop("drop/cat.txt", b"\xef\xbb\xbfThe cat smiles.\r\n")
    door.run(3)
    sandbox.drop("drop/cat.jpg", picture())
    door.run(QUIET + 1)
    (job,) = sandbox.jobs()
    assert "The cat smiles." == job.request.prompt


def test_settings_are_combined_with_the_prompt(sandbox: Sandbox, door: Door) -> None:
    """The prompt comes from its file and everything else from job.json."""
    settings = {
        "ratio": "9:16",
        "resolution": "1080P",
        "duration": 3,
        "seed": 7,
        "watermark": True,
        "metadata": {"a": 1},
    }
    drop(sandbox, "ad", prompt=PROMPT, job=json.dumps(settings).encode(), p1=picture())
    door.run(QUIET + 1)
    (job,) = sandbox.jobs()
    assert settings.pop("metadata") == job.request.metadata
    assert settings == job.request.parameters


@pytest.mark.parametrize("name", NAMES)
def test_every_name_works(sandbox: Sandbox, door: Door, name: str) -> None:
    """Spaces, special characters, accents in both Unicode forms and emoji work, in folder and file names."""
    sandbox.drop(f"drop/{name}/{name.replace('/', ' ')}.JPG", picture())
    sandbox.drop(f"drop/{name}/prompt.txt", PROMPT)
    door.run(QUIET + 1)
    (job,) = sandbox.jobs()
    assert (name, [f"{name}/status.json"]) == (job.receipts, sandbox.results_there())


@pytest.mark.parametrize(
    "key",
    [
        "drop/",
        "drop/ad/",
        "drop/.DS_Store",
        "drop/ad/._1.jpg",
        "drop/ad/Thumbs.db",
        "drop/__MACOSX/1.jpg",
        "uploads/ada/1.jpg",
        "x.jpg",
    ],
)
def test_a_key_that_is_not_a_drop_starts_nothing(sandbox: Sandbox, door: Door, key: str) -> None:
    """Folder markers, system files and other prefixes cause no check and get no receipt."""
    sandbox.drop(key, b"anything")
    door.run(2 * HOUR)
    assert [] == door.waiting()
    assert [] == sandbox.jobs()
    assert [] == sandbox.results_there()


def test_objects_that_the_stack_writes_start_nothing(sandbox: Sandbox, door: Door) -> None:
    """Results and uploads send no event."""
    # The first message of a new bucket's notification is S3's own test.
    door.forget()
    sandbox.s3.put_object(Bucket=sandbox.results, Key="drop/ad/1.jpg", Body=picture())
    sandbox.drop("uploads/ada/drop/1.jpg", picture())
    assert [] == door.waiting()


def test_an_empty_file_counts_as_missing(sandbox: Sandbox, door: Door) -> None:
    """Some programs first create a file without content."""
    drop(sandbox, "ad", prompt=b"", p1=picture())
    door.run(QUIET + 1)
    assert [] == sandbox.jobs()
    drop(sandbox, "ad", prompt=PROMPT)
    door.run(3 * QUIET + 4)
    assert 1 == len(sandbox.jobs())


def test_nested_folders_are_separate_drops(sandbox: Sandbox, door: Door) -> None:
    """Files in a subfolder belong to the subfolder only."""
    drop(sandbox, "ad", prompt=PROMPT, p1=picture())
    drop(sandbox, "ad/variant", prompt=PROMPT, p2=picture(shade=2))
    door.run(QUIET + 1)
    assert ["ad", "ad/variant"] == sorted(job.receipts for job in sandbox.jobs())
    assert {1} == {len(job.request.images) for job in sandbox.jobs()}


def test_many_events_cost_few_looks(sandbox: Sandbox, door: Door) -> None:
    """Files that come together are looked at once for each delivery; one of these sends a look for the quiet time."""
    door.forget()
    drop(sandbox, "ad", prompt=PROMPT, **{f"p{number}": picture(shade=number) for number in range(1, 10)})
    assert 10 == len(door.waiting())
    assert math.ceil(10 / batch_size("SubmitFunction")) + 1 == door.run(HOUR)
    assert 9 == len(names_of(sandbox))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"p1": picture()}, {"prompt.txt": "is missing"}),
        ({"prompt": PROMPT}, {"ad": "has no image"}),
        ({"job": b"{}"}, {"prompt.txt": "is missing", "ad": "has no image"}),
        (
            {"prompt": PROMPT, "p1": picture(), "job": b'{"images": ["1.jpg", "2.jpg"]}'},
            {"2.jpg": "is listed in job.json, but is not in the folder"},
        ),
        (
            {"prompt": PROMPT, "p1": picture(), "job": rb'{"images": ["\ud83d.jpg"]}'},
            {"?.jpg": "is listed in job.json, but is not in the folder"},
        ),
    ],
)
def test_the_receipt_of_an_incomplete_drop_names_what_is_missing(
    sandbox: Sandbox, door: Door, files: dict[str, bytes], expected: dict[str, str]
) -> None:
    """It is in status.json once the folder is unchanged and in error.json after an hour; then the checks end."""
    drop(sandbox, "ad", **files)
    door.run(QUIET + 1)
    status = sandbox.receipt("ad/status.json")
    assert ["ad/status.json"] == sandbox.results_there()
    assert (None, "incomplete") == (status["job"], status["state"])
    assert expected == details(status["waiting_for"])
    door.run(HOUR - 60)
    assert ["ad/status.json"] == sandbox.results_there()
    door.run(2 * 60)
    assert "refused" == sandbox.receipt("ad/status.json")["state"]
    assert expected == refusal(sandbox, "ad")
    assert [] == door.waiting()


def test_an_incomplete_drop_starts_when_it_is_completed(sandbox: Sandbox, door: Door) -> None:
    """Uploading what was missing is enough, within the hour or after it, and the old receipt is removed."""
    drop(sandbox, "ad", p1=picture())
    door.run(2 * HOUR)
    assert ["ad/error.json", "ad/status.json"] == sandbox.results_there()
    drop(sandbox, "ad", prompt=PROMPT)
    door.run(QUIET + 1)
    assert ["ad/status.json"] == sandbox.results_there()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"prompt": b" \n"}, {"prompt.txt": "is missing or empty"}),
        ({"prompt": b"x" * 5001}, {"prompt.txt": "is too long: 5,001 characters"}),
        ({"prompt": b"[Image 4] dances"}, {"prompt.txt": "refers to [Image 4], but there are only 3 images"}),
        ({"prompt": b"Gr\xfc\xdfe"}, {"prompt.txt": "is not valid UTF-8 text"}),
        ({"prompt": b"x" * 300_000}, {"prompt.txt": "is too large: 300,000 bytes; the maximum is "}),
        ({"p2": b"Not a picture."}, {"2.jpg": "is not a supported image"}),
        ({"p2": animated("GIF")}, {"2.jpg": "is an animation (2 frames)"}),
        (
            {"p2": picture(width=300, height=300)},
            {"2.jpg": "is 300 x 300 px; the shorter side must be at least 400 px"},
        ),
        ({"p2": picture()[:12]}, {"2.jpg": "is damaged"}),
        ({"p2": picture() + bytes(101 * 1024**2)}, {"2.jpg": "is too large: 101.0 MB; the maximum is 100 MB"}),
        ({f"p{number}": picture() for number in range(4, 11)}, {"ad": "there are 10 images; 1 to 9 are required"}),
        ({"job": b'{"ratio": "16:9",}'}, {"job.json": "is not valid JSON: "}),
        ({"job": b"[]"}, {"job.json": "is not a JSON object"}),
        ({"job": b'{"images": "1.jpg"}'}, {"job.json": "has an invalid list of images"}),
        ({"job": b'{"ratio": "2:1"}'}, {"job.json /ratio": 'unknown value "2:1"'}),
        ({"job": b'{"duration": 2}'}, {"job.json /duration": "must be a whole number from 3 to 15 seconds, not 2"}),
        ({"job": b'{"duration": 16}'}, {"job.json /duration": "must be a whole number from 3 to 15 seconds, not 16"}),
        ({"job": b'{"prompt": ""}'}, {"job.json /prompt": "is missing or empty"}),
        ({"job": b'{"fps": 60}'}, {"job.json /fps": "is not a field of a video request"}),
        ({"job": b"\xff"}, {"job.json": "is not valid UTF-8 text"}),
    ],
)
def test_invalid_files_are_explained(
    sandbox: Sandbox, door: Door, files: dict[str, bytes], expected: dict[str, str]
) -> None:
    """Each file that must be fixed is named with its problem; nothing starts and nothing is charged."""
    whole = {"prompt": PROMPT, "p1": picture(), "p2": picture(shade=2), "p3": picture(shade=3)}
    drop(sandbox, "ad", **{**whole, **files})
    door.run(QUIET + 1)
    problems = refusal(sandbox, "ad")
    assert expected.keys() == problems.keys()
    assert all(problems[file].startswith(problem) for file, problem in expected.items())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=60), st.none() | st.binary(min_size=1, max_size=60) | st.text(min_size=1))
def test_no_text_crashes_the_door(
    sandbox: Sandbox, door: Door, prompt: bytes, settings_text: bytes | str | None
) -> None:
    """Whatever the two texts contain, the drop becomes a job or gets a receipt, and no message fails."""
    folder = uuid4().hex
    drop(sandbox, folder, prompt=prompt, p1=picture())
    if settings_text is not None:
        data = settings_text if isinstance(settings_text, bytes) else json.dumps({"prompt": settings_text}).encode()
        drop(sandbox, folder, job=data)
    door.run(2 * QUIET)
    found = sandbox.s3.list_objects_v2(Bucket=sandbox.results, Prefix=folder).get("Contents", [])
    assert ([], True) == (door.waiting(), any(entry["Key"].endswith("/status.json") for entry in found))


def test_all_problems_are_reported_at_once(sandbox: Sandbox, door: Door) -> None:
    """One receipt is enough to fix everything."""
    settings = b'{"ratio": "2:1", "duration": 60, "sead": 1, "sead": 2}'
    drop(sandbox, "ad", prompt=b"[Image 9]", job=settings, p1=b"text", p2=picture(width=10, height=10), p3=picture())
    door.run(QUIET + 1)
    of_settings = {"job.json", "job.json /ratio", "job.json /duration", "job.json /sead"}
    assert {"prompt.txt", "1.jpg", "2.jpg"} | of_settings == refusal(sandbox, "ad").keys()


def test_images_are_checked_even_if_the_texts_are_invalid(sandbox: Sandbox, door: Door) -> None:
    """Two invalid texts, an invalid image and a listed image that is missing are reported in one receipt."""
    drop(sandbox, "bad", prompt=b"\xff", job=b"{", p1=b"text")
    drop(sandbox, "half", job=b'{"images": ["1.jpg", "2.jpg"], "seed": -1}', p1=b"text")
    door.run(QUIET + 1)
    found = {folder: set(details(sandbox.receipt(f"{folder}/error.json")["faults"])) for folder in ("bad", "half")}
    expected = {
        "bad": {"prompt.txt", "job.json", "1.jpg"},
        "half": {"2.jpg", "prompt.txt", "1.jpg", "job.json /seed"},
    }
    assert expected == found


def test_a_fixed_drop_starts_automatically(sandbox: Sandbox, door: Door) -> None:
    """Uploading the fixed file is enough."""
    drop(sandbox, "ad", prompt=PROMPT, p1=b"text")
    door.run(QUIET + 1)
    assert ["1.jpg"] == list(refusal(sandbox, "ad"))
    drop(sandbox, "ad", p1=picture())
    door.run(QUIET + 1)
    assert (1, ["ad/status.json"]) == (len(sandbox.jobs()), sandbox.results_there())
    assert "queued" == sandbox.receipt("ad/status.json")["state"]


def test_a_key_of_a_thousand_bytes_works(sandbox: Sandbox, door: Door) -> None:
    """Its receipts have a shortened path, and S3 accepts each of their keys."""
    path = "ü" * 503
    sandbox.drop(f"drop/{path}/1.jpg", picture())
    sandbox.drop(f"drop/{path}/p.txt", b"x")
    door.run(QUIET + 1)
    (status,) = sandbox.results_there()
    assert ("incomplete", True) == (sandbox.receipt(status)["state"], status.startswith(path[:400]))


def test_events_may_come_from_eventbridge(sandbox: Sandbox, door: Door) -> None:
    """EventBridge does not encode keys; otherwise its events say the same."""
    drop(sandbox, "100%2B", prompt=PROMPT, p1=picture())
    door.forget()
    detail = {"bucket": {"name": sandbox.inbox}, "object": {"key": "drop/100%2B/1.jpg"}, "reason": "PutObject"}
    door.send(json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail}))
    door.run(QUIET + 1)
    assert ["100%2B"] == [job.receipts for job in sandbox.jobs()]


def test_an_invalid_drop_does_not_affect_others(sandbox: Sandbox, door: Door) -> None:
    """Ten drops in one batch, three of them invalid, become seven jobs."""
    for number in range(10):
        drop(sandbox, f"ad-{number}", prompt=PROMPT, p1=b"text" if number % 4 == 1 else picture(shade=number))
    door.run(QUIET + 2)
    assert (7, 7) == (len(sandbox.jobs()), len(sandbox.executions()))
    assert 3 == len([key for key in sandbox.results_there() if key.endswith("error.json")])


@pytest.mark.parametrize(
    "poison", ["not JSON", "[]", '{"Records": [{}]}', '{"look": {}}', '{"look": {"folder": "x"}}', '{"a": 1}']
)
def test_an_unreadable_message_blocks_no_other(sandbox: Sandbox, door: Door, poison: str) -> None:
    """It alone is reported as failed and goes to the dead-letter queue in the end; the drops are processed."""
    door.send(poison)
    drop(sandbox, "ad", prompt=PROMPT, p1=picture())
    door.run(QUIET + 2)
    assert 1 == len(sandbox.jobs())
    door.run(2 * HOUR)
    assert ([poison], []) == (door.dead(), door.waiting())


def test_a_batch_of_unreadable_messages_is_answered(sandbox: Sandbox) -> None:
    """The function reports each message and does not fail as a whole."""
    event = {"Records": [record("m-1", "x"), record("m-2", "y")]}
    assert {"batchItemFailures": [{"itemIdentifier": "m-1"}, {"itemIdentifier": "m-2"}]} == sandbox.invoke(
        "SubmitFunction", event
    )


def test_s3s_test_message_is_ignored(door: Door) -> None:
    """S3 sends one when notifications are set up."""
    door.send('{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "gallop-inbox"}')
    door.run(1)
    assert ([], []) == (door.waiting(), door.dead())


def test_an_aws_error_is_corrected_by_the_next_delivery(sandbox: Sandbox, door: Door) -> None:
    """A job that was recorded but not started, because Step Functions was unavailable, is started later."""
    drop(sandbox, "ad", prompt=PROMPT, p1=picture())
    with patch.object(job_workflow, "start", side_effect=AwsTrouble("no")) as start:
        door.run(QUIET + 1)
    assert 1 == start.call_count
    assert 1 == len(sandbox.jobs())
    assert [] == sandbox.executions()
    door.run(HOUR)
    assert [job.id for job in sandbox.jobs()] == sandbox.executions()
