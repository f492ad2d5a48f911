"""The page's files in a real browser: dropped, pasted, picked, put in order, of every kind, and the wrong ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.browser import CHROMIUM, NO_BROWSER, QIPAO, payload
from tests.support.clips import clip
from tests.support.pictures import picture

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Route

    from tests.e2e.caller import Caller
    from tests.support.browser import Visitor

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)

# A file that another program hands to the page.
HANDED = """([kind, name, bytes]) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], name, {type: "image/jpeg"}));
    const event = kind === "paste" ? new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true})
        : new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true});
    document.querySelector("textarea").dispatchEvent(event);
}"""

# A file that is dropped where there is no place for it; it throws if the browser would open it.
HANDED_TO_NOBODY = """() => {
    const data = new DataTransfer();
    data.items.add(new File(["a"], "a.jpg", {type: "image/jpeg"}));
    const event = new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true});
    if (document.body.dispatchEvent(event)) throw new Error("the browser would open the file");
}"""


def names(person: Visitor) -> list[str]:
    """Return the names of the files, in their order."""
    return person.page.locator(".tile .name").all_inner_texts()


def labels(person: Visitor) -> list[str]:
    """Return what the files are, in their order."""
    return person.page.locator(".tile .label").all_inner_texts()


def begin(person: Visitor) -> None:
    """Open the page with a key."""
    person.open()
    person.enter()


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_files_are_dropped_and_pasted(person: Visitor, kind: str) -> None:
    """Anywhere on the page; a drop does not leave it."""
    begin(person)
    person.page.evaluate(HANDED, [kind, "handed.jpg", [*picture()]])
    person.sent(1)
    assert ["handed.jpg"] == names(person)


def test_a_file_that_is_dropped_after_another_key_is_one_file(person: Visitor) -> None:
    """The page opens again in the same tab; before that, a drop neither counts nor leaves the page."""
    begin(person)
    person.page.route("**/v1/videos", lambda route: route.fulfill(status=401, body="{}"), times=1)
    person.prompt.fill("[Image 1]")
    expect(person.page.get_by_text("Your key no longer works")).to_be_visible()
    person.page.evaluate(HANDED_TO_NOBODY)
    person.enter()
    person.page.evaluate(HANDED, ["drop", "handed.jpg", [*picture()]])
    person.sent(1)
    assert ["handed.jpg"] == names(person)


def test_a_file_that_changes_while_it_is_sent_is_named(person: Visitor, tmp_path: Path, caller: Caller) -> None:
    """A browser no longer reads it: that is not a break of the network, for which one would wait."""
    file = tmp_path / "moved.jpg"
    file.write_bytes(picture())

    def break_off(route: Route) -> None:
        file.unlink(missing_ok=True)
        route.abort("connectionreset")

    person.page.route(f"{caller.at.aws_endpoint_url}/**", break_off)
    begin(person)
    person.add([file])
    expect(person.page.locator(".tile.failed")).to_contain_text("was changed, moved or removed on this device")
    person.page.get_by_role("button", name="Remove moved.jpg").click()
    expect(person.page.locator(".tile")).to_have_count(0)


def test_a_folder_is_a_request(person: Visitor, tmp_path: Path) -> None:
    """Its pictures in the natural order of their names, and its prompt.txt, as at the S3 door."""
    folder = tmp_path / "spring ad"
    folder.mkdir()
    for name in ("10.jpg", "2.jpg", ".DS_Store"):
        (folder / name).write_bytes(picture(shade=len(name)))
    (folder / "prompt.txt").write_text("[Image 1] meets [Image 2].\n", encoding="utf-8")
    begin(person)
    person.page.set_input_files("input[webkitdirectory]", folder)
    person.sent(2)
    assert ["2.jpg", "10.jpg"] == names(person)
    expect(person.prompt).to_have_value("[Image 1] meets [Image 2].")
    person.priced("$0.70")


def test_the_order_is_changed_by_mouse_and_by_keyboard(person: Visitor, caller: Caller) -> None:
    """What is first is [Image 1]; the focus stays on the moved picture, and the new place is announced."""
    begin(person)
    person.add(QIPAO)
    person.sent(3)
    first, last = (person.page.locator(".picture").nth(place).bounding_box() for place in (0, 2))
    assert first
    assert last
    person.page.mouse.move(first["x"] + 20, first["y"] + 40)
    person.page.mouse.down()
    person.page.mouse.move(last["x"] + 60, last["y"] + 40, steps=6)
    person.page.mouse.up()
    assert ["2-folding-fan.jpg", "3-tassel-earrings.jpg", "1-woman.jpg"] == names(person)
    person.page.get_by_role("button", name="Move 1-woman.jpg earlier").focus()
    person.page.keyboard.press("Enter")
    person.page.keyboard.press("Enter")
    assert "1-woman.jpg" == names(person)[0]
    assert "Move 1-woman.jpg later" == person.page.evaluate("document.activeElement.ariaLabel")
    expect(person.page.locator("#announcements")).to_have_text("1-woman.jpg is now image 1.")
    person.prompt.fill("[Image 1] is the woman.")
    person.priced("$0.70")
    person.make.click()
    expect(person.cards.first).to_contain_text("[Image 1] is the woman.")
    sizes = [path.stat().st_size for path in (QIPAO[0], QIPAO[1], QIPAO[2])]
    job = caller.http.get("/v1/videos").json()["data"][0]
    keys = [one["source"].partition("/uploads/")[2] for one in job["media"]]
    heads = [caller.s3.head_object(Bucket=caller.at.inbox_bucket, Key=f"uploads/{key}") for key in keys]
    assert sizes == [head["ContentLength"] for head in heads]


def test_a_first_frame_and_a_video_switch_the_kind(person: Visitor, caller: Caller) -> None:
    """With them come the parameters of their models, and no others; each kind is made."""
    begin(person)
    kind, parameters = person.page.locator(".kind"), person.page.locator(".parameters label")
    expect(kind).to_have_text("A video from your text")
    person.add([payload("cat.jpg", picture())])
    expect(kind).to_have_text("A video that shows what is in your pictures")
    person.page.get_by_label("The first frame").check()
    expect(kind).to_have_text("A video that starts with your picture")
    assert ["First frame"] == labels(person)
    assert 0 == parameters.filter(has_text="Shape").count()
    person.priced("$0.70")
    person.make.click()
    person.wait_for("Ready")
    person.add([payload("clip.mp4", clip(seconds=4), "video/mp4"), payload("fan.jpg", picture(shade=7))])
    person.sent(2)
    expect(kind).to_have_text("Your video, changed as you say")
    assert ["Video", "Image 1"] == labels(person)
    assert 1 == parameters.filter(has_text="Sound").count()
    assert 0 == parameters.filter(has_text="Length").count()
    person.prompt.fill("At night, with [Image 1].")
    expect(person.page.locator(".why .cost")).to_contain_text("4 s of input")
    person.make.click()
    expect(person.cards.first).to_contain_text("At night, with [Image 1].")
    person.wait_for("Ready")
    assert ["video-edit", "i2v"] == [job["kind"] for job in caller.http.get("/v1/videos").json()["data"][:2]]


def test_ten_pictures_are_nine(person: Visitor) -> None:
    """The tenth is left out, by its name and with what to do."""
    begin(person)
    person.add([payload(f"{number}.jpg", picture(shade=number)) for number in range(1, 11)])
    person.sent(9)
    expect(person.page.locator(".notes")).to_contain_text("10.jpg was left out: 9 pictures are the maximum.")


def test_a_picture_of_a_phone_is_used(person: Visitor) -> None:
    """A HEIC, which this browser cannot show and DashScope cannot read, has a tile and a price."""
    begin(person)
    person.add([payload("IMG_1.HEIC", picture("HEIF"), "")])
    person.sent(1)
    assert 1 == person.page.locator(".tile .picture > .icon").count()
    person.priced("$0.70")


def test_what_is_wrong_with_a_picture_is_on_its_tile(person: Visitor) -> None:
    """The API looks into the files before anything is made, and the others are as they were."""
    begin(person)
    files = [
        payload("good.jpg", picture()),
        payload("small.jpg", picture(width=399, height=800)),
        payload("text.jpg", b"Hello." * 99),
    ]
    person.add(files)
    person.sent(3)
    faults = person.page.locator(".tile").locator(".faults")
    expect(faults.nth(1)).to_contain_text("small.jpg\u2069: is 399 x 800 px")
    expect(faults.nth(2)).to_contain_text("text.jpg")
    expect(faults.nth(0)).to_be_empty()
    for name in ("small.jpg", "text.jpg"):
        person.page.get_by_role("button", name=f"Remove {name}").click()
    person.priced("$0.70")


def test_a_file_over_the_limit_is_not_sent(person: Visitor, tmp_path: Path) -> None:
    """101 MB are refused before the first byte leaves."""
    large = tmp_path / "large.mov"
    with large.open("wb") as file:
        file.truncate(101 * 1024 * 1024)
    begin(person)
    person.add([large])
    expect(person.page.locator(".notes")).to_contain_text("large.mov is too large: the maximum is 100\u00a0MB.")
    assert not any(url.endswith("/v1/uploads") for url in person.requested)
