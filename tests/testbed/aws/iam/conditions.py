"""The conditions of policies; an unsupported operator is an error, and never silently false."""

from __future__ import annotations

import operator
from datetime import datetime
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Context = Mapping[str, Sequence[str]]
    Test = Callable[[str, str], bool]


class UnknownCondition(Exception):
    """A policy uses a condition operator that the testbed does not evaluate."""


def holds(conditions: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    """Return whether all conditions hold; the context's keys must be in lower case."""
    return all(
        _condition_holds(name, context.get(key.lower()), _values(expected))
        for name, keys in conditions.items()
        for key, expected in keys.items()
    )


def _condition_holds(name: str, present: Sequence[str] | None, expected: Sequence[str]) -> bool:
    quantifier, _, rest = name.rpartition(":")
    optional = rest.endswith("IfExists")
    base = rest.removesuffix("IfExists")
    if base == "Null":
        return (present is None) == (expected[0].lower() == "true")
    negated = base.startswith(("StringNot", "ArnNot", "NumericNot", "DateNot", "NotIp"))
    if present is None or (not present and not quantifier):
        return optional or negated or quantifier == "ForAllValues"
    test = _test(base)

    def satisfied(value: str) -> bool:
        # A negated operator must hold for all expected values, any other for one of them.
        return (all if negated else any)(test(value, each) for each in expected)

    return all(map(satisfied, present)) if quantifier == "ForAllValues" else any(map(satisfied, present))


def _test(name: str) -> Test:
    if name not in _TESTS:
        raise UnknownCondition(f"The testbed does not evaluate the condition {name}. Add it to conditions.py.")
    return _TESTS[name]


def _values(expected: Any) -> list[str]:  # noqa: ANN401 - any JSON
    values = expected if isinstance(expected, list) else [expected]
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in values]


def _like(value: str, pattern: str) -> bool:
    return fnmatchcase(value, pattern.replace("[", "[[]"))


def _folded(test: Test) -> Test:
    return lambda value, expected: test(value.lower(), expected.lower())


def _not(test: Test) -> Test:
    return lambda value, expected: not test(value, expected)


def _number(compare: Callable[[float, float], bool]) -> Test:
    return lambda value, expected: compare(float(value), float(expected))


def _date(compare: Callable[[float, float], bool]) -> Test:
    return lambda value, expected: compare(_seconds(value), _seconds(expected))


def _seconds(moment: str) -> float:
    return float(moment) if moment.isdigit() else datetime.fromisoformat(moment).timestamp()


def _in_network(value: str, network: str) -> bool:
    return ip_address(value) in ip_network(network)


_TESTS: dict[str, Test] = {
    "StringEquals": operator.eq,
    "StringNotEquals": operator.ne,
    "StringEqualsIgnoreCase": _folded(operator.eq),
    "StringNotEqualsIgnoreCase": _folded(operator.ne),
    "StringLike": _like,
    "StringNotLike": _not(_like),
    "ArnEquals": _like,
    "ArnLike": _like,
    "ArnNotEquals": _not(_like),
    "ArnNotLike": _not(_like),
    "Bool": _folded(operator.eq),
    "NumericEquals": _number(operator.eq),
    "NumericNotEquals": _number(operator.ne),
    "NumericLessThan": _number(operator.lt),
    "NumericLessThanEquals": _number(operator.le),
    "NumericGreaterThan": _number(operator.gt),
    "NumericGreaterThanEquals": _number(operator.ge),
    "DateEquals": _date(operator.eq),
    "DateLessThan": _date(operator.lt),
    "DateLessThanEquals": _date(operator.le),
    "DateGreaterThan": _date(operator.gt),
    "DateGreaterThanEquals": _date(operator.ge),
    "IpAddress": _in_network,
    "NotIpAddress": _not(_in_network),
}
