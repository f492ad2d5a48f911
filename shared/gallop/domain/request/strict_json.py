"""JSON that every parser reads the same way: no duplicate names, no NaN or infinity, no unlimited nesting.

The one reader of JSON for all doors: bodies, fields of forms, ``job.json`` and the lines of a batch. Its time is
linear in the length of the text.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn

from gallop.domain.errors import InvalidRequest
from gallop.domain.faults import MAX_FAULTS, Fault, omitted, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MAX_DIGITS = 40
MAX_NESTING = 32

_BOM = "\ufeff"
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},:]|[^\s"\[\]{},:]+', re.DOTALL)


class InvalidJson(ValueError):
    """A text that is not strict JSON. ``line`` and ``column`` count from 1; None if there is no such place."""

    def __init__(self, problem: str, remedy: str, line: int | None = None, column: int | None = None) -> None:
        """Store the problem, which has no subject: the caller knows what the text is."""
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
        self.line = line
        self.column = column


@dataclass(slots=True)
class Document:
    """The value of a text, and the faults of the names that occur twice in one object: the last value counts."""

    value: Any = None
    duplicates: list[Fault] = field(default_factory=list)


def load(text: str) -> Document:
    """Parse any JSON value, with or without a byte order mark.

    Raises:
        InvalidJson: the text is not JSON, is nested too deeply, or has a number that parsers read differently.

    """
    reader = _Reader(text.removeprefix(_BOM))
    value = reader.value()
    return Document(value, reader.duplicates())


def parse(text: str) -> dict[str, Any]:
    """Parse a body, which is a JSON object.

    Raises:
        InvalidRequest: the text is not strict JSON, or not an object.

    """
    try:
        document = load(text)
    except InvalidJson as error:
        problem = f"the body {error.problem}"
        raise InvalidRequest([Fault("", problem, error.remedy, line=error.line, column=error.column)]) from None
    if not isinstance(document.value, dict):
        raise InvalidRequest([Fault("", "the body is not a JSON object", 'Send an object: {"prompt": "..."}.')])
    if document.duplicates:
        raise InvalidRequest(
            fault if fault.omitted else replace(fault, detail=f"the body {fault.detail}")
            for fault in document.duplicates
        )
    return document.value


class _Reader:
    """Parse one text; on a problem, look for its place."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._has_duplicates = False

    def value(self) -> Any:  # noqa: ANN401 - JSON
        """Parse the text."""
        try:
            value = json.loads(
                self._text,
                object_pairs_hook=self._object,
                parse_constant=self._constant,
                parse_float=self._float,
                parse_int=self._int,
            )
        except RecursionError:
            raise self._too_deep() from None
        except json.JSONDecodeError as error:
            problem = f"is not valid JSON: {error.msg}"
            raise InvalidJson(problem, "Correct this place.", error.lineno, error.colno) from None
        if _is_deeper_than(MAX_NESTING, value):
            raise self._too_deep()
        return value

    def duplicates(self) -> list[Fault]:
        """Return a fault for each name that occurs again in its object: the first ones, and how many more."""
        if not self._has_duplicates:
            return []
        found = list(self._repeated_names())
        faults = [self._duplicate(name, at) for name, at in found[:MAX_FAULTS]]
        return faults + omitted(len(found) - len(faults))

    def _duplicate(self, name: str, at: int) -> Fault:
        line, column = self._place(at)
        problem = f"contains {shown(name)} twice in one object"
        return Fault("", problem, "Keep one of them.", line=line, column=column)

    def _repeated_names(self) -> Iterator[tuple[str, int]]:
        outer: list[set[str]] = []
        last = None
        for token in _TOKEN.finditer(self._text):
            match token[0]:
                case "{" | "[":
                    outer.append(set())
                case "}" | "]":
                    outer.pop()
                case ":" if last:
                    name = json.loads(last[0])
                    if name in outer[-1]:
                        yield name, last.start()
                    outer[-1].add(name)
            last = token

    def _object(self, pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        self._has_duplicates |= len(value) < len(pairs)
        return value

    def _constant(self, name: str) -> NoReturn:
        raise self._refused(name, f"is not valid JSON: {name} is not a number", "Omit it, or send null.")

    def _float(self, digits: str) -> float:
        number = float(digits)
        if math.isinf(number):
            problem = f"contains a number that is out of range: {digits[:20]}"
            raise self._refused(digits, problem, "Send a smaller number.")
        return number

    def _int(self, digits: str) -> int:
        if len(digits) > MAX_DIGITS:
            problem = f"contains a number of {len(digits):,} digits; the maximum is {MAX_DIGITS}"
            raise self._refused(digits, problem, "Send a smaller number.")
        return int(digits)

    def _refused(self, number: str, problem: str, remedy: str) -> InvalidJson:
        at = next(token.start() for token in _TOKEN.finditer(self._text) if token[0].startswith(number))
        return InvalidJson(problem, remedy, *self._place(at))

    def _too_deep(self) -> InvalidJson:
        levels = 0
        for token in _TOKEN.finditer(self._text):
            levels += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token[0], 0)
            if levels > MAX_NESTING:
                break
        problem = f"is nested too deeply: the maximum is {MAX_NESTING} levels"
        return InvalidJson(problem, "Use fewer levels.", *self._place(token.start()))

    def _place(self, at: int) -> tuple[int, int]:
        before = self._text[:at]
        return before.count("\n") + 1, at - before.rfind("\n")


def _is_deeper_than(levels: int, value: object) -> bool:
    layer = [value]
    for _ in range(levels):
        layer = [inner for outer in layer if isinstance(outer, dict | list) for inner in _inside(outer)]
    return any(isinstance(inner, dict | list) for inner in layer)


def _inside(outer: dict[str, object] | list[object]) -> Iterable[object]:
    return outer.values() if isinstance(outer, dict) else outer
