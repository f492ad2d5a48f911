"""Whether a drop can start, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from gallop.domain.drops import drop as drops
from gallop.domain.drops import plan as plans
from gallop.domain.drops.drop import Drop, Lone
from gallop.domain.drops.texts import Texts
from gallop.domain.faults import Fault
from gallop.domain.models import Kind

from tests.unit.domain.drops.test_drop import NFC, NFD, entry, folder

if TYPE_CHECKING:
    from gallop.domain.drops.plan import Plan


def planned(drop: Drop, prompt: str | None = None, settings: dict[str, Any] | None = None) -> Plan:
    """Plan a drop with these texts."""
    return plans.plan(drop, Texts(prompt, settings), "the default", Kind.R2V)


def ready(drop: Drop, prompt: str | None = None, settings: dict[str, Any] | None = None) -> Plan:
    """Plan a drop that must be complete."""
    plan = planned(drop, prompt, settings)
    assert ((), ()) == (plan.missing, plan.faults)
    return plan


def missing(drop: Drop, prompt: str | None = None, settings: dict[str, Any] | None = None) -> dict[str, str]:
    """Plan a drop that must be incomplete; return the remedies by what is missing."""
    plan = planned(drop, prompt, settings)
    assert plan.missing
    return {fault.file: fault.remedy for fault in plan.missing}


def names(plan: Plan) -> list[str]:
    """Return the names of the files that a request has, in their order."""
    return [entry.name for entry in plan.entries]


def test_both_forms_of_an_accent_are_equal() -> None:
    """A Mac writes an accent as two characters, other systems as one: they sort and match the same."""
    drop = folder(NFD, "Grüße 2.jpg")
    assert [NFD] == names(ready(drop, "x", {"images": [NFC]}))
    drop = folder(NFC)
    assert [NFC] == names(ready(drop, "x", {"images": [NFD]}))


def test_a_single_image_uses_the_stacks_prompt() -> None:
    """A single image is a complete request."""
    (drop,) = drops.drops_of(Lone("cat"), [entry("drop/cat.jpg")])
    assert {"prompt": "the default"} == ready(drop).fields
    assert {"prompt": "purr"} == ready(drop, " purr\n").fields


def test_changing_the_stacks_prompt_does_not_change_a_drop() -> None:
    """The identity of a drop is what was dropped, so that an update of the stack restarts nothing."""
    (drop,) = drops.drops_of(Lone("cat"), [entry("drop/cat.jpg")])
    other = plans.plan(drop, Texts(), "another default", Kind.R2V)
    assert ready(drop).identity == other.identity
    assert ready(drop, "purr").identity != other.identity


def test_a_folder_needs_a_prompt_and_an_image() -> None:
    """Each thing that is missing is named, with what to do about it."""
    no_prompt = {"prompt.txt": "Upload a text file that describes what should happen in the video."}
    remedy = "Upload 1 to 9 images (JPEG, PNG or WEBP) to the folder."
    no_image = {"ad": f'{remedy} For a video from the text alone, write {{"images": []}} in job.json.'}
    assert no_prompt == missing(folder("1.jpg"))
    assert no_image == missing(folder("prompt.txt"), "a prompt")
    assert no_prompt | no_image == missing(folder("job.json"), None, {})


def test_unusable_files_are_named() -> None:
    """The receipt of a folder with other files lists those that are ignored."""
    expected = {
        "prompt.txt": "Open notes.docx, save it as plain text under the name prompt.txt, and upload that file.",
        "ad": "Upload 1 to 9 images (JPEG, PNG or WEBP) to the folder. "
        "These files are not images: notes.docx, cat.psd.",
    }
    assert expected == missing(folder("notes.docx", "cat.psd"))


def test_a_text_with_another_name_is_pointed_out() -> None:
    """If the prompt is in prompt.md, the remedy is to rename it."""
    assert {"prompt.txt": "Rename prompt.md to prompt.txt."} == missing(folder("1.jpg", "prompt.md"))


def test_settings_take_precedence_over_the_prompt_file() -> None:
    """Every field of job.json takes precedence."""
    drop = folder("1.jpg", "prompt.txt", "job.json")
    assert {"prompt": "from job", "duration": 3} == ready(
        drop, "from txt", {"prompt": "from job", "duration": 3}
    ).fields
    assert {"prompt": "from txt", "duration": 3} == ready(drop, "from txt", {"duration": 3}).fields


def test_listed_images_start_immediately_in_the_listed_order() -> None:
    """A drop with all listed images need not wait for quiet; the list, not the name, determines the order."""
    drop = folder("1.jpg", "2.jpg", "3.jpg", "job.json")
    plan = ready(drop, "x", {"images": ["3.jpg", "1.jpg"]})
    assert plan.at_once
    assert ["3.jpg", "1.jpg"] == names(plan)
    assert not ready(drop, "x", {"duration": 5}).at_once


def test_a_listed_image_that_is_missing_is_named() -> None:
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
def test_a_problem_names_its_file(
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
        ("cat.txt", "has no image", "Upload the image that it describes as drop/cat.jpg."),
        ("Prompt.txt", "is not in a folder", "Put it into a folder together with its images: drop/"),
        ("job.json", "is not in a folder", "Put it into a folder together with its images: drop/"),
        ("scan.pdf", "is not an image", "Upload a JPEG, PNG or WEBP instead."),
    ],
)
def test_a_single_file_without_an_image_is_explained(name: str, problem: str, remedy: str) -> None:
    """The explanation depends on the type of the file."""
    scope = drops.scope_of(f"drop/{name}")
    assert scope is not None
    (drop,) = drops.drops_of(scope, [entry(f"drop/{name}")])
    (fault,) = planned(drop, "x").missing
    assert (name, problem) == (fault.file, fault.detail)
    assert fault.remedy.startswith(remedy)


@pytest.mark.parametrize("name", ["film.mp4", "film.MOV", "film.avi"])
def test_a_single_video_is_refused_with_what_to_do(name: str) -> None:
    """Nothing that is uploaded later completes it."""
    scope = drops.scope_of(f"drop/{name}")
    assert scope is not None
    (drop,) = drops.drops_of(scope, [entry(f"drop/{name}")])
    plan = planned(drop, "x")
    assert () == plan.missing
    (fault,) = plan.faults
    assert (name, "is a video outside a folder") == (fault.file, fault.detail)
    assert "To edit a video, put it into a folder together with its prompt" in fault.remedy


@pytest.mark.parametrize(("listed", "there"), [("CAT.JPG", "cat.jpg"), (NFC.upper(), NFD), ("a.dat", "a.dat")])
def test_a_listed_image_is_found_despite_spelling(listed: str, there: str) -> None:
    """Letter case, the form of an accent and an unknown suffix do not matter."""
    plan = ready(folder("job.json", there), "x", {"images": [listed]})
    assert [there] == names(plan)


def test_names_that_differ_only_in_case_are_distinguished() -> None:
    """If both exist, only the exact one matches."""
    drop = folder("job.json", "cat.jpg", "CAT.jpg")
    assert ["CAT.jpg"] == names(ready(drop, "x", {"images": ["CAT.jpg"]}))
    assert ["Cat.jpg"] == list(missing(drop, "x", {"images": ["Cat.jpg"]}))


def test_a_list_of_thousands_does_not_make_a_huge_receipt() -> None:
    """Having too many is a problem of its own."""
    plan = planned(folder("job.json"), "x", {"images": [f"{number}.jpg" for number in range(5000)]})
    assert 9 == len(plan.missing)
    assert ["there are 5,000 images; the maximum is 9"] == [fault.detail for fault in plan.faults]


def test_an_unused_prompt_file_does_not_change_the_drop() -> None:
    """prompt.txt next to a job.json with its own prompt is not part of the request."""
    drop = folder("1.jpg", "prompt.txt", "job.json")
    first, second = (ready(drop, prompt, {"prompt": "from job"}) for prompt in ("one", "two"))
    assert first.identity == second.identity
    assert ready(drop, "one", {}).identity != ready(drop, "two", {}).identity
    assert ready(drop, "one\n", {}).identity == ready(drop, "one", {}).identity


def test_an_unreadable_prompt_is_not_reported_as_missing() -> None:
    """A prompt in an unreadable file is not missing."""
    broken = Fault("prompt.txt", "is not a text", "save it")
    plan = plans.plan(folder("1.jpg", "prompt.txt"), Texts(faults=(broken,)), "the default", Kind.R2V)
    assert ((), (broken,)) == (plan.missing, plan.faults)
    assert plans.placed(Fault("/prompt", "is missing or empty", "write one"), folder("1.jpg"), plan) is None


EDIT, I2V = "happyhorse-1.0-video-edit", "happyhorse-1.0-i2v"


@pytest.mark.parametrize(
    ("settings", "used", "at_once"),
    [
        ({"images": ["1.jpg"]}, ["1.jpg"], True),
        ({"first_frame": "1.jpg"}, ["1.jpg"], True),
        ({"images": ["1.jpg"], "video": "clip.mp4"}, ["1.jpg", "clip.mp4"], True),
        ({"images": ["1.jpg"], "model": EDIT}, ["1.jpg", "clip.mp4"], True),
        ({"images": None, "video": None, "first_frame": None}, ["1.jpg", "clip.mp4"], False),
    ],
)
def test_a_list_of_images_leaves_out_a_video_that_nothing_names(
    settings: dict[str, Any], used: list[str], *, at_once: bool
) -> None:
    """So that a video that arrives after the start of the job does not make another; null is an absent field."""
    plan = ready(folder("1.jpg", "clip.mp4", "job.json"), "x", settings)
    assert used == sorted(names(plan))
    assert at_once == plan.at_once
    assert {"prompt": "x"} == {name: value for name, value in plan.fields.items() if name != "model"}


@pytest.mark.parametrize("settings", [{"video": "clip.mp4"}, {"model": EDIT}])
def test_a_list_of_images_waits_for_a_video_that_is_named(settings: dict[str, Any]) -> None:
    """By its name, or by a model that needs one."""
    assert missing(folder("1.jpg", "job.json"), "x", {"images": ["1.jpg"], **settings})


@pytest.mark.parametrize(("files", "there"), [(("1.jpg",), "1 image"), (("1.jpg", "2.jpg", "a.mp4"), "2 images")])
def test_an_empty_list_beside_images_is_refused(files: tuple[str, ...], there: str) -> None:
    """The images would be ignored, and the video paid."""
    plan = planned(folder(*files, "job.json"), "x", {"images": []})
    assert [f"lists no images, but the folder has {there}"] == [fault.detail for fault in plan.faults]
    assert ["job.json"] == [fault.file for fault in plan.faults]


def test_an_empty_list_waits_for_quiet() -> None:
    """A video may still come: that is an edit without references."""
    assert not ready(folder("job.json"), "x", {"images": []}).at_once
    assert ["a.mp4"] == names(ready(folder("a.mp4", "job.json"), "x", {"images": []}))


def test_the_only_image_of_an_i2v_model_is_its_first_frame() -> None:
    """Whatever its name is."""
    (file,) = ready(folder("1.jpg", "job.json"), "x", {"model": I2V}).files
    assert "first_frame" == file.field
