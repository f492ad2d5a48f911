"""The objects under the inbox prefix, and which of them form a drop."""

from __future__ import annotations

import unicodedata

import pytest
from gallop.domain import names
from gallop.domain.drops import drop as drops
from gallop.domain.drops.drop import Drop, Entry, Folder, Lone, Scope
from hypothesis import given
from hypothesis import strategies as st

NFC, NFD = (unicodedata.normalize(form, "Grüße.jpg") for form in ("NFC", "NFD"))


def entry(key: str, size: int = 10, etag: str = '"e"', modified: str = "2026-05-29T04:26:40+00:00") -> Entry:
    """Return an object of the inbox."""
    return Entry(key, size, etag, modified)


def folder(*names: str) -> Drop:
    """Return the one drop of a folder with these files."""
    (drop,) = drops.drops_of(Folder("ad"), [entry(f"drop/ad/{name}") for name in names])
    return drop


@pytest.mark.parametrize(
    ("key", "scope"),
    [
        ("drop/spring-ad/1.jpg", Folder("spring-ad")),
        ("drop/spring-ad/prompt.txt", Folder("spring-ad")),
        ("drop/a/b/c/1.jpg", Folder("a/b/c")),
        ("drop/cat.jpg", Lone("cat")),
        ("drop/cat.txt", Lone("cat")),
        ("drop/cat.v2.jpg", Lone("cat.v2")),
        ("drop/cat.v2.txt", Lone("cat.v2")),
        ("drop/cat.txt.txt", Lone("cat")),
        ("drop/cat.jpg.txt", Lone("cat")),
        (f"drop/{NFD}", Lone(NFC.removesuffix(".jpg"))),
        ("drop/__MACOSX/1.jpg", None),
        ("drop/spring-ad/__MACOSX/x/1.jpg", None),
        ("drop/drop/1.jpg", Folder("drop")),
        ("drop/a & b+c/50% 'x'.jpg", Folder("a & b+c")),
        ("drop//1.jpg", Folder("")),
        ("drop/a//1.jpg", Folder("a/")),
        ("drop/", None),
        ("drop/spring-ad/", None),
        ("drop/.DS_Store", None),
        ("drop/spring-ad/._1.jpg", None),
        ("drop/spring-ad/Thumbs.db", None),
        ("drop/spring-ad/desktop.ini", None),
        ("uploads/ada/1.jpg", None),
        ("dropped/1.jpg", None),
        ("drop", None),
    ],
)
def test_every_object_belongs_to_one_scope_or_none(key: str, scope: Scope | None) -> None:
    """A folder is one drop, files at the root are grouped by name, and clutter and other prefixes are not a drop."""
    assert scope == drops.scope_of(key)


@pytest.mark.parametrize("key", ["drop/a/1.jpg", "drop/a/b/1.jpg", "drop/cat.jpg", "drop//1.jpg", "drop/a//1.jpg"])
def test_an_object_is_listed_under_the_prefix_of_its_scope(key: str) -> None:
    """Listing the scope of an object includes the object."""
    scope = drops.scope_of(key)
    assert scope is not None
    assert key.startswith(drops.prefixes_of(scope))
    assert [key] == [image.key for drop in drops.drops_of(scope, [entry(key)]) for image in drop.images]


def test_images_are_in_natural_order() -> None:
    """2.jpg precedes 10.jpg, unlike in S3's order."""
    sent = ["b.webp", "10.jpg", "B10.png", "1.JPG", "b2.jpeg", "2.jpg", "a 1.jpg", "c (2).jpg", "c.jpg", "c (10).jpg"]
    expected = [
        "1.JPG",
        "2.jpg",
        "10.jpg",
        "a 1.jpg",
        "b.webp",
        "b2.jpeg",
        "B10.png",
        "c.jpg",
        "c (2).jpg",
        "c (10).jpg",
    ]
    assert expected == [image.name for image in folder(*sorted(sent)).images]


@given(st.lists(st.integers(0, 10**30), unique=True, max_size=20))
def test_numbers_are_sorted_as_numbers(numbers: list[int]) -> None:
    """Any number of digits is supported."""
    names = sorted(f"scene {number}.jpg" for number in numbers)
    expected = [f"scene {number}.jpg" for number in sorted(numbers)]
    assert expected == [image.name for image in folder("x.png", *names).images if image.name != "x.png"]


@given(st.lists(st.text(min_size=1, max_size=20).map(lambda text: text.replace("/", "_") + ".jpg"), max_size=9))
def test_every_name_can_be_ordered(names: list[str]) -> None:
    """Digits of other scripts, accents and control characters: every name has its position, and none is lost."""
    kept = {name for name in names if not drops.is_clutter(name)}
    assert kept == {image.name for image in folder("x.png", *kept).images} - {"x.png"}


def test_clutter_and_empty_files_are_ignored() -> None:
    """System files and files that are still empty are not part of a drop."""
    keys = ["drop/ad/.DS_Store", "drop/ad/._1.jpg", "drop/ad/Thumbs.db", "drop/ad/"]
    listing = [*(entry(key) for key in keys), entry("drop/ad/1.jpg", size=0)]
    assert [] == drops.drops_of(Folder("ad"), listing)
    (drop,) = drops.drops_of(Folder("ad"), [*listing, entry("drop/ad/2.jpg")])
    assert Drop("ad", (entry("drop/ad/2.jpg"),)) == drop


