"""Two hundred drops with names from all of Unicode, and strings that have broken other programs, in every place.

Each ends as a video or as a receipt that says what to do, and DashScope is asked for the videos only.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from gallop.domain.drops import drop as drops

from fake_dashscope import render
from tests.support.films import film
from tests.support.pictures import picture
from tests.support.promise.batches import quick

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from tests.support.promise import Simulation

DROPS, SEED = 200, 20261130
PROMPT = "The woman of [Image 1] smiles."
HOUR = 3600
# Code points that make trouble more often than by chance.
TROUBLE = "\x00\x07\t\n\x0b\r\x1b\x7f\x85\xa0\u200b\u200e\u2028\u202e\ufeff\ufffd\ufffe\uffff\U0001ffff /\\.%+&=~'\"<>"
NAUGHTY = [
    *("undefined", "NULL", "true", "NaN", "-1", "1E+02", "0x0", "CON", "PRN.jpg", "COM1", "-rf", "--help", "~", "*"),
    *("..", ".", "...", "../../../etc/passwd", "a/../b", "a/./b", "a//b", "/", " ", "  x  ", "x/ /y", ".hidden"),
    *("%2e%2e%2f", "..%2f", "%00", "%s%n%x", "%", "+", "a%20b", "${HOME}", "$(touch x)", "`ls`", "{{7*7}}", "#{1}"),
    *("<script>alert(1)</script>", "<?xml?>&lol;", "]]>", "&amp;", "'; DROP TABLE jobs; --", "' OR 1=1", "a\"b'c`d"),
    *("=1+1", "@SUM(1)", "+1", "\t=1", "C:\\con\\con", "\\\\server\\share", "a\\..\\b", "file:///etc/passwd"),
    *("\x00", "a\x0bb", "two\nlines", "a\r\nb", "\x7f", "\x85", "\u2028", "\ufeffbom", "\ufffe", "\uffff", "\ufffd"),
    *("\u202ereversed", "\u200b", "\u2060", "e\u0301", "\u00e9", "\ufb00", "\u0130", "\u00df", "\u212b", "春の広告"),
    *("العربية", "\u202e\ufdfa", "🐎", "\U0001f469\u200d\U0001f469\u200d\U0001f467"),
    *("Z̮̞̠͙͔ͅḀ̗̞͈̻̗L̹G̱O̯", "ﷺ" * 50, "x" * 900, "\U000e0001", "\U0010ffff", "job_" + "a" * 26, ".batches", "videos"),
    *("status.json", "video.mp4", "error.json", "CANCEL", "batch", "prompt.txt", "__MACOSX", "Thumbs.db", "._x"),
]


def names(rng: Random) -> Iterator[str]:
    """Yield names of one to twelve code points, of which half may be any, except for surrogates."""
    for _ in range(DROPS):
        letters = [rng.choice((rng.choice(TROUBLE), chr(rng.randrange(0x110000)))) for _ in range(rng.randint(1, 12))]
        yield "".join(letter for letter in letters if not "\ud800" <= letter <= "\udfff") or "x"


def drop_all(simulation: Simulation) -> list[str]:
    """Drop a folder or a lone image for each name, with a prompt; return the paths of those that are read."""
    rng, files = Random(SEED), dict[str, bytes]()
    named = [(name, NAUGHTY[number % len(NAUGHTY)]) for number, name in enumerate(names(rng))]
    for number, (name, prompt) in enumerate([*named, *((name, PROMPT) for name in NAUGHTY)]):
        where = rng.choice(("folder", "image", "lone"))
        # The number keeps them apart, and lets a name be at the beginning or at the end.
        own = rng.choice((f"{number:03d}{name}", f"{name}{number:03d}", f"{number:03d}/{name}"))
        folder = own if where == "folder" else f"{number:03d}"
        if where == "lone":
            files[f"drop/{own}.jpg"] = picture()
            continue
        files[f"drop/{folder}/{name if where == 'image' else 1}.jpg"] = picture()
        files[f"drop/{folder}/prompt.txt"] = prompt.encode()
    for key, content in files.items():
        simulation.drop(key, content)
    return sorted({path for key in files if (path := drops.path_of(key)) is not None})


def test_every_drop_ends_as_a_video_or_a_receipt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its name and prompt; and no task, and so no charge, belongs to one that was refused."""
    monkeypatch.setattr(render, "render", lambda _, path, *__: path.write_bytes(film()))
    with quick() as simulation:
        paths = drop_all(simulation)
        for _ in range(4):
            simulation.run_for(HOUR)
        ends = set(simulation.results_there())
        videos = {path for path in paths if f"{drops.receipts_of(path)}/video.mp4" in ends}
        refused = {path for path in paths if f"{drops.receipts_of(path)}/error.json" in ends}
        assert set(paths) == videos | refused
        assert set() == videos & refused
        paid = {job.receipts for job in simulation.jobs()}
        assert len(paid) == len(videos) == len(simulation.tasks())
        assert paid == {drops.receipts_of(path) for path in videos}
        assert ([], []) == (simulation.queue.messages, simulation.queue.dead)
        assert len(NAUGHTY) / 2 < min(len(videos), len(refused))
