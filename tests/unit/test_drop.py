"""What lies under the inbox prefix, and when it is ready."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from gallop.domain import drop as drops
from gallop.domain.drop import Drop, Entry, Folder, Incomplete, Lone, Ready, Scope
from gallop.errors import Fault
from hypothesis import given
from hypothesis import strategies as st

NFC, NFD = (unicodedata.normalize(form, "Grüße.jpg") for form in ("NFC", "NFD"))


def entry(key: str, size: int = 10, etag: str = '"e"', modified: str = "2026-05-29T04:26:40+00:00") -> Entry:
    """Give an object of the inbox."""
    return Entry(key, size, etag, modified)


def folder(*names: str) -> Drop:
    """Give the one drop of a folder with these files."""
    (drop,) = drops.drops_of(Folder("ad"), [entry(f"drop/ad/{name}") for name in names])
    return drop


def ready(drop: Drop, prompt: str | None = None, settings: dict[str, Any] | None = None) -> Ready:
    """Plan a drop that must be ready."""
    plan = drops.plan(drop, prompt, settings, "the default")
    assert isinstance(plan, Ready), plan
    return plan


def missing(drop: Drop, prompt: str | None = None, settings: dict[str, Any] | None = None) -> dict[str, str]:
    """Plan a drop that must be incomplete; gives its remedies by what is missing."""
    plan = drops.plan(drop, prompt, settings, "the default")
    assert isinstance(plan, Incomplete), plan
    return {fault.where: fault.remedy for fault in plan.missing}


@pytest.mark.parametrize(
    ("key", "scope"),
    [
        ("drop/spring-ad/1.jpg", Folder("spring-ad")),
        ("drop/spring-ad/prompt.txt", Folder("spring-ad")),
        ("drop/a/b/c/1.jpg", Folder("a/b/c")),
        ("drop/cat.jpg", Lone("cat")),
        ("drop/cat.txt", Lone("cat")),
        ("drop/cat.v2.jpg", Lone("cat.v2")),
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
    """A folder is one drop, files at the root go by their stem, clutter and other prefixes are no drop."""
    assert scope == drops.scope_of(key)


@pytest.mark.parametrize("key", ["drop/a/1.jpg", "drop/a/b/1.jpg", "drop/cat.jpg", "drop//1.jpg", "drop/a//1.jpg"])
def test_an_object_is_listed_under_the_prefix_of_its_scope(key: str) -> None:
    """A look at the scope of an object finds the object."""
    scope = drops.scope_of(key)
    assert scope is not None
    assert key.startswith(drops.prefix_of(scope))
    assert [key] == [image.key for drop in drops.drops_of(scope, [entry(key)]) for image in drop.images]


def test_images_come_in_natural_order() -> None:
    """2.jpg comes before 10.jpg, whatever S3 thinks."""
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
    """However many digits they have."""
    names = sorted(f"scene {number}.jpg" for number in numbers)
    expected = [f"scene {number}.jpg" for number in sorted(numbers)]
    assert expected == [image.name for image in folder("x.png", *names).images if image.name != "x.png"]


@given(st.lists(st.text(min_size=1, max_size=20).map(lambda text: text.replace("/", "_") + ".jpg"), max_size=9))
def test_no_name_breaks_the_order(names: list[str]) -> None:
    """Digits of other scripts, accents, control characters: every name has its place, and none is lost."""
    kept = {name for name in names if not drops.is_clutter(name)}
    assert kept == {image.name for image in folder("x.png", *kept).images} - {"x.png"}


def test_accents_are_one_whichever_way_they_are_written() -> None:
    """A Mac writes an accent as two characters, the rest of the world as one: they sort, and match, the same."""
    drop = folder(NFD, "Grüße 2.jpg")
    assert [NFD] == [image.name for image in ready(drop, "x", {"images": [NFC]}).images]
    drop = folder(NFC)
    assert [NFC] == [image.name for image in ready(drop, "x", {"images": [NFD]}).images]


def test_clutter_and_empty_files_are_no_part_of_a_drop() -> None:
    """What an operating system leaves behind, and what has no bytes (yet), counts for nothing."""
    keys = ["drop/ad/.DS_Store", "drop/ad/._1.jpg", "drop/ad/Thumbs.db", "drop/ad/"]
    listing = [*(entry(key) for key in keys), entry("drop/ad/1.jpg", size=0)]
    assert [] == drops.drops_of(Folder("ad"), listing)
    (drop,) = drops.drops_of(Folder("ad"), [*listing, entry("drop/ad/2.jpg")])
    assert Drop("ad", (entry("drop/ad/2.jpg"),)) == drop


def test_texts_are_found_in_any_case() -> None:
    """PROMPT.TXT is a prompt, too."""
    drop = folder("1.JPG", "Prompt.TXT", "JOB.json", "notes.doc")
    assert drop.prompt
    assert drop.settings
    assert ("Prompt.TXT", "JOB.json") == (drop.prompt.name, drop.settings.name)
    assert ["notes.doc"] == [stranger.name for stranger in drop.strangers]


def test_a_lone_image_takes_the_text_beside_it() -> None:
    """cat.txt is the prompt of cat.jpg, and of cat.png, but not of cats.jpg."""
    keys = ["drop/cat.jpg", "drop/cat.png", "drop/cat.txt", "drop/cats.jpg", "drop/cats.txt"]
    found = drops.drops_of(Lone("cat"), [entry(key) for key in keys])
    assert [("cat.jpg", "cat.txt"), ("cat.png", "cat.txt")] == [
        (drop.path, drop.prompt and drop.prompt.name) for drop in found
    ]
    assert not any(drop.is_folder for drop in found)


def test_a_lone_image_does_with_the_stacks_prompt() -> None:
    """An image alone is a whole wish."""
    (drop,) = drops.drops_of(Lone("cat"), [entry("drop/cat.jpg")])
    assert {"prompt": "the default"} == ready(drop).fields
    assert {"prompt": "purr"} == ready(drop, " purr\n").fields


def test_a_change_of_the_stacks_prompt_is_no_change_of_the_drop() -> None:
    """The identity of a drop is what was dropped, so that an update of the stack starts nothing anew."""
    (drop,) = drops.drops_of(Lone("cat"), [entry("drop/cat.jpg")])
    other = drops.plan(drop, None, None, "another default")
    assert isinstance(other, Ready)
    assert ready(drop).identity == other.identity
    assert ready(drop, "purr").identity != other.identity


def test_a_folder_needs_a_prompt_and_an_image() -> None:
    """Each thing that is missing is named, with what to do about it."""
    no_prompt = {"prompt.txt": "Upload a text that says what should happen in the video."}
    no_image = {"ad": "Upload 1 to 9 images (JPEG, PNG or WEBP) into the folder."}
    assert no_prompt == missing(folder("1.jpg"))
    assert no_image == missing(folder("prompt.txt"), "a prompt")
    assert no_prompt | no_image == missing(folder("notes.doc"))


def test_a_text_of_another_name_is_pointed_out() -> None:
    """Who wrote the prompt into prompt.md is told to rename it."""
    assert {"prompt.txt": "Rename prompt.md to prompt.txt."} == missing(folder("1.jpg", "prompt.md"))


def test_settings_win_over_the_prompt_file() -> None:
    """job.json says the last word, field by field."""
    drop = folder("1.jpg", "prompt.txt", "job.json")
    assert {"prompt": "from job", "duration": 3} == ready(
        drop, "from txt", {"prompt": "from job", "duration": 3}
    ).fields
    assert {"prompt": "from txt", "duration": 3} == ready(drop, "from txt", {"duration": 3}).fields


def test_listed_images_start_at_once_in_their_order() -> None:
    """A drop whose images are listed and there need not wait for quiet; the list, not the name, gives the order."""
    drop = folder("1.jpg", "2.jpg", "3.jpg", "job.json")
    plan = ready(drop, "x", {"images": ["3.jpg", "1.jpg"]})
    assert plan.at_once
    assert ["3.jpg", "1.jpg"] == [image.name for image in plan.images]
    assert not ready(drop, "x", {"duration": 5}).at_once


def test_a_listed_image_that_is_not_there_is_named() -> None:
    """A drop waits for every image that it lists."""
    drop = folder("1.jpg", "prompt.txt", "job.json")
    assert {"2.jpg", "prompt.txt"} == missing(drop, None, {"images": ["1.jpg", "2.jpg"]}).keys()


@pytest.mark.parametrize(
    "data",
    [
        "Grüße, 世界\nzweite Zeile".encode(),
        "Grüße, 世界\r\nzweite Zeile".encode("utf-8-sig"),
        b"\xff\xfe" + "Grüße, 世界\nzweite Zeile".encode("utf-16-le"),
        b"\xfe\xff" + "Grüße, 世界\r\nzweite Zeile".encode("utf-16-be"),
    ],
)
def test_a_text_is_read_as_its_editor_saved_it(data: bytes) -> None:
    """UTF-8 or UTF-16, with or without a byte order mark, with Windows' line ends or without."""
    assert "Grüße, 世界\nzweite Zeile" == drops.decode("prompt.txt", data)


