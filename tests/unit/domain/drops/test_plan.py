"""Whether a drop can start, and what it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from gallop.domain.drops import drop as drops
from gallop.domain.drops import plan as plans
from gallop.domain.drops.drop import Drop, Lone
from gallop.domain.drops.texts import Texts
from gallop.domain.faults import Fault

from tests.unit.domain.drops.test_drop import NFC, NFD, entry, folder

if TYPE_CHECKING:
    from gallop.domain.drops.plan import Plan


def planned(drop: Drop, prompt: str | None = None, settings: dict[str, Any] | None = None) -> Plan:
    """Plan a drop whose texts say so."""
    return plans.plan(drop, Texts(prompt, settings), "the default")


def ready(drop: Drop, prompt: str | None = None, settings: dict[str, Any] | None = None) -> Plan:
    """Plan a drop that must lack nothing."""
    plan = planned(drop, prompt, settings)
    assert ((), ()) == (plan.missing, plan.faults)
    return plan


def missing(drop: Drop, prompt: str | None = None, settings: dict[str, Any] | None = None) -> dict[str, str]:
    """Plan a drop that must lack something and return its remedies by what is missing."""
    plan = planned(drop, prompt, settings)
    assert plan.missing
    return {fault.file: fault.remedy for fault in plan.missing}


def test_accents_are_one_whichever_way_they_are_written() -> None:
    """A Mac writes an accent as two characters, the rest of the world as one: they sort, and match, the same."""
    drop = folder(NFD, "Grüße 2.jpg")
    assert [NFD] == [image.name for image in ready(drop, "x", {"images": [NFC]}).images]
    drop = folder(NFC)
    assert [NFC] == [image.name for image in ready(drop, "x", {"images": [NFD]}).images]


def test_a_lone_image_does_with_the_stacks_prompt() -> None:
    """An image alone is a whole wish."""
    (drop,) = drops.drops_of(Lone("cat"), [entry("drop/cat.jpg")])
    assert {"prompt": "the default"} == ready(drop).fields
    assert {"prompt": "purr"} == ready(drop, " purr\n").fields


def test_a_change_of_the_stacks_prompt_is_no_change_of_the_drop() -> None:
    """The identity of a drop is what was dropped, so that an update of the stack starts nothing anew."""
    (drop,) = drops.drops_of(Lone("cat"), [entry("drop/cat.jpg")])
    other = plans.plan(drop, Texts(), "another default")
    assert ready(drop).identity == other.identity
    assert ready(drop, "purr").identity != other.identity


def test_a_folder_needs_a_prompt_and_an_image() -> None:
    """Each thing that is missing is named, with what to do about it."""
    no_prompt = {"prompt.txt": "Upload a text that says what should happen in the video."}
    no_image = {"ad": "Upload 1 to 9 images (JPEG, PNG or WEBP) into the folder."}
    assert no_prompt == missing(folder("1.jpg"))
    assert no_image == missing(folder("prompt.txt"), "a prompt")
    assert no_prompt | no_image == missing(folder("job.json"), None, {})


def test_what_cannot_be_used_is_named() -> None:
    """A folder of other files is told which of them count for nothing."""
    expected = {
        "prompt.txt": "Open notes.docx, save it as plain text under the name prompt.txt, and upload that.",
        "ad": "Upload 1 to 9 images (JPEG, PNG or WEBP) into the folder. "
        "As an image, notes.docx, cat.psd cannot be used.",
    }
    assert expected == missing(folder("notes.docx", "cat.psd"))


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
    ("pointer", "names", "settings", "expected"),
    [
        ("/prompt", ("prompt.txt",), None, {"file": "prompt.txt"}),
        ("/prompt", ("prompt.txt", "job.json"), {"prompt": "x"}, {"file": "job.json", "pointer": "/prompt"}),
        ("/prompt", ("prompt.txt", "job.json"), {"seed": 1}, {"file": "prompt.txt"}),
        ("/ratio", ("prompt.txt", "job.json"), {"ratio": "x"}, {"file": "job.json", "pointer": "/ratio"}),
        ("/images", ("prompt.txt",), None, {"file": "ad"}),
        ("", ("prompt.txt", "job.json"), {"metadata": {}}, {"file": "job.json"}),
    ],
)
def test_a_fault_names_the_file_that_it_came_from(
    pointer: str, names: tuple[str, ...], settings: dict[str, Any] | None, expected: dict[str, str]
) -> None:
    """A dropper knows files, not fields."""
    drop = folder("1.jpg", *names)
    plan = ready(drop, "x", settings)
    placed = plans.placed(Fault(pointer, "p", "r"), drop, plan)
    assert placed
    assert {**expected, "detail": "p", "remedy": "r"} == placed.view()


@pytest.mark.parametrize(
    ("name", "problem", "remedy"),
    [
        ("cat.txt", "has no image beside it", "Upload the image that it is for as drop/cat.jpg."),
        ("Prompt.txt", "lies in no folder", "Put it into a folder of its own together with its images: drop/"),
        ("job.json", "lies in no folder", "Put it into a folder of its own together with its images: drop/"),
        ("film.mp4", "is not an image", "Upload a JPEG, PNG or WEBP instead."),
    ],
)
def test_a_lone_file_without_an_image_is_told_so(name: str, problem: str, remedy: str) -> None:
    """In words that fit what it is."""
    scope = drops.scope_of(f"drop/{name}")
    assert scope is not None
    (drop,) = drops.drops_of(scope, [entry(f"drop/{name}")])
    (fault,) = planned(drop, "x").missing
    assert (name, problem) == (fault.file, fault.detail)
    assert fault.remedy.startswith(remedy)


@pytest.mark.parametrize(("listed", "there"), [("CAT.JPG", "cat.jpg"), (NFC.upper(), NFD), ("a.dat", "a.dat")])
def test_a_listed_image_is_found_whatever_its_case(listed: str, there: str) -> None:
    """Case, the form of an accent and an unknown suffix keep no image from being found."""
    plan = ready(folder("job.json", there), "x", {"images": [listed]})
    assert [there] == [image.name for image in plan.images]


def test_names_that_differ_in_case_only_are_told_apart() -> None:
    """Where both are there, only the exact one counts."""
    drop = folder("job.json", "cat.jpg", "CAT.jpg")
    assert ["CAT.jpg"] == [image.name for image in ready(drop, "x", {"images": ["CAT.jpg"]}).images]
    assert ["Cat.jpg"] == list(missing(drop, "x", {"images": ["Cat.jpg"]}))


def test_a_list_of_thousands_makes_no_receipt_of_thousands() -> None:
    """That there are too many is a fault of its own."""
    plan = planned(folder("job.json"), "x", {"images": [f"{number}.jpg" for number in range(5000)]})
    assert (5000, 18) == (plan.sent, len(plan.missing))


def test_a_prompt_that_does_not_count_makes_no_other_drop() -> None:
    """prompt.txt beside a job.json with a prompt of its own is not part of what is asked for."""
    drop = folder("1.jpg", "prompt.txt", "job.json")
    first, second = (ready(drop, prompt, {"prompt": "from job"}) for prompt in ("one", "two"))
    assert first.identity == second.identity
    assert ready(drop, "one", {}).identity != ready(drop, "two", {}).identity
    assert ready(drop, "one\n", {}).identity == ready(drop, "one", {}).identity


def test_what_cannot_be_read_is_not_called_missing() -> None:
    """A prompt in a broken file is no missing prompt."""
    broken = Fault("prompt.txt", "is not a text", "save it")
    plan = plans.plan(folder("1.jpg", "prompt.txt"), Texts(faults=(broken,)), "the default")
    assert ((), (broken,)) == (plan.missing, plan.faults)
    assert plans.placed(Fault("/prompt", "there is no prompt", "write one"), folder("1.jpg"), plan) is None
