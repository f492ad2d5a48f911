"""moto's items and expressions, computed in a fraction of the time and with the same results.

An expression is parsed once per text: moto parses it three times per call. The syntax tree of an update is copied and
traversed without asking each node for each of its base classes. Copies and sizes of values are made directly: moto
creates every nested value again to measure it, and copies a value once per level of nesting.
"""

from __future__ import annotations

import base64
import copy
from collections import deque
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from moto.dynamodb import responses
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.utilities import bytesize, dynamo_to_dict
from moto.dynamodb.parsing import validators
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser, Node  # type: ignore[attr-defined]
from moto.dynamodb.parsing.expressions import UpdateExpressionParser  # type: ignore[attr-defined]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# moto's own limit of an item.
LARGEST_ITEM = 405_000
_PARSED = 4096
_SCALARS = (str, int, float, bool, Decimal, bytes, type(None))


def changes() -> Iterator[tuple[object, str, Any]]:
    """Yield the changes to moto."""
    yield UpdateExpressionParser, "make", staticmethod(_update_syntax)
    yield ConditionExpressionParser, "_lex_condition_expression", _condition_tokens
    yield validators, "deepcopy", _copied_tree
    yield DepthFirstTraverser, "traverse", _traversed
    yield DynamoType, "__deepcopy__", _copied
    yield DynamoType, "size", _size
    yield DynamoType, "to_regular_json", _wire_format
    yield Item, "__init__", _create_item
    yield Item, "__deepcopy__", _copied_item
    yield responses, "dynamo_to_dict", _plain


_update_syntax = lru_cache(_PARSED)(UpdateExpressionParser.make)


def _condition_tokens(parser: ConditionExpressionParser) -> deque[Any]:
    return deque(_tokens(parser.condition_expression))


_lex = ConditionExpressionParser._lex_condition_expression  # noqa: SLF001 - moto's own


@lru_cache(_PARSED)
def _tokens(expression: str) -> tuple[Any, ...]:
    return tuple(_lex(ConditionExpressionParser(expression, {}, {})))


def _copied_tree(value: Any) -> Any:  # noqa: ANN401 - a tree of nodes, or a value
    """Copy a whole tree of nodes; its nodes know their parents."""
    if not _is_node(value):
        return copy.deepcopy(value)
    copied = object.__new__(type(value))
    copied.__dict__.update(value.__dict__)
    if value.children is not None:
        copied.children = [_copied_tree(child) for child in value.children]
        for child in copied.children:
            if _is_node(child):
                child.parent = copied
    return copied


@lru_cache(_PARSED)
def _is_node_type(kind: type) -> bool:
    return issubclass(kind, Node)


def _is_node(value: object) -> bool:
    return _is_node_type(type(value))  # type: ignore[arg-type]


@lru_cache(_PARSED)
def _processor_of(kind: type, kinds: tuple[type, ...]) -> type | None:
    return next((one for one in kinds if issubclass(kind, one)), None)


def _traversed(traverser: DepthFirstTraverser, root: Any) -> Any:  # noqa: ANN401 - any node of moto's tree
    processors: dict[type, Callable[[Any], Any]] = traverser._processing_map()  # noqa: SLF001 - moto's own
    return _visited(traverser, root, -1, processors, tuple(processors))


def _visited(
    traverser: DepthFirstTraverser,
    node: Any,  # noqa: ANN401 - any node of moto's tree
    position: int,
    processors: dict[type, Any],
    kinds: tuple[type, ...],
) -> Any:  # noqa: ANN401 - the same
    if not _is_node(node):
        return node
    parent = node.parent
    for number, child in enumerate(node.children or ()):
        traverser.pre_processing_of_child(node, number)
        _visited(traverser, child, number, processors, kinds)
    kind = _processor_of(type(node), kinds)  # type: ignore[arg-type]
    if kind is not None:
        node = processors[kind](node)
        node.parent = parent
        if parent:
            parent.children[position] = node
    return node


def _copied(value: DynamoType, memo: dict[int, Any]) -> DynamoType:
    copied = DynamoType.__new__(DynamoType)
    copied.type = value.type
    match value.type:
        case "M":
            copied.value = {name: _copied(one, memo) for name, one in value.value.items()}
        case "L":
            copied.value = [_copied(one, memo) for one in value.value]
        case "SS" | "NS" | "BS":
            copied.value = list(value.value)
        case _:
            copied.value = value.value
    return copied


def _copied_item(item: Item, memo: dict[int, Any]) -> Any:  # noqa: ANN401 - moto's types say less than an item
    copied: Any = Item.__new__(Item)
    copied.hash_key = _copied(item.hash_key, memo)
    copied.range_key = item.range_key and _copied(item.range_key, memo)
    copied.attrs = LimitedSizeDict.__new__(LimitedSizeDict)
    dict.update(copied.attrs, {name: _copied(value, memo) for name, value in item.attrs.items()})
    return copied


def _size(value: DynamoType) -> int:
    given = value.value
    match value.type:
        case "N":
            return len(str(given))
        case "SS" | "NS" | "BS":
            return sum(len(one) if value.type == "NS" else bytesize(one) for one in given)
        case "L":
            return sum(map(_size, given))
        case "M":
            return sum(bytesize(name) + _size(one) for name, one in given.items())
        case _:
            return 1 if isinstance(given, bool) else bytesize(given)


def _wire_format(value: DynamoType) -> dict[str, Any]:
    given = value.value
    match value.type:
        case "M":
            given = {name: _wire_format_of(one) for name, one in given.items()}
        case "L":
            given = [_wire_format_of(one) for one in given]
        case "B" if isinstance(given, str):
            given = base64.b64decode(given)
        case "SS" | "NS" | "BS":
            given = list(given)
    return {value.type: given}


def _wire_format_of(value: Any) -> Any:  # noqa: ANN401 - moto leaves some values in wire format
    return _wire_format(value) if type(value) is DynamoType else copy.deepcopy(value)


def _create_item(item: Item, hash_key: DynamoType, range_key: DynamoType | None, attrs: dict[str, Any]) -> None:
    """Create an item: moto measures all of it again with each attribute."""
    item.hash_key, item.range_key = hash_key, range_key
    item.attrs = LimitedSizeDict()
    size = 0
    for name, given in attrs.items():
        value = DynamoType(given)
        size += bytesize(name) + _size(value)
        if size > LARGEST_ITEM:
            raise ItemSizeTooLarge
        dict.__setitem__(item.attrs, name, value)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any part of an answer
    """Write the items of an answer in wire format; moto asks each value for a method that only few have."""
    kind = type(value)
    if kind is dict or kind is LimitedSizeDict:
        return {name: _plain(one) for name, one in value.items()}
    if kind is list:
        return [_plain(one) for one in value]
    if kind in _SCALARS:
        return value
    if kind is DynamoType and value.type not in ("B", "BS"):
        return {value.type: _plain(value.value)}
    return dynamo_to_dict(value)
