"""The conditions of policies; an operator that is not known here is an error, never a silent no."""

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
    """Tell whether all conditions hold; keys of the context are in lower case."""
    return all(
        _condition_holds(name, context.get(key.lower()), _values(wanted))
        for name, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _condition_holds(name: str, present: Sequence[str] | None, wanted: Sequence[str]) -> bool:
    quantifier, _, rest = name.rpartition(":")
    optional = rest.endswith("IfExists")
    base = rest.removesuffix("IfExists")
    if base == "Null":
        return (present is None) == (wanted[0].lower() == "true")
    negated = base.startswith(("StringNot", "ArnNot", "NumericNot", "DateNot", "NotIp"))
    if present is None or (not present and not quantifier):
        return optional or negated or quantifier == "ForAllValues"
    test = _test(base)

    def satisfied(value: str) -> bool:
        # A negated operator must hold against all wanted values, any other against one of them.
        return (all if negated else any)(test(value, want) for want in wanted)

    return all(map(satisfied, present)) if quantifier == "ForAllValues" else any(map(satisfied, present))


def _test(name: str) -> Test:
    if name not in _TESTS:
        raise UnknownCondition(f"the testbed does not evaluate the condition {name}: add it in conditions.py")
    return _TESTS[name]


def _values(wanted: Any) -> list[str]:  # noqa: ANN401 - whatever a policy holds
    values = wanted if isinstance(wanted, list) else [wanted]
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in values]


def _like(value: str, pattern: str) -> bool:
    return fnmatchcase(value, pattern.replace("[", "[[]"))


def _folded(test: Test) -> Test:
    return lambda value, want: test(value.lower(), want.lower())


def _not(test: Test) -> Test:
    return lambda value, want: not test(value, want)


def _number(compare: Callable[[float, float], bool]) -> Test:
    return lambda value, want: compare(float(value), float(want))


def _date(compare: Callable[[float, float], bool]) -> Test:
    return lambda value, want: compare(_seconds(value), _seconds(want))


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
