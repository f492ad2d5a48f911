"""A saved video has a name that its owner recognizes, on every system."""

from __future__ import annotations

from dataclasses import replace

import pytest
from gallop.domain import file_names
from gallop.domain.doors import Door
from gallop.domain.job import GroupPlace

from tests.support.jobs import a_job, a_request

VIDEO = "video/mp4"


@pytest.mark.parametrize(
    ("receipts", "expected"),
    [
        ("spring-ad", "spring-ad.mp4"),
        ("2026/may/Grüße & more", "Grüße - more.mp4"),
        ("many/batch/00012", "batch-00012.mp4"),
        ("spring-ad/1", "spring-ad-1.mp4"),
        ("2026", "2026.mp4"),
        ("حصان", "حصان.mp4"),
        ("ha\u202egnp", "ha-gnp.mp4"),
        ("...", "r2v-2026-05-28.mp4"),
        ("x" * 300, f"{'x' * 80}.mp4"),
    ],
)
def test_a_drop_gives_its_name(receipts: str, expected: str) -> None:
    """Without what some system refuses, or what turns its order around."""
    assert expected == file_names.name_of(a_job(door=Door.S3, receipts=receipts), VIDEO)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("The cat of [Image 1] jumps onto the table, and then it sleeps.", "the-cat-of-jumps-onto-the-table-and.mp4"),
        ("一匹马在草原上奔跑", "一匹马在草原上奔跑.mp4"),
        ("", "r2v-2026-05-28.mp4"),
        ("[Image 1] !?", "r2v-2026-05-28.mp4"),
        ("../../etc/passwd", "etc-passwd.mp4"),
    ],
)
def test_a_request_gives_the_first_words_of_its_prompt(prompt: str, expected: str) -> None:
    """Without words, the kind of video and the day."""
    assert expected == file_names.name_of(a_job(request=a_request(prompt=prompt)), VIDEO)


def test_variants_have_their_number() -> None:
    """So that all of one request can be saved beside each other; drops have names of their own."""
    place = GroupPlace("grp_buixgzz4o6uodvhyd3dpsxnj4a", 2, 3)
    job = replace(a_job(request=a_request(prompt="Three boats.")), group=place)
    assert "three-boats-2.mp4" == file_names.name_of(job, VIDEO)
    drop = replace(a_job(door=Door.S3, receipts="boats/2"), group=place)
    assert "boats-2.mp4" == file_names.name_of(drop, VIDEO)


def test_a_thumbnail_has_its_own_extension() -> None:
    """It is a picture."""
    assert "spring-ad.jpg" == file_names.name_of(a_job(door=Door.S3, receipts="spring-ad"), "image/jpeg")


def test_the_header_carries_any_name() -> None:
    """In ASCII for old programs, and in UTF-8."""
    assert "attachment; filename=\"a.mp4\"; filename*=UTF-8''a.mp4" == file_names.disposition("a.mp4", is_download=True)
    found = file_names.disposition("Grüße (1).mp4", is_download=False)
    assert "inline; filename=\"video.mp4\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%281%29.mp4" == found
