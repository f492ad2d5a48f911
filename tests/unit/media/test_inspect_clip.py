"""Videos by their content: what is measured, and every reason for which one is refused, before anything is paid."""

from __future__ import annotations

import io
import struct
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import pytest
from gallop.adapters import ranged_file
from gallop.domain.media_rules import MEBIBYTE, VideoRules
from gallop.domain.request.clips import ClipFacts
from gallop.media import boxes, inspect_clip, sniff

from tests.support.clips import CONTAINERS, box, changed, clip, found, join, long_box, split
from tests.support.pictures import picture

if TYPE_CHECKING:
    from gallop.domain.faults import Fault

RULES = VideoRules(
    min_seconds=3,
    max_seconds=60,
    short_side=360,
    long_side=4096,
    max_aspect=2.5,
    max_bytes=100 * MEBIBYTE,
    above_fps=8,
)
TRACK = (b"moov", b"trak")
TABLE = (*TRACK, b"mdia", b"minf", b"stbl")
QUARTER = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 0x40000000)
HALF = struct.pack(">9i", -65536, 0, 0, 0, -65536, 0, 0, 0, 0x40000000)


def spread(kind: bytes, *payloads: bytes) -> bytes:
    """Return boxes, each far from the next, inside another."""
    return box(kind, b"".join(payload + box(b"free", bytes(130_000)) for payload in payloads))


# Makes a video when the test runs, not when it is collected.
Make = Callable[[], bytes]
made = partial(partial, clip)


class Counted(io.BytesIO):
    """A file that counts the bytes and the requests that a reader of ranges would need."""

    def __init__(self, data: bytes) -> None:
        """Start at none."""
        super().__init__(data)
        self.bytes_read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as usual."""
        data = super().read(size)
        self.bytes_read += len(data)
        return data


def examined(data: bytes, rules: VideoRules = RULES) -> ClipFacts | list[Fault]:
    """Examine a video."""
    return inspect_clip.examine("/video", io.BytesIO(data), rules)


def facts_of(data: bytes) -> ClipFacts:
    """Return what was measured in a video that is accepted."""
    result = examined(data)
    assert isinstance(result, ClipFacts), result
    return result


def problems_of(data: bytes) -> list[str]:
    """Return what is wrong with a video that is refused; each problem has a remedy."""
    result = examined(data)
    assert isinstance(result, list), result
    assert result
    assert all(fault.pointer == "/video" and fault.remedy.endswith((".", "mp4")) for fault in result)
    return [fault.detail for fault in result]


def with_matrix(data: bytes, matrix: bytes) -> bytes:
    """Rotate a video's track."""
    header = found(data, *TRACK, b"tkhd")
    return changed(data, (*TRACK, b"tkhd"), header[:40] + matrix + header[76:])


def paths(data: bytes) -> Iterator[tuple[bytes, ...]]:
    """Yield the path of every box."""
    for kind, content in split(data):
        yield (kind,)
        if kind in CONTAINERS:
            yield from ((kind, *path) for path in paths(content))


def with_track(data: bytes, track: bytes) -> bytes:
    """Add a track to a movie."""
    return changed(data, (b"moov",), found(data, b"moov") + box(b"trak", track))


def with_edits(data: bytes, *edits: tuple[int, int], rate: int = 65536) -> bytes:
    """Give a video an edit list: length, in thousandths of a second, and start of each; 65,536 is the normal rate."""
    rows = b"".join(struct.pack(">Iii", length, start, rate) for length, start in edits)
    return changed(data, (*TRACK, b"edts", b"elst"), struct.pack(">II", 0, len(edits)) + rows)


def with_movie_length(data: bytes, length: int) -> bytes:
    """Write the length of the movie into its header, in thousandths of a second."""
    header = found(data, b"moov", b"mvhd")
    return changed(data, (b"moov", b"mvhd"), header[:16] + length.to_bytes(4, "big") + header[20:])


def with_codec(data: bytes, kind: bytes) -> bytes:
    """Rename the codec."""
    entry = found(data, *TABLE, b"stsd")
    return changed(data, (*TABLE, b"stsd"), entry[:12] + kind + entry[16:])


