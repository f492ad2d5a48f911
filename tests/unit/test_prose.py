"""The prose check finds the phrases that the project no longer uses, and accepts their replacements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.scripts import ROOT, load

if TYPE_CHECKING:
    from pathlib import Path

ARCHAIC = [
    "The key makes more requests than it may; it may again in 3 s.",
    "The request has faults",
    "Mend what `errors` names and send it again; nothing was charged.",
    "Upload what is named here once more, mended. It starts by itself.",
    "speaks of [Image 2], and there is 1 image",
    "is too long: it weighs 5001 characters, and 5000 is the most",
    "has half of a character in it",
    "is a word that is not known here",
    "is no video of yours",
    "is no time",
    "holds 2 frames of an animation, and one still picture is needed",
    "could not be worked off: AWS did not do what was asked",
    "DashScope is at it already: the video will be made, charged, and put here.",
    "DashScope takes back that the task has ended.",
    "neighbour in trouble",
    "request broke",
    "turn told late",
    "no answer to a cancel",
    "Mint a key: it alone stands on standard output, this once.",
    "Let a key open nothing from the next request on.",
    "A dropped folder starts when nothing in it has changed for so many seconds.",
    "Each key may make so many requests a second in the long run, and those of two seconds at once.",
    "knows no fair turns",
    "from then on has so long for its task",
    "whoever asked can mend it",
    "it is none that Gallop may call",
    "The next run sees where the job stands.",
    "what lies in the results bucket",
    "the wish that is to be recorded",
    "those whose turn came",
]
PLAIN = [
    "Rate limit exceeded. Retry in 3 seconds.",
    "Invalid request",
    "Fix the problems listed in `errors` and resend. You have not been charged.",
    "Fix the files listed here and upload them again. The job then starts automatically.",
    "refers to [Image 2], but there is only 1 image",
    "is too long: 5,001 characters; the maximum is 5,000 (a Chinese character counts as two)",
    "contains an unpaired surrogate; send valid UTF-8",
    "unknown value",
    "no such video",
    "not a valid time",
    "is an animation (2 frames); a still image is required",
    "could not be processed because of an AWS error",
    "Too late to cancel: DashScope may have started. It may be charged; if so, the video is put here.",
    "DashScope no longer reports the task as finished.",
    "upstream unavailable",
    "unhandled exception",
    "slot wake-up resent",
    "cancel request failed",
    "Create an API key. It is printed once and cannot be shown again.",
    "Revoke a key, effective immediately.",
    "Seconds a dropped folder must stay unchanged before its job starts.",
    "Sustained requests per second per API key; bursts up to twice that.",
    "does not schedule fairly",
    "maximum wait, then maximum run time",
    "so many that the list is cut; a stand-in; recommended; weights",
    "in line 3; it is no longer there; tell the two apart",
]


prose = load("prose")


@pytest.mark.parametrize("text", ARCHAIC)
def test_archaic_wording_is_found(text: str) -> None:
    """Each example of the old wording contains a banned phrase."""
    assert list(prose.banned(text))


@pytest.mark.parametrize("text", PLAIN)
def test_plain_wording_passes(text: str) -> None:
    """The new wording, and similar words with another meaning, are accepted."""
    assert [] == list(prose.banned(text))


def test_the_list_is_long_enough() -> None:
    """At least sixty entries, each with a suggestion that is itself plain."""
    assert len(prose.BANNED) >= 60
    assert [] == [found for _, instead in prose.BANNED for found in prose.banned(instead)]


def test_python_is_read_where_it_holds_prose() -> None:
    """Docstrings, messages and comments are read, across line ends; names and code are not."""
    source = '''"""Lists so
many things."""

told = "told"
# A comment that runs over
# two lines and speaks
# of something.
raise ValueError(f"{told} must be mended")
'''
    texts = prose.texts(".py", source)
    found = [(line + text.count("\n", 0, at), phrase) for line, text in texts for at, phrase, _ in prose.banned(text)]
    assert [(1, "so many"), (6, "speaks of"), (8, "mended")] == found


def test_a_finding_names_place_phrase_and_replacement(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A reader needs the line, the phrase and what to write; the exit code stops the gate."""
    page = tmp_path / "page.md"
    page.write_text("# Page\n\nMend it\nonce\nmore.\n", encoding="utf-8")
    code = prose.main([str(page)])
    shown = capsys.readouterr().out.splitlines()
    assert 1 == code
    assert 'page.md:3: "Mend" → write "fix"' == shown[0]
    assert 'page.md:4: "once more" → write "again"' == shown[1]


def test_exceptions_hold_for_their_path_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception names a path and a phrase; everything else stays banned."""
    (tmp_path / "quoted.md").write_text("Mend it once more.\n", encoding="utf-8")
    (tmp_path / "other.md").write_text("Mend it.\n", encoding="utf-8")
    monkeypatch.setattr(prose, "ALLOWED", (("quoted.md", "mend", "a quotation"),))
    found = [f"{one.path} {one.phrase}" for path in sorted(tmp_path.iterdir()) for one in prose.check(path)]
    assert ["other.md Mend", "quoted.md once more"] == found


def test_every_file_with_prose_is_read() -> None:
    """Sources, pages and workflows are read; environments, caches and the list of phrases itself are not."""
    names = {path.relative_to(ROOT).as_posix() for path in prose.everything(ROOT)}
    assert {"README.md", "template.yaml", ".ci/venv.py", "functions/workflow.asl.yaml"} <= names
    assert [] == [name for name in names if name.startswith((".venv", ".git/", "out/"))]
    assert [] == list(prose.check(ROOT / ".ci" / "prose.py"))
