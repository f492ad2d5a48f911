"""Find banned phrases: archaic or roundabout wording, and verbs for people where a machine is meant.

The gate and pre-commit run this; it needs the standard library only. It reads strings, docstrings and comments of
Python files, and all text of Markdown and YAML files: the files named as arguments, or the whole repository.
"""

from __future__ import annotations

import ast
import fnmatch
import io
import re
import sys
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

ROOT = Path(__file__).resolve().parents[1]
SUFFIXES = (".py", ".md", ".yaml", ".yml")
HIDDEN_BUT_READ = (".ci", ".github")
# The checker and its test quote the banned phrases.
NOT_READ = (".ci/prose.py", "tests/unit/test_prose.py", "out/*")

# Each entry is a regular expression and what to write instead. A space matches any white space, line ends included;
# case is ignored, and only whole words match.
BANNED: tuple[tuple[str, str], ...] = (
    # ---------------------------------------------------------------- amounts, limits and times
    ("so many(?! that)", "the number with its unit, or: Seconds until ..., Maximum number of ..."),
    ("(?:for|has|have) so (?:long|much)(?! (?:that|as))", "the duration or amount by name"),
    ("(?:is|are|was|were) the most", "the maximum is ..."),
    ("as (?:many|much|often|long) as (?:it|they|he|one) may", "up to its limit"),
    ("(?:more|faster|longer|larger) than (?:it|they|he|one) may", "exceeds the limit"),
    ("may again", "retry in ..."),
    ("in the long run", "sustained"),
    ("from (?:then|now) on", "after that, or: maximum ..., then ..."),
    ("from the (?:next|first) \\w+ on", "effective immediately, or: starting with the ..."),
    ("for ever", "forever, or: permanently"),
    ("for good", "permanently"),
    ("this once", "once; it cannot be shown again"),
    ("once more", "again"),
    ("anew", "again, or: from scratch"),
    ("no sooner than", "not before"),
    ("to (?:its|their|the very) end", "completely, or: to the last ..."),
    ("the very", "the same, or: exactly the"),
    ("beyond all bounds", "out of range"),
    ("dear(?:er|est)?", "expensive"),
    # ---------------------------------------------------------------- what is wrong, and what to do about it
    ("mend(?:s|ed|ing)?", "fix"),
    ("weigh(?:s|ed|ing)?", "has ... characters, or: counts as ..."),
    ("(?:has|have|had|with|without) faults", "is invalid, or: has problems"),
    ("at fault", "invalid"),
    ("half of a (?:character|wish|pair)", "an unpaired surrogate, or: part of ..."),
    ("(?:is|are|was) no \\w+ of (?:yours|ours|its|theirs|mine|his|hers)", "no such ..."),
    (
        "(?:is|are|was|were) no (?:whole )?(?:number|list|string|text|word|name|key|id|url|uri|address|host)s?",
        "is not a ...",
    ),
    ("(?:is|are|was|were) no (?:picture|video|image|animation|object|file|form|json|jpeg|mp4|utf-8)s?", "is not a ..."),
    ("(?:is|are|was|were) no (?:time|date|model|client|method|integer|trouble|secret)s?", "is not a ..."),
    ("(?:it|that|this) is none|is none that", "is not one, or: is not a ... that"),
    ("(?:not )?known here", "unknown value, or: supported"),
    ("still picture", "still image"),
    ("(?:speaks?|spoke|spoken|speaking) of", "refers to"),
    ("if it stays", "if the problem persists"),
    ("in trouble", "unavailable, or: failing"),
    ("requests? (?:broke|breaks?)", "unhandled exception"),
    ("no answer to a cancel", "cancel request failed"),
    ("br(?:oke|oken|eaks?|eaking) (?:down|off)", "failed, or: was interrupted"),
    ("(?:make|makes|made|put|puts|making) (?:it |them |that )?(?:right|good)", "corrects, or: repairs, converts"),
    ("(?:come|comes|came) to nothing", "failed"),
    ("surely", "certainly, or leave it out"),
    # ---------------------------------------------------------------- passive and roundabout constructions
    ("(?:is|are|was|were) to be", "must be, or: will be"),
    ("shall", "must, or: will"),
    ("what (?:is|was) (?:asked|wanted|wished)(?: for)?", "the requested operation, or name it"),
    ("who(?:so)?ever", "anyone who, or: the client that"),
    ("what (?:become|becomes|became|come|comes|came|has become|had become) of", "the result of, or: what happened to"),
    ("(?:is|are|was|were) said to", "reports that"),
    ("let (?:a|an|the|its|no) \\w+ (?:open|be|go|come|lie|stand|know)", "the verb itself: allow, revoke, keep"),
    ("opens? nothing", "grants no access"),
    ("by (?:itself|themselves)", "automatically, or: alone"),
    ("nothing but", "only"),
    ("but for", "except for"),
    ("cannot but", "must"),
    ("for (?:want|lack) of", "without"),
    ("in words", "as readable text"),
    ("(?:in|put into) the words of", "in the format of"),
    ("without (?:a|one) word", "silently"),
    ("knows? (?:no|nothing|neither|none)", "does not support, or: does not depend on"),
    # ---------------------------------------------------------------- machines that behave like people
    ("told", "notified, reported, said, shown"),
    ("tells?(?! (?:\\w+ ){1,3}apart)", "report, return, say, notify"),
    ("telling(?! (?:\\w+ ){1,3}apart)", "reporting, notifying"),
    ("(?:hear|hears|heard|hearing) (?:of|that|from|about)", "is notified of"),
    ("(?:go|goes|went|gone|going) on(?! (?:to|strike))", "continues, or: resumes"),
    ("lets? (?:it |them |him )?go(?: on)?", "releases, or: resumes"),
    ("(?:is|are|was|be|still|already) at it(?: already| still)?", "has started, or: is running"),
    ("works? off|worked off|working off", "processes"),
    ("takes? back|took back|taken back", "no longer reports, or: reverts"),
    ("takes? up|took up|taken up|taking up", "resumes, or: picks up"),
    ("comes? along|came along|coming along", "arrives, or: runs next"),
    ("(?:is|are|was|were|still) in the air", "in progress"),
    ("befall(?:s|en|ing)?|befell", "happens to"),
    ("mint(?:s|ed|ing)?", "create"),
    ("gives? out|gave out|given out", "issues"),
    ("counts? along", "is updated with each ..."),
    ("wish(?:es)?", "request"),
    ("(?:its|their|his|a job's|the job's|whose) turn", "a free slot, or: its position in the queue"),
    ("turn (?:has |had )?(?:come|comes|came)", "got a slot"),
    ("fair turns?", "fair scheduling"),
    ("in line(?! (?:\\d|with)|\\s*$)", "in the queue"),
    ("(?:its|their|own) pace", "rate, or: rate limit"),
    ("front of (?:a|its|the|each) (?:drop|folder)|(?:at|to) the front", "the current job of the drop"),
    # ---------------------------------------------------------------- "stands" and "lies" for the state of things
    ("stands? (?:at|on|there|beside|where|alone|first|before|behind|between|as|under|by|beneath|here)", "is"),
    ("stands? in(?! for)", "is in"),
    ("stood (?:in|at|on|there|beside|before|behind)", "was"),
    ("(?:how|where) (?:a|an|the|that|this|its|each|it|they|\\w+'s)?(?: ?\\w+)? stands?", "the state of"),
    ("(?:as|where|what|whatever) (?:it|they|he|this|that) stands?", "as it is, or: the current state"),
    ("what stands", "what is"),
    ("lies? (?:in|at|on|there|under|beside|where|between|as|before|by|behind|here|beyond|within)", "is"),
    ("(?:lay|lain) (?:in|at|on|there|under|beside|where|between|before|by|behind)", "was"),
    ("lying", "being, or leave it out"),
    ("what lies", "what is"),
    # ---------------------------------------------------------------- words of another century
    (
        "whence|wherein|whereof|whereby|whereupon|thereof|therein|thereby|thereupon|herein|hereby|hereof|hither|thither",
        "from where, in which, of it, ...",
    ),
    ("lest", "so that ... not"),
    ("naught|nought", "nothing, or: zero"),
    ("henceforth|hitherto|heretofore|forthwith", "after this, until now, immediately"),
    ("albeit|unto|upon|ere|amongst|whilst|betwixt", "although, to, on, before, among, while, between"),
    ("thrice|twain|fain|perforce|mayhap", "a word that is in use"),
)