@pytest.mark.parametrize("data", ["Grüße".encode("latin-1"), b"\xff\xfea", b"\xff\xfe\x00\xd8", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_text_is_refused(data: bytes) -> None:
    """A prompt of guessed letters would be paid for."""
    with pytest.raises(ValueError, match=r"prompt\.txt is not a text"):
        drops.decode("prompt.txt", data)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{\n  "prompt": "x"\n  "ratio": "1:1"\n}', "is not valid JSON: Expecting ',' delimiter in line 3, column 3"),
        ("", "is not valid JSON: Expecting value in line 1, column 1"),
        ("{'prompt': 'x'}", "in line 1, column 2"),
        ('["x"]', "is not a JSON object"),
        ('"x"', "is not a JSON object"),
        ("[" * 100_000, "is nested too deeply"),
        ('{"seed": ' + "9" * 5000 + "}", "is not valid JSON"),
        ('{"metadata": {"a": NaN}}', "is not valid JSON: NaN is not a number"),
        ('{"images": "1.jpg"}', "lists its images in a way that cannot be read"),
        ('{"images": []}', "lists its images in a way that cannot be read"),
        ('{"images": [1]}', "lists its images in a way that cannot be read"),
    ],
)
def test_broken_settings_are_told_with_their_place(text: str, problem: str) -> None:
    """A fault in job.json names the line and the column where there are any."""
    fault = drops.read_settings("job.json", text)
    assert isinstance(fault, Fault)
    assert "job.json" == fault.where
    assert problem in fault.problem


