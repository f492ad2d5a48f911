"""Videos of a request are measured where they are, before anything is paid: in the inbox, and at a public address."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters import aws, linked_file, ranged_file, safe_http
from gallop.domain.errors import AwsTrouble
from gallop.domain.media_rules import MEBIBYTE, AudioRules, VideoRules
from gallop.domain.request import references
from gallop.domain.request.clips import Clip, ClipFacts, LinkedClip, StoredClip
from gallop.services import inspect_clips

from tests.support.clips import box, clip, sound
from tests.support.pictures import picture
from tests.support.ranges import file_host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.faults import Fault

    from tests.support.sandbox import Sandbox

RULES = VideoRules(3, 60, 360, 4096, 2.5, 100 * MEBIBYTE, 8)
SOUND_RULES = AudioRules(1, 15, 15 * MEBIBYTE)
KEY = "uploads/ada/upload_1"


@pytest.fixture(params=["SubmitFunction", "BatchFunction"])
def sandbox(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Sandbox]:
    """Act as each function that creates jobs, with its rights."""
    with sandbox.stack.acting_as(request.param):
        yield sandbox


def inspected(sandbox: Sandbox, rules: Any = RULES) -> Clip | list[Fault]:  # noqa: ANN401 - of either kind
    """Inspect what is stored."""
    return inspect_clips.inspect("/video", StoredClip(sandbox.inbox, KEY), rules)


def stored(sandbox: Sandbox, data: bytes) -> str:
    """Store a clip; return its version."""
    return sandbox.s3.put_object(Bucket=sandbox.inbox, Key=KEY, Body=data)["VersionId"]


def test_a_stored_video_gets_facts_version_and_hash(sandbox: Sandbox) -> None:
    """The same content is the same request, wherever it is stored."""
    version = stored(sandbox, clip())
    facts = ClipFacts(3.2, 360, 360, 10, "H.264", "MP4", len(clip()), has_audio=False, billed_seconds=3.2)
    expected = StoredClip(sandbox.inbox, KEY, version, hashlib.sha256(clip()).hexdigest(), facts)
    assert expected == inspected(sandbox)


def test_a_stored_sound_is_measured_as_well(sandbox: Sandbox) -> None:
    """By the rules of sounds."""
    stored(sandbox, sound(3))
    found = inspected(sandbox, SOUND_RULES)
    assert isinstance(found, StoredClip)
    assert found.facts
    assert 3 == found.facts.seconds


def test_every_problem_is_reported_at_the_field(sandbox: Sandbox) -> None:
    """Before the hash is computed."""
    stored(sandbox, clip(seconds=2, fps=5))
    found = inspected(sandbox)
    assert isinstance(found, list)
    assert ["/video", "/video"] == [fault.pointer for fault in found]
    assert ["is too short", "has 5 frames"] == [fault.detail[:12] for fault in found]


def test_an_object_that_is_not_there_is_not_found(sandbox: Sandbox) -> None:
    """In the words for images."""
    assert [references.not_there("/video")] == inspected(sandbox)


def test_an_image_in_the_place_of_a_video_is_called_so(sandbox: Sandbox) -> None:
    """By its content."""
    stored(sandbox, picture())
    found = inspected(sandbox)
    assert isinstance(found, list)
    assert ["is not a video: its content looks like an image"] == [fault.detail for fault in found]


def test_a_version_that_disappears_is_an_error_of_aws(sandbox: Sandbox) -> None:
    """Nothing is said about the video: the request may be sent again."""
    version = stored(sandbox, clip())
    head = aws.s3().head_object

    def vanishing(**request: Any) -> Any:  # noqa: ANN401 - of boto3
        found = head(**request)
        sandbox.s3.delete_object(Bucket=sandbox.inbox, Key=KEY, VersionId=version)
        return found

    with patch.object(aws.s3(), "head_object", vanishing), pytest.raises(AwsTrouble):
        inspected(sandbox)


@pytest.mark.parametrize("movflags", ["", "faststart"])
def test_a_large_video_is_read_by_ranges_and_hashed_in_pieces(sandbox: Sandbox, movflags: str) -> None:
    """Two or three ranges of a mebibyte decide, wherever the index is."""
    data = clip(movflags=movflags)
    large = data + box(b"free", bytes(8 * MEBIBYTE))
    if not movflags:
        # The frames stay where the index says that they are.
        place = data.index(b"moov") - 4
        large = data[:place] + box(b"free", bytes(8 * MEBIBYTE)) + data[place:]
    stored(sandbox, large)
    requested: list[int] = []
    client = aws.s3()
    get_object = client.get_object

    def counted(**request: Any) -> Any:  # noqa: ANN401 - of boto3
        if "Range" in request:
            first, last = request["Range"].removeprefix("bytes=").split("-")
            requested.append(int(last) - int(first) + 1)
        return get_object(**request)

    with patch.object(client, "get_object", counted):
        found = inspected(sandbox)
    assert isinstance(found, StoredClip)
    assert hashlib.sha256(large).hexdigest() == found.sha256
    assert 3 >= len(requested)
    assert ranged_file.RANGE_BYTES >= max(requested)


def test_a_video_over_the_limit_is_not_read(sandbox: Sandbox) -> None:
    """Its size is known before."""
    stored(sandbox, bytes(3 * MEBIBYTE))
    with patch.object(aws.s3(), "get_object", side_effect=AssertionError("read")):
        found = inspected(sandbox, replace(RULES, max_bytes=2 * MEBIBYTE))
    assert isinstance(found, list)
    assert ["is too large: 3.0 MB; the maximum is 2 MB"] == [fault.detail for fault in found]


def test_a_linked_video_is_measured_at_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """DashScope will download it from there; nothing of it is kept."""
    monkeypatch.setattr(safe_http, "loopback_allowed", True)
    with file_host(clip()) as host:
        facts = ClipFacts(3.2, 360, 360, 10, "H.264", "MP4", len(clip()), has_audio=False, billed_seconds=3.2)
        assert LinkedClip(host.url, facts) == inspect_clips.inspect("/video", LinkedClip(host.url), RULES)


@pytest.mark.parametrize("size", [101 * MEBIBYTE, 10**14])
def test_a_linked_video_over_the_limit_is_not_read(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Its size is known with the first range."""
    monkeypatch.setattr(safe_http, "loopback_allowed", True)
    with file_host(clip()) as host:
        host.reply = lambda *_: (206, {"Content-Range": f"bytes 0-999/{size}"}, bytes(1000))
        found = inspect_clips.inspect("/video", LinkedClip(host.url), RULES)
        assert 1 == len(host.ranges)
    assert isinstance(found, list)
    assert "is too large" == found[0].detail[:12]


def test_what_cannot_be_measured_at_its_address_must_be_uploaded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing unmeasured is paid for; neither the answer nor the log has the address."""
    monkeypatch.setattr(safe_http, "loopback_allowed", True)
    with file_host(clip()) as host:
        host.reply = lambda *_: (200, {}, clip())
        found = inspect_clips.inspect("/video", LinkedClip(host.url), RULES)
    assert isinstance(found, list)
    (fault,) = found
    expected = "cannot be measured at its address before it is paid for: the host does not send ranges of the file"
    assert expected == fault.detail
    assert "POST /v1/uploads" in fault.remedy
    assert "secret" not in capsys.readouterr().out + str(fault)


def test_an_address_inside_a_network_is_not_called() -> None:
    """As for every address that others choose."""
    found = inspect_clips.inspect("/video", LinkedClip("https://169.254.169.254/latest"), RULES)
    assert isinstance(found, list)
    assert "cannot be measured" in found[0].detail
    assert linked_file.MAX_SECONDS <= 10