# Exceptions: a pattern of paths, the phrase in lower case, and the reason. Rewriting is usually better.
ALLOWED: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One banned phrase in a file."""

    path: str
    line: int
    phrase: str
    instead: str

    def __str__(self) -> str:
        """Format it the way compilers do."""
        return f'{self.path}:{self.line}: "{self.phrase}" → write "{self.instead}"'


def main(arguments: Sequence[str]) -> int:
    """Check the named files, or all files; return the exit code."""
    paths = [Path(argument).resolve() for argument in arguments] or list(everything(ROOT))
    findings = [finding for path in paths for finding in check(path)]
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    if findings:
        sys.stdout.write(f"\n{len(findings)} banned phrases. The list and its exceptions are in .ci/prose.py.\n")
    return int(bool(findings))


def everything(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder that can contain prose, without virtual environments, caches and Git's own."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            if not path.name.startswith(".") or path.name in HIDDEN_BUT_READ:
                yield from everything(path)
        elif path.suffix in SUFFIXES:
            yield path


def check(path: Path) -> Iterator[Finding]:
    """Yield the banned phrases of a file."""
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
    if path.suffix not in SUFFIXES or any(fnmatch.fnmatch(name, pattern) for pattern in NOT_READ):
        return
    source = path.read_text(encoding="utf-8")
    for first_line, text in texts(path.suffix, source):
        for offset, phrase, instead in banned(text):
            line = first_line + text.count("\n", 0, offset)
            if not _is_allowed(name, phrase):
                yield Finding(name, line, phrase, instead)


def texts(suffix: str, source: str) -> list[tuple[int, str]]:
    """Return the passages of a file that are prose, each with its first line's number."""
    if suffix == ".py":
        return sorted([*_strings(source), *_comments(source)])
    return [(1, source)]


