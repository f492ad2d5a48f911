"""The videos: real ones, of the right size, shape and length, made from the reference images."""

from __future__ import annotations

import io
import struct
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import av
import httpx
import pytest
from PIL import Image as PILImage
from PIL import ImageChops, ImageOps, ImageStat

from fake_dashscope import WAN_3_0, FakeDashScope
from fake_dashscope.catalogue import frame_size, frame_size_like
from fake_dashscope.clock import ManualClock
from fake_dashscope.models import RATIOS
from tests.functional.fake_dashscope.clips import clip, hertz, on_its_side, pictures
from tests.functional.fake_dashscope.origin import BLUE, GREEN, PAGES, RED
from tests.functional.fake_dashscope.sandbox import ALIBABA, Sandbox
from tests.functional.fake_dashscope.test_edits import edit
from tests.functional.fake_dashscope.test_media import with_media
from tests.functional.fake_dashscope.test_models import wan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.Image import Image

    from tests.functional.fake_dashscope.origin import Origin

SMALL = "happyhorse-1.1-r2v"
SMALL_I2V = "happyhorse-1.1-i2v"


@pytest.fixture
def studio() -> Iterator[Sandbox]:
    """Return a fake that is neither mounted nor served; what it renders does not depend on that."""
    clock = ManualClock()
    fake = FakeDashScope(clock)
    with httpx.Client(transport=httpx.MockTransport(fake.handle)) as client:
        yield Sandbox(fake, clock, ALIBABA, client)


def shoot(studio: Sandbox, body: dict[str, Any]) -> bytes:
    """Make a video."""
    studio.clock.advance(1)
    return studio.client.get(studio.video_url(body)).content


