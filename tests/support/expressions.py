"""DynamoDB's conditions and updates over items in wire format, each compiled once per text.

They know what the product uses. ``Unknown`` is raised for the rest, and for what DynamoDB would refuse.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache, partial
from operator import ge, gt, le, lt
from typing import TYPE_CHECKING, Any

from tests.testbed.aws.tables import EXACT, number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Value = dict[str, Any]
    Item = dict[str, Value]
    Names = Mapping[str, str]
    Values = Mapping[str, Value]
    Operand = Callable[[Item, Names, Values], Value | None]
    Condition = Callable[[Item, Names, Values], bool]
    Action = Callable[[Item, Item, Names, Values], None]

_TOKEN = re.compile(r"\s*(<>|<=|>=|[=<>(),+.]|[:#]?\w+)")
_COMPARED = {"<": lt, "<=": le, ">": gt, ">=": ge}
_CACHED = 4096


class Unknown(Exception):
    """Nothing is known of it here."""


@lru_cache(_CACHED)
def condition(text: str) -> Condition:
    """Compile a condition; of a missing item it sees an empty one."""
    tokens = _Tokens(text)
    compiled = _any_of(tokens)
    tokens.end()
    return compiled


@lru_cache(_CACHED)
def update(text: str) -> Callable[[Item, Names, Values], Item]:
    """Compile an update: of an item it makes another one, which shares what has not changed."""
    actions = [*_actions(_Tokens(text))]

    def updated(item: Item, names: Names, values: Values) -> Item:
        made = {**item}
        for act in actions:
            act(item, made, names, values)
        return made

    return updated


class _Tokens:
    """The words and signs of an expression, one after the other."""

    def __init__(self, text: str) -> None:
        self._left = _TOKEN.findall(text)
        if "".join(self._left) != "".join(text.split()):
            raise Unknown(text)
        self._left.reverse()

    def seen(self, *words: str) -> str:
        """Take the next word if it is one of these, in whatever case; return it in capitals."""
        return self.next().upper() if self._left and self._left[-1].upper() in words else ""

    def next(self) -> str:
        if not self._left:
            raise Unknown("end")
        return str(self._left.pop())

    def need(self, word: str) -> None:
        if not self.seen(word):
            raise Unknown(word)

    def end(self) -> None:
        if self._left:
            raise Unknown(self._left[-1])


def _any_of(tokens: _Tokens) -> Condition:
    parts = [_all_of(tokens)]
    while tokens.seen("OR"):
        parts.append(_all_of(tokens))
    return parts[0] if len(parts) == 1 else lambda *on: any(part(*on) for part in parts)


def _all_of(tokens: _Tokens) -> Condition:
    parts = [_one(tokens)]
    while tokens.seen("AND"):
        parts.append(_one(tokens))
    return parts[0] if len(parts) == 1 else lambda *on: all(part(*on) for part in parts)


def _one(tokens: _Tokens) -> Condition:
    if tokens.seen("("):
        inner = _any_of(tokens)
        tokens.need(")")
        return inner
    if function := tokens.seen("ATTRIBUTE_EXISTS", "ATTRIBUTE_NOT_EXISTS", "BEGINS_WITH"):
        return _of_function(function, tokens)
    return _comparison(_operand(tokens), tokens)


def _of_function(function: str, tokens: _Tokens) -> Condition:
    tokens.need("(")
    of = _operand(tokens)
    if function == "BEGINS_WITH":
        tokens.need(",")
        prefix = _operand(tokens)
        tokens.need(")")
        return lambda *on: _begins(of(*on), prefix(*on))
    tokens.need(")")
    is_there = function == "ATTRIBUTE_EXISTS"
    return lambda *on: (of(*on) is not None) is is_there


def _comparison(left: Operand, tokens: _Tokens) -> Condition:
    if tokens.seen("BETWEEN"):
        low = _operand(tokens)
        tokens.need("AND")
        high = _operand(tokens)
        return lambda *on: _compare(ge, left(*on), low(*on)) and _compare(le, left(*on), high(*on))
    if tokens.seen("IN"):
        tokens.need("(")
        choices = [_operand(tokens)]
        while tokens.seen(","):
            choices.append(_operand(tokens))
        tokens.need(")")
        return lambda *on: left(*on) in [choice(*on) for choice in choices]
    how = tokens.next()
    right = _operand(tokens)
    match how:
        case "=":
            return lambda *on: _equal(left(*on), right(*on))
        case "<>":
            return lambda *on: not _equal(left(*on), right(*on))
        case "<" | "<=" | ">" | ">=":
            return lambda *on: _compare(_COMPARED[how], left(*on), right(*on))
    raise Unknown(how)


def _equal(left: Value | None, right: Value | None) -> bool:
    if left is None or right is None:
        return False
    if (left.keys() | right.keys()) & {"SS", "NS", "BS"}:
        raise Unknown("a set")
    return left == right


def _compare(how: Callable[[Any, Any], bool], left: Value | None, right: Value | None) -> bool:
    if left is None or right is None:
        return False
    ((kind, one),), ((other_kind, other),) = left.items(), right.items()
    if kind != other_kind or kind not in ("S", "N"):
        raise Unknown("values that have no order")
    return how(_decimal(one), _decimal(other)) if kind == "N" else how(one, other)


def ordered(value: Value) -> Any:  # noqa: ANN401 - of the same type for equal types of values
    """Return what a value is sorted by."""
    ((kind, content),) = value.items()
    return _decimal(content) if kind == "N" else content


def _begins(value: Value | None, prefix: Value | None) -> bool:
    if value is None:
        return False
    if not prefix or "S" not in prefix or "S" not in value:
        raise Unknown("a prefix of another type")
    return bool(value["S"].startswith(prefix["S"]))


_decimal = lru_cache(_CACHED)(Decimal)


def _operand(tokens: _Tokens) -> Operand:
    word = tokens.next()
    if word.startswith(":"):
        return lambda _item, _names, values: _known(values.get(word))
    return partial(_at, _path(word, tokens))


def _path(first: str, tokens: _Tokens) -> tuple[str, ...]:
    path = [first]
    while tokens.seen("."):
        path.append(tokens.next())
    if not all(part.lstrip("#").isidentifier() for part in path):
        raise Unknown(".".join(path))
    return tuple(path)


def _known(value: Value | None) -> Value:
    if value is None:
        raise Unknown("a value that was not given")
    return value


def _named(path: tuple[str, ...], names: Names) -> list[str]:
    try:
        return [names[part] if part[0] == "#" else part for part in path]
    except KeyError as unknown:
        raise Unknown(str(unknown)) from unknown


def _at(path: tuple[str, ...], item: Item, names: Names, _: Values) -> Value | None:
    first, *further = _named(path, names)
    found = item.get(first)
    for name in further:
        found = found and found.get("M", {}).get(name)
    return found


def _actions(tokens: _Tokens) -> Iterator[Action]:
    kinds = {"SET": _set, "REMOVE": _remove, "ADD": _add}
    while kind := tokens.seen(*kinds):
        yield kinds[kind](tokens)
        while tokens.seen(","):
            yield kinds[kind](tokens)
    tokens.end()


def _set(tokens: _Tokens) -> Action:
    path = _path(tokens.next(), tokens)
    tokens.need("=")
    value = _new_value(tokens)
    if tokens.seen("+"):
        value = partial(_sum, value, _new_value(tokens))

    def act(item: Item, made: Item, names: Names, values: Values) -> None:
        holder, name = _holder(path, made, names)
        holder[name] = _known(value(item, names, values))

    return act


def _new_value(tokens: _Tokens) -> Operand:
    if not tokens.seen("IF_NOT_EXISTS"):
        return _operand(tokens)
    tokens.need("(")
    there = _operand(tokens)
    tokens.need(",")
    otherwise = _operand(tokens)
    tokens.need(")")
    return lambda *on: there(*on) or otherwise(*on)


def _sum(left: Operand, right: Operand, *on: Any) -> Value:  # noqa: ANN401 - what operands take
    try:
        numbers = [_decimal(_known(one(*on))["N"]) for one in (left, right)]
    except KeyError as other:
        raise Unknown("a sum of other than numbers") from other
    return {"N": number(str(EXACT.add(*numbers)))}


def _remove(tokens: _Tokens) -> Action:
    path = _path(tokens.next(), tokens)

    def act(_item: Item, made: Item, names: Names, _values: Values) -> None:
        holder, name = _holder(path, made, names)
        holder.pop(name, None)

    return act


def _add(tokens: _Tokens) -> Action:
    path = _path(tokens.next(), tokens)
    before, amount = partial(_at, path), _operand(tokens)

    def act(item: Item, made: Item, names: Names, values: Values) -> None:
        holder, name = _holder(path, made, names)
        there = before(item, names, values)
        holder[name] = _sum(lambda *_: there or {"N": "0"}, amount, item, names, values)

    return act


def _holder(path: tuple[str, ...], made: Item, names: Names) -> tuple[Item, str]:
    """Return what holds the end of a path; maps on the way are copied."""
    *further, last = _named(path, names)
    holder = made
    for name in further:
        if "M" not in holder.get(name, {}):
            raise Unknown("a path that does not exist")
        holder[name] = {"M": {**holder[name]["M"]}}
        holder = holder[name]["M"]
    return holder, last