def banned(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield each banned phrase of a text: its offset, the matched words, and what to write instead."""
    for found in _ANY.finditer(text):
        yield found.start(), " ".join(found[0].split()), BANNED[int(str(found.lastgroup)[1:])][1]


def _strings(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        # A string without a space is a name, not prose.
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value


def _comments(source: str) -> Iterator[tuple[int, str]]:
    """Yield the comments; consecutive comment lines form one passage."""
    first, lines = 0, list[str]()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        if lines and token.start[0] != first + len(lines):
            yield first, "\n".join(lines)
            lines = []
        if not lines:
            first = token.start[0]
        lines.append(token.string.lstrip("#"))
    if lines:
        yield first, "\n".join(lines)


def _is_allowed(name: str, phrase: str) -> bool:
    return any(fnmatch.fnmatch(name, pattern) and phrase.lower() == words for pattern, words, _ in ALLOWED)


def _compiled(entries: Iterable[tuple[str, str]]) -> re.Pattern[str]:
    """Combine all entries into one expression; the matching group's name carries the entry's index."""
    groups = (f"(?P<p{number}>{pattern})" for number, (pattern, _) in enumerate(entries))
    return re.compile(rf"\b(?:{'|'.join(groups)})\b".replace(" ", r"\s+"), re.IGNORECASE)


_ANY = _compiled(BANNED)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