@given(st.text(max_size=200) | st.recursive(st.integers() | st.text(), st.lists, max_leaves=5).map(json.dumps))
def test_no_text_breaks_the_settings(text: str) -> None:
    """Whatever stands in job.json, out come fields or a fault."""
    assert isinstance(drops.read_settings("job.json", text), dict | Fault)


@pytest.mark.parametrize(
    ("fault", "names", "settings", "where"),
    [
        ("/prompt", ("prompt.txt",), None, "prompt.txt"),
        ("/prompt", ("prompt.txt", "job.json"), {"prompt": "x"}, "job.json: /prompt"),
        ("/prompt", ("prompt.txt", "job.json"), {"seed": 1}, "prompt.txt"),
        ("/ratio", ("prompt.txt", "job.json"), {"ratio": "x"}, "job.json: /ratio"),
        ("/images", ("prompt.txt",), None, "ad"),
    ],
)
def test_a_fault_names_the_file_that_it_came_from(
    fault: str, names: tuple[str, ...], settings: dict[str, Any] | None, where: str
) -> None:
    """A dropper knows files, not fields."""
    drop = folder("1.jpg", *names)
    plan = ready(drop, "x", settings)
    assert Fault(where, "p", "r") == drops.placed(Fault(fault, "p", "r"), drop, plan)


def test_the_digest_changes_with_anything_in_the_scope_and_with_nothing_else() -> None:
    """Quiet means: the same objects, with the same content, at the same times."""
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
