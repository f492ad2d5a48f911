"""The kinds of items in the table, read from the code: every key that the modules of ``gallop.adapters.table`` write.

The keys come from the source, so a new or renamed key appears without a change here. What a kind is for and how long
it is kept is written here; a kind without a description, or a description without a kind, is an error.
"""

from __future__ import annotations

import ast
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gallop.adapters.table import batches, budgets, completion_waits, drops, image_references, jobs, slots
from gallop.domain import notices as domain_notices
from gallop.domain.clients import keys, webhooks
from gallop.domain.request import idempotency

from tests.docs.markdown import table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

PACKAGE = "gallop.adapters.table"
FOLDER = Path(str(batches.__file__)).parent
DAY_SECONDS = 86_400


def _days(seconds: float) -> str:
    days = seconds / DAY_SECONDS
    return "1 day" if days == 1 else f"{days:g} days"


RECORD = "`RecordDays` after the job was created"
BATCH = "`RecordDays` after the batch began"
KEY = f"{_days(keys.DEAD_KEYS_KEPT_SECONDS)} after it expired or was revoked"
QUEUED = f"{_days(slots.KEPT_SECONDS)} after the last time it may start"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of item: its keys, as the code writes them, and its module."""

    partition_key: str
    sort_key: str
    module: str


@dataclass(frozen=True, slots=True)
class About:
    """What a kind of item is, how long it is kept, and its sort key where the code computes it."""

    what: str
    kept: str
    sort_key: str = ""


# By the beginnings of both keys.
ABOUT = {
    ("ALL", ""): About("a job's place in the list of all jobs", RECORD, "<time>#<job id>"),
    ("BATCH#", "BATCH"): About("the progress of a batch", BATCH),
    ("BATCH#", "FAULT#"): About("what is wrong with a line of a batch", BATCH),
    ("BATCH#", "LINE#"): About(
        "the job and the result of a line of a batch, and of each further video of a line for several",
        BATCH,
        "LINE#<line>` or `LINE#<line>#<place>",
    ),
    ("BATCH#", "NEWEST"): About("the newest upload of a batch file", BATCH),
    ("BUDGET#", ""): About(
        "what an owner (the stack, a client, or an account with a cap) has reserved and spent in a month",
        f"{_days(budgets.KEPT_SECONDS)} after the month's first reservation",
        "<month>",
    ),
    ("CLIENT#", ""): About("a job's place in its client's list", RECORD, "<time>#<job id>"),
    ("COMPLETION#", "COMPLETION"): About(
        "the task token of an execution that waits for a completion event, or an event that came first",
        _days(completion_waits.SECONDS_KEPT),
    ),
    ("DELIVERIES#", ""): About("one try of a webhook delivery, without its body", _days(webhooks.LOG_SECONDS)),
    ("DRAIN", "DRAIN"): About("since when the stack accepts no new jobs", "until `gallop undrain`"),
    ("DROP#", "CLAIM"): About(
        "the message that works on a state of a drop, so that no other does", _days(drops.CLAIM_SECONDS)
    ),
    ("DROP#", "DROP"): About("the current job or receipts of a drop, and those it displaced", "no expiry"),
    ("DURATIONS", ""): About("how long the last 50 tasks ran", "no expiry", "<model>|<resolution>|<seconds>"),
    ("HELD", ""): About("a request that waits for a job to change", "`MaxWaitSeconds` after it began", "<number>"),
    ("IDEMPOTENCY#", "IDEMPOTENCY"): About(
        "the job that an equal create repeats, and whether it was answered",
        f"{_days(idempotency.KEY_SECONDS)} with an `Idempotency-Key`, {idempotency.RETRY_SECONDS // 60} minutes "
        f"without, {idempotency.UNMARKED_RETRY_SECONDS // 60} minutes in DashScope's dialect, "
        "from the last repetition without an answer",
    ),
    ("IMAGE#", ""): About(
        "a job that uses an image or video which Gallop keeps, or a create that is about to",
        f"{RECORD}; a create's {image_references.USE_SECONDS // 60} minutes",
        "<user>",
    ),
    ("IMAGE#", "REMOVAL"): About(
        "the claim of a run that removes the image or video",
        f"until it is removed; {_days(image_references.REMOVAL_SECONDS)} if the run died",
    ),
    ("JOB#", "JOB"): About("the record of a job", RECORD),
    ("JOB#", "SLOT_WAITER"): About("the task token of an execution that waits for a slot", QUEUED),
    ("JOB#", "WAITER#"): About("the task token of a batch line that waits for the job", "as long as the line may wait"),
    ("KEY#", "KEY"): About("an API key's hash, client, expiry, rate and last use", KEY),
    ("KEYS", ""): About("an API key in the list of keys", KEY),
    ("LANE#", "LANE"): About("the lease on a lane's one attempt, and its back-off", "no expiry"),
    ("NOTICES", "PACE"): About("when the next mail about ended jobs may be sent", "no expiry"),
    ("NOTICES", "WAITING#"): About(
        "an ended job whose notice waits", f"until it is sent, {_days(domain_notices.MAX_AGE_SECONDS)} at most"
    ),
    ("QUEUE#", ""): About("a job's place in the queue of a lane", QUEUED, "<client>#<rank>#<time>#<job id>"),
    ("SLOTS", ""): About(
        "which jobs hold the slots of a lane, which client was served last, and which lanes serve its queue",
        "no expiry",
    ),
    ("TASK#", "TASK"): About("the job that owns a task", f"{_days(jobs.TASK_SECONDS)} after it was recorded"),
    ("WEBHOOKS", ""): About("a webhook endpoint with its signing secrets", "no expiry"),
}


def kinds() -> list[Kind]:
    """Return every kind of item, in the order of its keys."""
    names = sorted(path.stem for path in FOLDER.glob("[a-z]*.py"))
    return sorted(
        {kind for name in names for kind in _kinds_in(importlib.import_module(f"{PACKAGE}.{name}"))},
        key=lambda kind: (kind.partition_key, kind.sort_key),
    )


def item_kinds() -> str:
    """Return the table of kinds, with their keys and modules."""
    return table(
        ("partition key", "sort key", "what it is", "kept for", "module"),
        (_row(kind, about) for kind, about in _described()),
    )


def records() -> str:
    """Return how long each kind is kept."""
    return table(
        ("item", "what it is", "kept for"),
        ((f"`{kind.partition_key}`", about.what, about.kept) for kind, about in _described()),
    )


def _described() -> list[tuple[Kind, About]]:
    """Return the kinds, each with its description.

    Raises:
        ValueError: a kind has no description, or a description has no kind.

    """
    found = {(_beginning(kind.partition_key), _beginning(kind.sort_key)): kind for kind in kinds()}
    if found.keys() != ABOUT.keys():
        raise ValueError(f"Describe each kind of item once, in ABOUT: {sorted(found.keys() ^ ABOUT.keys())}")
    return [(kind, ABOUT[key]) for key, kind in found.items()]


def _row(kind: Kind, about: About) -> tuple[str, ...]:
    sort_key = (about.sort_key or kind.sort_key).replace("|", "\\|")
    return f"`{kind.partition_key}`", f"`{sort_key}`", about.what, about.kept, f"`{kind.module}`"


def _beginning(key: str) -> str:
    return key.partition("<")[0]


def _kinds_in(module: ModuleType) -> Iterator[Kind]:
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    reader = _Reader(module, {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)})
    for node in ast.walk(tree):
        for partition_key, sort_key in reader.keys_of(node):
            yield Kind(partition_key, sort_key, module.__name__)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the keys that a module writes out; what varies is shown as ``<name>``."""

    module: ModuleType
    functions: dict[str, ast.FunctionDef]

    def keys_of(self, node: ast.AST) -> Iterator[tuple[str, str]]:
        """Yield the keys that a dictionary with a ``pk`` writes: its ``sk`` is beside it, or in what it unpacks."""
        if not isinstance(node, ast.Dict):
            return
        values = {
            key.value: value for key, value in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant)
        }
        partition_keys, sort_keys = self._given(values, "pk", node), self._given(values, "sk", node)
        if ("pk" in values or "sk" in values) and not isinstance(values.get("pk"), ast.Subscript):
            yield from ((pk, sk) for pk in partition_keys for sk in sort_keys)

    def _given(self, values: dict[Any, ast.expr], name: str, node: ast.Dict) -> list[str]:
        if name in values:
            return self.texts(values[name])
        unpacked = (value for key, value in zip(node.keys, node.values, strict=True) if key is None)
        return [text for value in unpacked for text in self._unpacked(value, name)]

    def _unpacked(self, value: ast.expr, name: str) -> list[str]:
        """Read a key out of what a dictionary unpacks: the answer of a function here, or a name given above."""
        answers = self._answers(value) if isinstance(value, ast.Call) else self._assigned(value)
        return [
            text
            for answer in answers
            if isinstance(answer, ast.Dict)
            for key, inner in zip(answer.keys, answer.values, strict=True)
            if isinstance(key, ast.Constant) and key.value == name
            for text in self.texts(inner)
        ]

    def _answers(self, call: ast.Call) -> list[ast.expr]:
        function = self.functions.get(getattr(call.func, "id", ""))
        found = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)] if function else []
        return [value for value in found if value is not None]

    def _assigned(self, value: ast.expr) -> list[ast.expr]:
        return [
            node.value
            for function in self.functions.values()
            for node in ast.walk(function)
            if isinstance(node, ast.Assign)
            and isinstance(value, ast.Name)
            and any(isinstance(target, ast.Name) and target.id == value.id for target in node.targets)
        ]

    def texts(self, node: ast.expr) -> list[str]:
        """Return the texts that an expression may give."""
        match node:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.JoinedStr(values=parts):
                return ["".join(self.texts(part)[0] for part in parts)]
            case ast.FormattedValue(value=value):
                return [f"<{_name(value)}>"]
            case ast.BinOp(left=left, right=right):
                return [a + b for a in self.texts(left) for b in self.texts(right)]
            case ast.IfExp(body=body, orelse=otherwise):
                return self.texts(body) + self.texts(otherwise)
            case ast.Name(id=name) if isinstance(getattr(self.module, name, None), str):
                return [getattr(self.module, name)]
            case ast.Call() if answers := self._answers(node):
                return [text for answer in answers for text in self.texts(answer)]
        return [f"<{_name(node)}>"]


def _name(node: ast.expr) -> str:
    """Name what varies: ``batch.id`` is ``batch id``."""
    match node:
        case ast.Name(id=name):
            return name.replace("_", " ")
        case ast.Attribute(value=ast.Name(id=owner), attr=name):
            return f"{owner} {name}".replace("_", " ")
    return "computed"