def test_texts_are_found_in_any_letter_case() -> None:
    """PROMPT.TXT is a prompt, too."""
    drop = folder("1.JPG", "Prompt.TXT", "JOB.json", "notes.doc")
    assert drop.prompt
    assert drop.settings
    assert ("Prompt.TXT", "JOB.json") == (drop.prompt.name, drop.settings.name)
    assert ["notes.doc"] == [stranger.name for stranger in drop.strangers]


def test_a_single_image_uses_the_text_with_its_name() -> None:
    """cat.txt is the prompt of cat.jpg and of cat.png, but not of cats.jpg."""
    keys = ["drop/cat.jpg", "drop/cat.png", "drop/cat.txt", "drop/cats.jpg", "drop/cats.txt"]
    found = drops.drops_of(Lone("cat"), [entry(key) for key in keys])
    assert [("cat.jpg", "cat.txt"), ("cat.png", "cat.txt")] == [
        (drop.path, drop.prompt and drop.prompt.name) for drop in found
    ]
    assert not any(drop.is_folder for drop in found)


def test_an_image_and_its_text_may_use_two_forms_of_an_accent() -> None:
    """A picture from a Mac and a text from Windows are one drop, and both are found."""
    text = NFC.replace(".jpg", ".txt")
    scope = drops.scope_of(f"drop/{NFD}")
    assert scope == drops.scope_of(f"drop/{text}")
    assert scope is not None
    assert all(f"drop/{name}".startswith(drops.prefixes_of(scope)) for name in (NFD, text))
    (drop,) = drops.drops_of(scope, [entry(f"drop/{NFD}"), entry(f"drop/{text}")])
    assert (NFD, entry(f"drop/{text}")) == (drop.path, drop.prompt)


def test_folders_that_differ_in_the_form_of_an_accent_are_two_drops() -> None:
    """S3 has two prefixes, and the receipts have the same two."""
    assert drops.scope_of("drop/Gr\u00fc\u00dfe/1.jpg") != drops.scope_of("drop/Gru\u0308\u00dfe/1.jpg")


@pytest.mark.parametrize("name", ["prompt.txt.txt", "Prompt.TXT.txt", "prompt.txt "])
def test_a_prompt_with_a_doubled_suffix_is_a_prompt(name: str) -> None:
    """Windows hides suffixes, so people type them again; the correct name takes precedence."""
    assert entry(f"drop/ad/{name}") == folder("1.jpg", name).prompt
    assert entry("drop/ad/prompt.txt") == folder("1.jpg", name, "prompt.txt").prompt


def test_settings_with_a_doubled_suffix_are_settings() -> None:
    """Notepad saves job.json as job.json.txt."""
    assert entry("drop/ad/Job.json.txt") == folder("1.jpg", "Job.json.txt").settings


@given(st.text(min_size=1, max_size=1100))
def test_receipts_fit_into_a_key_and_follow_the_path(path: str) -> None:
    """S3 accepts every receipt, however long the path is; a safe path up to 977 bytes is the receipts' own."""
    path = path.encode(errors="replace").decode()[:1000]
    receipts = drops.receipts_of(path)
    assert len(f"{receipts}/grp_{'a' * 26}/4/thumbnail.jpg".encode()) <= 1024
    assert receipts == path or names.fault_of(path) or len(path.encode()) > 977


def test_long_paths_that_differ_have_different_receipts() -> None:
    """They may differ at the end only."""
    first, second = (drops.receipts_of("\u00fc" * 500 + end) for end in "ab")
    assert first != second
    assert ("\u00fc" * 400, True) == (first[:400], "~" in first)


def test_no_drop_can_write_into_a_jobs_results() -> None:
    """The receipts of a folder that is named like a job have another name."""
    job, group = "job_" + "a" * 26, "grp_" + "a" * 26
    assert (f"ad/{job}~", "job_x") == (drops.receipts_of(f"ad/{job}"), drops.receipts_of("job_x"))
    assert (f"ad/{group}~", "grp_x") == (drops.receipts_of(f"ad/{group}"), drops.receipts_of("grp_x"))


@pytest.mark.parametrize(("path", "receipts"), [(".batches", ".batches~"), (".batches/a/b", ".batches~/a/b")])
def test_no_drop_can_write_into_the_lines_of_a_batch(path: str, receipts: str) -> None:
    """Those files expire after some months, and a video must not."""
    assert (receipts, ".batches.d") == (drops.receipts_of(path), drops.receipts_of(".batches.d"))


def test_the_digest_depends_on_the_objects_of_the_scope_only() -> None:
    """A drop is unchanged if it has the same objects, with the same content and times."""
    scope = Folder("ad")
    listing = [entry("drop/ad/1.jpg"), entry("drop/ad/prompt.txt")]
    digest = drops.digest_of(scope, listing)
    assert digest == drops.digest_of(scope, listing[::-1])
    assert digest == drops.digest_of(scope, [*listing, entry("drop/ad/.DS_Store"), entry("drop/other/1.jpg")])
    changes = [
        listing[:1],
        [*listing, entry("drop/ad/2.jpg")],
        [entry("drop/ad/1.jpg", etag='"f"'), listing[1]],
        [entry("drop/ad/1.jpg", modified="2026-05-29T04:26:41+00:00"), listing[1]],
    ]
    assert len(changes) + 1 == len({digest, *(drops.digest_of(scope, change) for change in changes)})


def test_a_video_beside_a_lone_image_is_a_drop_of_its_own() -> None:
    """It gets an answer of its own."""
    found = drops.drops_of(Lone("clip"), [entry("drop/clip.mp4"), entry("drop/clip.jpg")])
    assert ["clip.jpg", "clip.mp4"] == [drop.path for drop in found]