def with_size(width: int, height: int) -> bytes:
    """Return a video whose index says another size."""
    description = bytearray(found(clip(), *TABLE, b"stsd"))
    description[40:44] = struct.pack(">HH", width, height)
    return changed(clip(), (*TABLE, b"stsd"), bytes(description))


def with_brands(data: bytes, *brands: bytes) -> bytes:
    """Name the file's formats."""
    content = brands[0] + bytes(4) + b"".join(brands[1:])
    head, *rest = split(data)
    assert len(content) <= len(head[1])
    return join([(b"ftyp", content + brands[0] * ((len(head[1]) - len(content)) // 4)), *rest])


def of_handler(track: bytes, handler: bytes) -> bytes:
    """Return a track of another kind."""
    header = found(track, b"mdia", b"hdlr")
    return changed(track, (b"mdia", b"hdlr"), header[:8] + handler + header[12:])


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (made(), ("H.264", "MP4", False)),
        (made(form="mov"), ("H.264", "MOV", False)),
        (made(movflags="faststart"), ("H.264", "MP4", False)),
        (made(codec="libx265"), ("HEVC", "MP4", False)),
        (made(codec="libx265", form="mov", pixels="yuv420p10le"), ("HEVC", "MOV", False)),
        (made(sound=3.2), ("H.264", "MP4", True)),
        (made(form="mov", sound=3.2, movflags="faststart"), ("H.264", "MOV", True)),
    ],
)
def test_what_phones_and_programs_write_is_accepted(make: Make, expected: tuple[str, str, bool]) -> None:
    """MP4 and MOV, H.264 and HEVC (of 10 bits as well), with the index at either end, with sound or without."""
    data = make()
    facts = facts_of(data)
    codec, container, has_audio = expected
    assert 3.2 <= facts.billed_seconds < 3.3
    assert ClipFacts(3.2, 360, 360, 10, codec, container, len(data), has_audio, facts.billed_seconds) == facts


@pytest.mark.parametrize(
    ("brands", "container"),
    [
        ((b"qt  ",), "MOV"),
        ((b"mp42", b"isom"), "MP4"),
        ((b"XAVC", b"mp42"), "MP4"),
        ((b"CAEP", b"qt  "), "MOV"),
        ((b"3gp5", b"isom"), "MP4"),
    ],
)
def test_the_format_is_told_by_the_brands(brands: tuple[bytes, ...], container: str) -> None:
    """Neither the name nor the declared type of a file says what it is."""
    assert container == facts_of(with_brands(clip(), *brands)).container


def test_an_old_quicktime_file_has_no_brands() -> None:
    """It begins with its data, behind a filler."""
    data = clip(form="mov")
    size = len(box(*split(data)[0]))
    old = box(b"wide", bytes(size - 8)) + data[size:]
    assert "MOV" == facts_of(old).container


@pytest.mark.parametrize(
    ("brands", "problem"),
    [
        ((b"3gp4", b"3gp5"), "is 3GP; MP4 or MOV is required"),
        ((b"zzzz", b"yyyy"), "is an unknown kind of MP4; MP4 or MOV is required"),
    ],
)
def test_other_brands_are_refused(brands: tuple[bytes, ...], problem: str) -> None:
    """Files of the same structure that claim to be neither are exported again with one click."""
    assert [problem] == problems_of(with_brands(clip(), *brands))


@pytest.mark.parametrize(("matrix", "size"), [(QUARTER, (360, 640)), (HALF, (640, 360))])
def test_sides_are_those_on_the_screen(matrix: bytes, size: tuple[int, int]) -> None:
    """A phone held upright stores a video in landscape and says that it is turned."""
    facts = facts_of(with_matrix(clip(size=(640, 360)), matrix))
    assert size == (facts.width, facts.height)


def test_pixels_that_are_not_square_count_as_displayed() -> None:
    """A video of 360 px that is displayed at a third of its width is too narrow."""
    description = found(clip(), *TABLE, b"stsd")
    entry = box(description[12:16], description[16:] + box(b"pasp", struct.pack(">II", 1, 3)))
    assert [
        "is 120 x 360 px; the shorter side must be at least 360 px",
        "is 120 x 360 px; its aspect ratio must be between 1:2.5 and 2.5:1",
    ] == problems_of(changed(clip(), (*TABLE, b"stsd"), description[:8] + entry))


@pytest.mark.parametrize(
    ("make", "problems"),
    [
        (made(seconds=2), ["is too short: 2 s; the minimum is 3 s"]),
        (made(seconds=61), ["is too long: 61 s; the maximum is 60 s"]),
        (made(fps=7, seconds=4), ["has 7 frames per second; more than 8 are required"]),
        (made(fps=8, seconds=4), ["has 8 frames per second; more than 8 are required"]),
        (made(size=(640, 358)), ["is 640 x 358 px; the shorter side must be at least 360 px"]),
        (made(size=(960, 360)), ["is 960 x 360 px; its aspect ratio must be between 1:2.5 and 2.5:1"]),
        (made(size=(360, 904)), ["is 360 x 904 px; its aspect ratio must be between 1:2.5 and 2.5:1"]),
        (partial(with_size, 4100, 2000), ["is 4100 x 2000 px; the longer side must be at most 4096 px"]),
        (
            made(size=(640, 200), fps=5, seconds=2, codec="mpeg4"),
            [
                "is too short: 2 s; the minimum is 3 s",
                "uses MPEG-4 Part 2; H.264 or HEVC is required",
                "is 640 x 200 px; the shorter side must be at least 360 px",
                "is 640 x 200 px; its aspect ratio must be between 1:2.5 and 2.5:1",
                "has 5 frames per second; more than 8 are required",
            ],
        ),
    ],
)
def test_limits_are_checked_and_every_problem_is_reported(make: Make, problems: list[str]) -> None:
    """After fixing what is listed, the video is accepted."""
    assert problems == problems_of(make())


@pytest.mark.parametrize("make", [made(seconds=3), made(seconds=60), made(fps=9, seconds=4), made(size=(900, 360))])
def test_limits_themselves_are_allowed(make: Make) -> None:
    """3 s, 60 s, 360 px and 2.5:1 are; a frame rate must be above 8."""
    facts_of(make())


def test_another_model_may_have_other_limits() -> None:
    """The rules are data."""
    assert isinstance(examined(clip(seconds=2), replace(RULES, min_seconds=1)), ClipFacts)
    assert isinstance(examined(clip(), replace(RULES, codecs=("HEVC",))), list)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (b"av01", "AV1"),
        (b"vp09", "VP9"),
        (b"apch", "ProRes"),
        (b"mjpa", "Motion JPEG"),
        (b"dvh1", "Dolby Vision without a compatible base"),
        (b"encv", "encryption (DRM)"),
        (b"abcd", "an unknown codec (abcd)"),
        (b"\0\1\2\xff", "an unknown codec (000102ff)"),
    ],
)
def test_other_codecs_are_refused_by_name(kind: bytes, name: str) -> None:
    """DashScope advises H.264; phones write HEVC as well; what else there is may fail after the upload."""
    assert [f"uses {name}; H.264 or HEVC is required"] == problems_of(with_codec(clip(), kind))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is empty"),
        (picture(), "is not a video: its content looks like an image"),
        (b"A prompt, not a video.\n" * 9, "is not a video: its content looks like a text file"),
        (b"The wide road.\n" * 9, "is not a video: its content looks like a text file"),
        (b"<!doctype html><html><body>404", "is not a video: its content looks like a web page"),
        (b"%PDF-1.7 ...", "is not a video: its content looks like a PDF document"),
        (b"ID3\4" + bytes(90), "is not a video: its content looks like an audio file"),
        (bytes(999), "is not a video: its content looks like an unknown file type"),
        (clip(form="mkv"), "is a WebM or Matroska video; MP4 or MOV is required"),
        (clip(form="avi"), "is an AVI video; MP4 or MOV is required"),
        (clip(form="ts"), "is an MPEG stream; MP4 or MOV is required"),
        (clip(form="flv"), "is a Flash video; MP4 or MOV is required"),
    ],
)
def test_other_files_are_called_what_they_are(data: bytes, problem: str) -> None:
    """By their content: a renamed file is what it was."""
    assert [problem] == problems_of(data)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (picture(), sniff.Kind.IMAGE),
        (clip(), sniff.Kind.VIDEO),
        (clip(form="mov"), sniff.Kind.VIDEO),
        (clip(form="mkv"), sniff.Kind.VIDEO),
        (b"ID3\4" + bytes(90), sniff.Kind.AUDIO),
        (b"\0\0\0\x20ftypM4A \0\0\0\0", sniff.Kind.AUDIO),
        (b"Some text.", sniff.Kind.OTHER),
        (b"", sniff.Kind.OTHER),
    ],
)
def test_the_kind_of_a_file_is_told_by_its_head(data: bytes, kind: sniff.Kind) -> None:
    """So that an image in the place of a video, and the reverse, gets an answer that says so."""
    assert kind is sniff.kind_of(data[: sniff.HEAD_BYTES])