def colour(picture: Image) -> tuple[int, ...]:
    """Return the mean colour of the left quarter, where neither ring nor watermark is."""
    return tuple(round(part) for part in ImageStat.Stat(picture.crop((0, 0, picture.width // 4, picture.height))).mean)


def corner(picture: Image) -> tuple[int, ...]:
    """Return the mean colour of the lower left corner, where neither mark nor square is."""
    width, height = picture.size
    return tuple(round(part) for part in ImageStat.Stat(picture.crop((0, height // 2, width // 4, height))).mean)


def near(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two colours look the same."""
    return all(abs(a - b) < 16 for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("ratio", "resolution", "seconds", "size"),
    [
        ("16:9", "480P", 3, (854, 480)),
        ("9:21", "480P", 4, (480, 1120)),
        ("1:1", "480P", 3, (480, 480)),
        ("4:5", "720P", 3, (720, 900)),
        ("16:9", "720P", 5, (1280, 720)),
        ("16:9", "1080P", 3, (1920, 1080)),
    ],
)
def test_a_video_is_as_requested(
    studio: Sandbox,
    ratio: str,
    resolution: str,
    seconds: int,
    size: tuple[int, int],
) -> None:
    """H.264 in yuv420p at 24 frames per second, of exactly the requested size and length, with sound."""
    body = with_media("https://example.com/a.jpg", model=SMALL, ratio=ratio, resolution=resolution, duration=seconds)
    with av.open(io.BytesIO(shoot(studio, body)), "r") as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        assert ("h264", "yuv420p") == (video.codec_context.name, video.codec_context.pix_fmt)
        assert video.average_rate == 24
        assert size == (video.width, video.height)
        assert seconds * av.time_base == container.duration
        assert seconds * 24 == sum(1 for _ in container.decode(video))
        assert "aac" == sound.codec_context.name


def test_sizes_have_the_shape_they_are_named_for() -> None:
    """The tier is the short side; every size is even and within a pixel or two of its ratio."""
    for resolution, short in (("480P", 480), ("720P", 720), ("1080P", 1080)):
        for ratio in RATIOS:
            width, height = frame_size(resolution, ratio)
            across, down = (int(part) for part in ratio.split(":"))
            assert short == min(width, height)
            assert (0, 0) == (width % 2, height % 2)
            assert abs(width * down / across - height) < 2


@pytest.mark.parametrize(("width", "height"), [(600, 900), (4000, 3000), (1000, 400)])
def test_a_first_frame_gives_its_shape(width: int, height: int) -> None:
    """i2v keeps the shape of its image, at about the number of pixels of the tier."""
    wide, high = frame_size_like("720P", width, height)
    assert width / height == pytest.approx(wide / high, rel=0.01)
    assert 1280 * 720 == pytest.approx(wide * high, rel=0.01)


def test_a_first_frame_decides_the_shape_of_its_video(studio: Sandbox, origin: Origin) -> None:
    """The video of a portrait is upright."""
    body = with_media(origin.url("portrait.png"), model=SMALL_I2V, kind="first_frame", resolution="480P", duration=3)
    assert frame_size_like("480P", 600, 900) == pictures(shoot(studio, body))[0].size


def test_a_video_shows_its_images_one_after_the_other(studio: Sandbox, origin: Origin) -> None:
    """Each reference image has its share of the video, in order, with a cross-fade in between."""
    urls = (origin.url(name) for name in ("red.png", "green.jpg", "blue.webp"))
    frames = pictures(shoot(studio, with_media(*urls, model=SMALL, resolution="480P", duration=3)))
    assert near(RED, colour(frames[6]))
    assert near(GREEN, colour(frames[34]))
    assert near(BLUE, colour(frames[66]))
    assert not any(near(shade, colour(frames[20])) for shade in (RED, GREEN, BLUE))


@pytest.mark.parametrize(("name", "size"), [("portrait.png", (522, 784)), ("red.png", (740, 554))])
def test_a_video_starts_from_its_first_frame(studio: Sandbox, origin: Origin, name: str, size: tuple[int, int]) -> None:
    """The first picture is the whole of the frame, in its shape; then it grows."""
    body = with_media(origin.url(name), model=SMALL_I2V, kind="first_frame", resolution="480P", duration=3)
    frames = pictures(shoot(studio, body))
    given = ImageOps.fit(PILImage.open(io.BytesIO(PAGES[f"/{name}"])).convert("RGB"), size)
    part = (0, 0, size[0], size[1] * 3 // 4)
    differences = [ImageChops.difference(given, frame).crop(part).convert("L") for frame in (frames[0], frames[-1])]
    first, last = (ImageStat.Stat(picture.point(lambda level: level > 40)).sum[0] for picture in differences)
    assert size == frames[0].size
    assert 10 * first < last


def test_a_last_frame_ends_its_video(studio: Sandbox, origin: Origin) -> None:
    """A video from a red first frame to a green last one is red, then green."""
    studio.fake.add_model(WAN_3_0)
    media = [("first_frame", origin.url("red.png")), ("last_frame", origin.url("portrait.png"))]
    frames = pictures(shoot(studio, wan(media, resolution="480P", duration=2)))
    assert frame_size_like("480P", 800, 600) == frames[0].size
    assert near(RED, colour(frames[0]))
    assert near(GREEN, colour(frames[-1]))


def test_a_photo_that_lies_on_its_side_is_shown_upright(studio: Sandbox, origin: Origin) -> None:
    """The orientation in a JPEG's EXIF turns the frame, and the shape of its video."""
    exif = PILImage.Exif()
    exif[0x0112] = 6
    target = io.BytesIO()
    PILImage.new("RGB", (900, 600), GREEN).save(target, "JPEG", exif=exif)
    url = origin.add("sideways.jpg", target.getvalue())
    body = with_media(url, model=SMALL_I2V, kind="first_frame", resolution="480P", duration=3)
    assert frame_size_like("480P", 600, 900) == pictures(shoot(studio, body))[0].size


def test_a_video_of_a_text_is_of_its_ratio(studio: Sandbox) -> None:
    """Without media there is a title, which moves."""
    body = {
        "model": "happyhorse-1.1-t2v",
        "input": {"prompt": "A cat"},
        "parameters": {"resolution": "480P", "ratio": "1:1", "duration": 3},
    }
    frames = pictures(shoot(studio, body))
    assert (480, 480) == frames[0].size
    assert ImageChops.difference(frames[0], frames[36]).getbbox()


def test_an_edit_begins_as_its_input(studio: Sandbox, origin: Origin) -> None:
    """The first half second is the input's; after that it has the first reference's colour, and a square moves."""
    url = origin.add("clip", clip())
    frames = pictures(shoot(studio, edit(url, origin.url("blue.webp"), resolution="720P")))
    assert frame_size_like("720P", 640, 360) == frames[0].size
    assert 72 == len(frames)
    assert near(GREEN, corner(frames[0]))
    assert near(GREEN, corner(frames[11]))
    red, green, blue = corner(frames[12])
    assert blue > green + 40 > red
    moves = [ImageChops.difference(a, b).getbbox() for a, b in zip(frames[12:-4:4], frames[16::4], strict=True)]
    assert all(moves)


def test_an_edit_without_references_has_a_colour_of_its_own(studio: Sandbox, origin: Origin) -> None:
    """It is not the input's."""
    frames = pictures(shoot(studio, edit(origin.add("clip", clip()), resolution="720P")))
    assert near(GREEN, corner(frames[11]))
    assert not near(GREEN, corner(frames[12]))


def test_an_upright_video_of_a_telephone_stays_upright(studio: Sandbox, origin: Origin) -> None:
    """A video that is stored on its side is edited as players show it: its right edge is at the bottom."""
    frame = pictures(shoot(studio, edit(origin.add("clip", on_its_side(clip())), resolution="720P")))[0]
    assert frame_size_like("720P", 360, 640) == frame.size
    assert near(GREEN, colour(frame.crop((0, 0, frame.width, frame.height * 3 // 4))))
    assert near((255, 255, 255), colour(frame.crop((0, frame.height * 15 // 16, *frame.size))))


@pytest.mark.parametrize("fps", [9, 60])
def test_an_edit_keeps_the_time_of_its_input(studio: Sandbox, origin: Origin, fps: int) -> None:
    """Whatever the rate of the input, the output has 24 frames per second and the same length."""
    video = shoot(studio, edit(origin.add("clip", clip(4.0, fps=fps)), resolution="720P"))
    assert 96 == len(pictures(video))


@pytest.mark.parametrize(
    ("given", "setting", "expected"),
    [(1500, "auto", 750), (1500, "origin", 1500), (0, "auto", 750), (0, "origin", 0)],
)
def test_an_edit_keeps_its_sound_or_gets_a_new_one(
    studio: Sandbox, origin: Origin, given: int, setting: str, expected: int
) -> None:
    """``origin`` keeps the tone of the input, ``auto`` has another; an input without sound stays silent."""
    url = origin.add("clip", clip(hertz=given))
    assert expected == hertz(shoot(studio, edit(url, resolution="720P", audio_setting=setting)))


def test_every_other_video_has_a_sound_of_its_own(studio: Sandbox, origin: Origin) -> None:
    """It is a quiet tone, in any kind of video."""
    size: dict[str, Any] = {"resolution": "480P", "duration": 3}
    bodies = {
        "i2v": with_media(origin.url("red.png"), model=SMALL_I2V, kind="first_frame", **size),
        "r2v": with_media(origin.url("red.png"), model=SMALL, **size),
        "t2v": {"model": "happyhorse-1.1-t2v", "input": {"prompt": "A cat"}, "parameters": size},
    }
    assert dict.fromkeys(bodies, 375) == {kind: hertz(shoot(studio, body)) for kind, body in bodies.items()}


def test_wan_has_thirty_frames_per_second_and_may_be_silent(studio: Sandbox) -> None:
    """The row says so: 30 frames per second, and no sound track without ``audio``."""
    studio.fake.add_model(WAN_3_0)
    loud, silent = (
        shoot(studio, wan([], resolution="480P", ratio="16:9", duration=2, audio=audio)) for audio in (True, False)
    )
    assert 60 == len(pictures(silent))
    assert hertz(silent) is None
    assert hertz(loud)


def test_a_video_moves(studio: Sandbox, origin: Origin) -> None:
    """No two successive frames are the same."""
    body = with_media(origin.url("red.png"), model=SMALL, resolution="480P", duration=3)
    frames = pictures(shoot(studio, body))
    middle = (300, 100, 560, 380)
    moves = [ImageChops.difference(a.crop(middle), b.crop(middle)).getbbox() for a, b in pairwise(frames)]
    assert all(moves)


def test_the_watermark_is_at_the_bottom_right(studio: Sandbox, origin: Origin) -> None:
    """With ``watermark`` there is writing at the bottom right, and nowhere else; without it there is none."""
    plain, marked = (
        pictures(
            shoot(
                studio,
                with_media(origin.url("red.png"), model=SMALL, resolution="480P", duration=3, watermark=watermark),
            ),
        )[0]
        for watermark in (False, True)
    )
    box = ImageChops.difference(plain, marked).convert("L").point(lambda level: 255 * (level > 40)).getbbox()
    assert box is not None
    assert box[0] > 0.75 * plain.width
    assert box[1] > 0.85 * plain.height


def test_placeholders_of_different_urls_look_different(studio: Sandbox) -> None:
    """What is not downloaded becomes a placeholder with its URL."""
    first, second = (
        pictures(shoot(studio, with_media(f"https://example.com/{name}", model=SMALL, resolution="480P", duration=3)))[
            0
        ]
        for name in ("girl.jpg", "fan.jpg")
    )
    assert not near(colour(first), colour(second))


def test_a_video_can_start_before_it_is_whole(studio: Sandbox) -> None:
    """The index comes before the frames."""
    video = shoot(studio, with_media("https://example.com/a.jpg", model=SMALL, resolution="480P", duration=3))
    assert video.index(b"ftyp") < video.index(b"moov") < video.index(b"mdat")


def boxes(video: bytes) -> list[str]:
    """Return the types of the boxes of an MP4, which must fill it exactly."""
    kinds, at = [], 0
    while at < len(video):
        size, kind = struct.unpack_from(">I4s", video, at)
        kinds.append(kind.decode())
        at += size if size != 1 else struct.unpack_from(">Q", video, at + 8)[0]
    assert at == len(video)
    return kinds


def test_a_video_names_its_task_in_a_box_that_players_skip(studio: Sandbox) -> None:
    """Behind the video there is a free box with the task's id, and the padding is another."""
    body = with_media("https://example.com/a.jpg", model=SMALL, resolution="480P", duration=3)
    plain = boxes(shoot(studio, body))
    studio.fake.fault(on="task", kind="result_size", bytes=500_000)
    assert [*plain, "free"] == boxes(shoot(studio, body))
    assert "ftyp" == plain[0]
    assert "moov" == plain[1]
    assert "free" == plain[-1]


def test_a_padded_video_plays(studio: Sandbox) -> None:
    """A result of any size is still a video."""
    studio.fake.fault(on="task", kind="result_size", bytes=2_000_000)
    video = shoot(studio, with_media("https://example.com/a.jpg", model=SMALL, resolution="480P", duration=3))
    assert (2_000_000, 72) == (len(video), len(pictures(video)))
