"""Metric math, as far as the template uses it: numbers, metrics, +, - and *, comparisons, AND, OR, IF and FILL.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import ast
import operator
import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Value = float | None
    """A data point; None where it is missing."""

_OPERATORS: Mapping[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


class UnknownMathError(ValueError):
    """An expression uses what the testbed does not compute."""


def evaluate(expression: str, points: Mapping[str, Value]) -> Value:
    """Compute an expression of data points of one period, by the ids of their queries.

    As on AWS, a result is missing if a part of it is, except inside of ``FILL``.

    Raises:
        UnknownMathError: the expression uses a function or an operator that is not computed here.

    """
    return _value(_parsed(expression), points)


@cache
def _parsed(expression: str) -> ast.expr:
    python = re.sub(r"\b(AND|OR)\b|&&|\|\|", lambda found: _LOGIC[found[0]], expression)
    return ast.parse(python.strip(), mode="eval").body


_LOGIC = {"AND": "and", "&&": "and", "OR": "or", "||": "or"}


def _value(node: ast.expr, points: Mapping[str, Value]) -> Value:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name) if name in points:
            return points[name]
        case ast.BinOp(left=left, op=sign, right=right) | ast.Compare(left=left, ops=[sign], comparators=[right]):
            if type(sign) in _OPERATORS:
                return _present(_OPERATORS[type(sign)], _value(left, points), _value(right, points))
        case ast.BoolOp(op=logic, values=values):
            function = all if isinstance(logic, ast.And) else any
            return _present(lambda *truths: function(truths), *(_value(value, points) for value in values))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _called(name, arguments, points, node)
    raise _unknown(node)


def _called(name: str, arguments: Sequence[ast.expr], points: Mapping[str, Value], node: ast.expr) -> Value:
    match name, arguments:
        case "FILL", [part, filling]:
            found = _value(part, points)
            return _value(filling, points) if found is None else found
        case "IF", [condition, then, otherwise]:
            truth = _value(condition, points)
            return None if truth is None else _value(then if truth else otherwise, points)
    raise _unknown(node)


def _present(function: Callable[..., float], *parts: Value) -> Value:
    """Return the result of a function, or nothing where a part is missing."""
    return None if None in parts else float(function(*parts))


def _unknown(node: ast.expr) -> UnknownMathError:
    return UnknownMathError(f"The testbed does not compute {ast.unparse(node)!r}. Add it to cloudwatch/metric_math.py.")