@pytest.mark.parametrize("data", [clip(sound=3.2), clip(sound=3.2, movflags="faststart")])
def test_a_file_that_was_cut_is_refused_wherever_it_was_cut(data: bytes) -> None:
    """An interrupted upload or download must not be paid for."""
    for size in range(24, len(data), 97):
        assert ["is damaged or incomplete"] == [problem[:24] for problem in problems_of(data[:size])], size


def test_data_that_the_index_promises_must_be_there() -> None:
    """The sizes of the outer boxes agree with the file, and frames are missing nevertheless."""
    head, index, data = (part for part in split(clip(movflags="faststart")) if part[0] != b"free")
    short = join([head, index, (b"mdat", data[1][: len(data[1]) // 2])])
    assert ["is damaged or incomplete: it ends too early"] == problems_of(short)


def test_data_that_is_not_video_is_refused() -> None:
    """The index is whole, and no frame can be decoded."""
    data = changed(clip(), (b"mdat",), bytes(len(found(clip(), b"mdat"))))
    assert ["is damaged or incomplete: its first frame cannot be decoded"] == problems_of(data)


def test_frames_must_have_the_size_that_the_index_says() -> None:
    """What is measured is what is there."""
    expected = "is damaged or incomplete: its index says 1280 x 720 px, and its first frame has 360 x 360 px"
    assert [expected] == problems_of(with_size(1280, 720))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda data: changed(data, (b"moov",), None), "it has no index (moov box)"),
        (lambda data: changed(data, (b"mdat",), None), "it has no data (mdat box)"),
        (lambda data: changed(data, (b"moov", b"mvhd"), None), "its index is incomplete"),
        (lambda data: changed(data, (*TRACK, b"tkhd"), None), "its index is incomplete"),
        (lambda data: changed(data, (*TRACK, b"mdia", b"mdhd"), bytes(24)), "its index is incomplete"),
        (lambda data: changed(data, (*TABLE, b"stsd"), bytes(8)), "its index is incomplete"),
        (lambda data: changed(data, (*TABLE, b"stsz"), None), "its index is incomplete"),
        (lambda data: changed(data, (*TABLE, b"stco"), None), "its index is incomplete"),
        (lambda data: changed(data, (*TABLE, b"stsc"), bytes(8)), "its index contradicts itself"),
        (
            lambda data: changed(data, (*TABLE, b"stts"), struct.pack(">IIII", 0, 1, 32, 0)),
            "its index says neither length nor size",
        ),
    ],
)
def test_a_broken_index_is_refused(change: Callable[[bytes], bytes], problem: str) -> None:
    """Whatever part of it is missing."""
    assert [f"is damaged or incomplete: {problem}"] == problems_of(change(clip()))


@pytest.mark.parametrize("size", range(17))
@pytest.mark.parametrize("make", [made(), made(codec="libx265", form="mov")])
def test_no_box_that_is_too_short_raises_anything(make: Make, size: int) -> None:
    """Whatever part of the index has only its first bytes."""
    data = make()
    for path in set(paths(data)):
        result = examined(changed(data, path, found(data, *path)[:size]))
        assert isinstance(result, ClipFacts) or all(fault.detail for fault in result), path


def test_a_movie_header_without_a_length_does_not_matter() -> None:
    """Lengths are counted from the frames."""
    header = found(clip(), b"moov", b"mvhd")
    assert 3.2 == facts_of(changed(clip(), (b"moov", b"mvhd"), header[:16] + bytes(4) + header[20:])).seconds


def test_sizes_may_have_64_bits() -> None:
    """Cameras write them for files of any size."""
    head, *rest = [part for part in split(clip()) if part[0] != b"free"]
    # The long header takes the place of the filler.
    assert len(join([head])) + 16 == clip().index(b"mdat") + 4
    data = join([head]) + b"".join(long_box(*part) for part in rest)
    assert 3.2 == facts_of(data).seconds


def test_places_and_times_may_have_64_bits() -> None:
    """Some programs always write the large forms of headers and tables."""
    data = clip()
    places = struct.iter_unpack(">I", found(data, *TABLE, b"stco")[8:])
    wide = b"".join(struct.pack(">Q", place) for (place,) in places)
    table = found(data, *TABLE) + box(b"co64", found(data, *TABLE, b"stco")[:8] + wide)
    data = changed(changed(data, TABLE, table), (*TABLE, b"stco"), None)
    for path, rest in (((*TRACK, b"mdia", b"mdhd"), 12), ((b"moov", b"mvhd"), 12), ((*TRACK, b"tkhd"), 12)):
        header = found(data, *path)
        wider = b"\1" + header[1:4] + bytes(16) + header[rest : rest + 4]
        if path[-1] == b"tkhd":
            wider += header[16:20] + bytes(4) + header[20:24] + header[24:]
        else:
            wider += bytes(4) + header[16:20] + header[20:]
        data = changed(data, path, wider)
    facts = facts_of(with_edits(data, (3200, 0)))
    assert (3.2, 10.0) == (facts.seconds, facts.fps)


def test_hdr_with_dolby_vision_beside_it_is_accepted() -> None:
    """Phones write HEVC that every decoder shows, and describe Dolby Vision in a box of its own."""
    data = clip(codec="libx265", pixels="yuv420p10le", form="mov")
    description = found(data, *TABLE, b"stsd")
    entry = box(description[12:16], description[16:].removesuffix(bytes(4)) + box(b"dvvC", bytes(24)))
    assert "HEVC" == facts_of(changed(data, (*TABLE, b"stsd"), description[:8] + entry)).codec


def test_the_last_box_may_reach_to_the_end() -> None:
    """Programs that stream write no size."""
    data = clip(movflags="faststart")
    place = data.index(b"mdat") - 4
    assert 3.2 == facts_of(data[:place] + bytes(4) + data[place + 4 :]).seconds


def test_what_a_phone_appends_does_not_matter() -> None:
    """Some write private data behind the video that is not in boxes."""
    assert 3.2 == facts_of(clip() + b"\xff\xff\xff\xffSEFT" * 4).seconds


def test_the_frame_rate_is_the_average() -> None:
    """A phone takes frames at varying intervals: here, 26 of 0.1 s and 6 of 0.2 s."""
    scale = int.from_bytes(found(clip(), *TRACK, b"mdia", b"mdhd")[12:16], "big")
    times = struct.pack(">IIIIII", 0, 2, 26, scale // 10, 6, scale // 5)
    facts = facts_of(changed(changed(clip(), (*TABLE, b"stts"), times), (*TRACK, b"edts"), None))
    assert 3.8 == facts.seconds
    assert pytest.approx(32 / 3.8) == facts.fps


@pytest.mark.parametrize(
    ("edits", "seconds"),
    [
        ([(3200, 0)], 3.2),
        ([(500, -1), (3200, 0)], 3.2),  # the pictures begin after the sound
        ([(4200, 1024)], 4.2),
        ([(2000, 0), (2000, 30720)], 4),
        ([(5080, 0)], 5.08),  # less than a frame more
        ([(0, 0)], 5),
    ],
)
def test_an_edit_list_says_what_is_shown(edits: list[tuple[int, int]], seconds: float) -> None:
    """A phone keeps some frames before the first that is shown."""
    assert seconds == facts_of(with_edits(clip(seconds=3.2 if seconds == 3.2 else 5), *edits)).seconds


@pytest.mark.parametrize(
    ("seconds", "edits", "rate"),
    [
        (4, [(60_000, 0)], 65536),  # a minute from 4 s
        (2, [(3100, 0)], 65536),
        (5, [(3000, 0), (3000, 0)], 65536),  # the same pictures twice
        (5, [(3000, 40_960)], 65536),  # 3 s from the fourth second on
        (4, [(4000, 0)], 32768),  # slow motion
        (8, [(4000, 0)], 131072),
        (4, [(4000, 0)], -65536),  # backwards
        (4, [(6000, 0)], 0),  # a still image
    ],
)
def test_an_edit_list_that_shows_more_than_there_is_is_refused(
    seconds: float, edits: list[tuple[int, int]], rate: int
) -> None:
    """Programs that do not follow it see another length: what is measured would not be what is billed."""
    result = examined(with_edits(clip(seconds=seconds), *edits, rate=rate))
    assert isinstance(result, list)
    (fault,) = result
    assert "has an edit list that repeats pictures or changes their speed" == fault.detail
    assert "Export the trimmed video as a new file." == fault.remedy


def test_an_edit_list_may_begin_with_the_first_picture_that_is_shown() -> None:
    """Where pictures are stored in another order, the times of all are later, and the list says by how much."""
    later = changed(clip(), TABLE, found(clip(), *TABLE) + box(b"ctts", struct.pack(">IIII", 0, 1, 32, 4096)))
    assert 3.2 == facts_of(with_edits(later, (3200, 4096))).seconds
    assert isinstance(examined(with_edits(clip(), (3200, 4096))), list)


def test_a_video_that_hides_most_of_itself_is_refused() -> None:
    """Not every program follows an edit list: DashScope may bill what is hidden."""
    expected = ["shows 4 s of the 20 s in it, and DashScope may read all of it"]
    assert expected == problems_of(with_edits(clip(seconds=20), (4000, 0)))


def test_the_longest_reading_of_a_file_is_what_may_be_billed() -> None:
    """What an edit list hides, longer sound, a pause before the pictures, and the length of the whole movie."""
    assert 3.2 == facts_of(clip()).billed_seconds
    hidden = facts_of(with_edits(clip(seconds=5), (4000, 0)))
    assert (4, 5) == (hidden.seconds, hidden.billed_seconds)
    sound = facts_of(clip(seconds=4, sound=4.9))
    assert 4.85 < sound.billed_seconds < 4.95
    assert 3.7 == facts_of(with_edits(clip(), (500, -1), (3200, 0))).billed_seconds
    assert 5.2 == facts_of(with_movie_length(clip(), 5200)).billed_seconds
    assert 3.2 == facts_of(with_movie_length(clip(), 0xFFFFFFFF)).billed_seconds  # unknown


@pytest.mark.parametrize(
    "make",
    [
        lambda: with_edits(clip(seconds=62), (59_500, 0)),
        lambda: with_edits(clip(seconds=59), (1500, -1), (59_000, 0)),
        lambda: with_movie_length(clip(seconds=59), 61_000),
        made(seconds=60, sound=60.8),
    ],
)
def test_what_may_be_read_beyond_the_limit_is_refused(make: Make) -> None:
    """DashScope may measure all that is in the file."""
    (problem,) = problems_of(make())
    assert problem.startswith("is too long: programs may read ")
    assert problem.endswith("; the maximum is 60 s")


def test_sound_may_fill_its_last_frame_beyond_the_limit() -> None:
    """Every program writes whole frames of sound: a minute of pictures has a few hundredths more of it."""
    data = clip(seconds=60, sound=60.05)
    assert 60 < facts_of(data).billed_seconds < 60.1


def test_sound_that_goes_on_after_the_pictures_is_refused() -> None:
    """DashScope may bill the length of the sound."""
    (problem,) = problems_of(clip(seconds=4, sound=9))
    assert problem.startswith("has 9.0")
    assert problem.endswith("s of sound for 4 s of pictures")


@pytest.mark.parametrize("handler", [b"tmcd", b"meta", b"hint", b"text", b"auxv"])
def test_other_tracks_do_not_matter(handler: bytes) -> None:
    """Phones and cameras add time codes, positions and depth."""
    other = of_handler(found(clip(), *TRACK), handler)
    assert 3.2 == facts_of(with_track(clip(), other)).seconds


def test_a_cover_image_is_not_a_second_video() -> None:
    """Programs store it as a track of one image."""
    track = found(clip(), *TRACK)
    cover = changed(track, (b"mdia", b"minf", b"stbl", b"stts"), struct.pack(">IIII", 0, 1, 1, 1))
    description = found(track, b"mdia", b"minf", b"stbl", b"stsd")
    cover = changed(cover, (b"mdia", b"minf", b"stbl", b"stsd"), description[:12] + b"jpeg" + description[16:])
    assert 3.2 == facts_of(with_track(clip(), cover)).seconds
    alone = changed(clip(), TRACK, cover)
    assert ["is not a video: it has only a cover image"] == problems_of(alone)


def test_of_several_videos_exactly_one_may_be_switched_on() -> None:
    """With two, nobody knows which one DashScope takes."""
    track = found(clip(), *TRACK)
    header = found(track, b"tkhd")
    off = changed(track, (b"tkhd",), header[:3] + b"\2" + header[4:])
    assert 3.2 == facts_of(with_track(clip(), off)).seconds
    assert ["has 2 video tracks; exactly one is required"] == problems_of(with_track(clip(), track))


def test_a_file_without_pictures_is_not_a_video() -> None:
    """Sound alone, or nothing."""
    sound = of_handler(found(clip(), *TRACK), b"soun")
    assert ["is not a video: it has only sound"] == problems_of(changed(clip(), TRACK, sound))
    assert ["is not a video: it has no track of pictures"] == problems_of(changed(clip(), TRACK, None))


@pytest.mark.parametrize("movflags", ["frag_keyframe+empty_moov", "frag_keyframe", "dash"])
def test_a_fragmented_file_is_refused_with_the_way_to_repair_it(movflags: str) -> None:
    """Its length is known only to those who read all of it."""
    result = examined(clip(movflags=movflags))
    assert isinstance(result, list)
    assert ["is a fragmented MP4, which is not supported"] == [fault.detail for fault in result]
    assert "ffmpeg -i in.mp4 -c copy out.mp4" in result[0].remedy


def test_a_compressed_index_is_refused() -> None:
    """QuickTime of the nineties."""
    data = changed(clip(), (b"moov",), box(b"cmov", bytes(99)))
    assert ["has a compressed index, which is not supported"] == problems_of(data)


BOMBS: dict[str, Callable[[bytes], bytes]] = {
    "samples": lambda data: changed(data, (*TABLE, b"stsz"), struct.pack(">III", 0, 1, 0xFFFFFFFF)),
    "a table of samples": lambda data: changed(data, (*TABLE, b"stsz"), struct.pack(">III", 0, 0, 0xFFFFFFFF)),
    "times": lambda data: changed(data, (*TABLE, b"stts"), struct.pack(">IIII", 0, 1, 0xFFFFFFFF, 1)),
    "chunks": lambda data: changed(data, (*TABLE, b"stco"), struct.pack(">II", 0, 0xFFFFFFFF)),
    "samples of a chunk": lambda data: changed(data, (*TABLE, b"stsc"), struct.pack(">5I", 0, 1, 1, 0xFFFFFFFF, 1)),
    "a large frame": lambda data: changed(data, (*TABLE, b"stsz"), struct.pack(">III", 0, 90 * MEBIBYTE, 32)),
    "boxes": lambda data: data + box(b"free") * 100_000,
    "boxes before the index": lambda data: data[:32] + box(b"free") * 100_000 + data[32:],
    "tracks": lambda data: changed(data, (b"moov",), found(data, b"moov") + box(b"trak", found(data, *TRACK)) * 20_000),
    "an index of 90 MB": lambda data: changed(data, (b"moov",), bytes(90 * MEBIBYTE)),
    "times of 20 MB": lambda data: changed(
        data, (*TABLE, b"stts"), struct.pack(">II", 0, 2_500_000) + struct.pack(">II", 1, 1) * 2_500_000
    ),
    "chunks of 20 MB": lambda data: changed(
        data, (*TABLE, b"stco"), struct.pack(">II", 0, 5_000_000) + bytes(20_000_000)
    ),
    "a set-up of 20 MB": lambda data: changed(
        data, (*TABLE, b"stsd"), found(data, *TABLE, b"stsd") + bytes(20_000_000)
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_hostile_index_costs_neither_memory_nor_time(name: str) -> None:
    """Whatever it claims, a few megabytes are read and kept, and nothing is raised."""
    file = Counted(BOMBS[name](clip()))
    tracemalloc.start()
    try:
        inspect_clip.examine("/video", file, RULES)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 40 * MEBIBYTE > peak
    assert 40 * MEBIBYTE > file.bytes_read


def test_a_scattered_index_takes_a_bounded_number_of_requests() -> None:
    """Boxes that lie apart are looked for in ranges: the index may not be so large that this takes a minute."""
    data = clip()
    table = spread(b"stbl", *(box(*one) for one in split(found(data, *TABLE))))
    track = box(b"mdia", b"".join(box(*one) for one in split(found(data, *TRACK, b"mdia"))[:2]) + box(b"minf", table))
    trak = box(b"trak", box(b"tkhd", found(data, *TRACK, b"tkhd")) + track)
    requests = []
    hostile = changed(data, (b"moov",), box(b"mvhd", found(data, b"moov", b"mvhd")) + trak * 7)

    def fetch(first: int, last: int) -> bytes:
        requests.append(first)
        return hostile[first : last + 1]

    with ranged_file.opened(len(hostile), fetch) as file:
        result = inspect_clip.examine("/video", file, RULES)
    assert isinstance(result, list)
    assert ["has 7 video tracks; exactly one is required"] == [fault.detail for fault in result]
    assert 150 > len(requests)
    assert ["has an index of 9.5 MB, which is too large"] == problems_of(changed(data, (b"moov",), bytes(9_961_472)))


@pytest.mark.parametrize("movflags", ["", "faststart"])
def test_a_video_of_100_mb_is_read_by_a_few_ranges(movflags: str) -> None:
    """Only the index and one frame, wherever the index is."""
    data = clip(movflags=movflags, sound=3.2)
    filler = 99 * MEBIBYTE
    place = data.index(b"mdat") - 4
    size = int.from_bytes(data[place : place + 4], "big")
    large = data[: place + size] + bytes(filler) + data[place + size :]
    large = large[:place] + struct.pack(">I", size + filler) + large[place + 4 :]
    file = Counted(large)
    result = inspect_clip.examine("/video", file, RULES)
    assert isinstance(result, ClipFacts)
    assert len(large) == result.size
    assert 64 * 1024 > file.bytes_read


@pytest.mark.parametrize("make", [made(sound=3.2), made(form="mov", codec="libx265")])
def test_no_damage_raises_anything(make: Make) -> None:
    """Whatever bytes are flipped, the result is what was measured, or a list of problems."""
    data, chance = make(), Random(7)
    for _ in range(500):
        broken = bytearray(data)
        for _ in range(chance.choice((1, 2, 8, 64))):
            broken[chance.randrange(len(broken))] = chance.choice((0, 1, 127, 128, 255, chance.randrange(256)))
        result = examined(bytes(broken))
        assert isinstance(result, ClipFacts) or all(fault.detail and fault.remedy for fault in result)


def test_errors_of_reading_pass_through() -> None:
    """What the bucket or the host did not send is not reported as a fault of the video."""

    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 900:
                raise OSError("unplugged")
            return super().read(size)

    with pytest.raises(OSError, match="unplugged"):
        inspect_clip.examine("/video", Failing(clip()), RULES)


def test_boxes_are_read_by_their_headers() -> None:
    """The data between two headers is not read."""
    file = Counted(clip())
    assert [kind for kind, _ in split(clip())] == [one.kind for one in boxes.outer(file, len(clip()))]
    assert 8 * len(split(clip())) == file.bytes_read
