"""Limits on the size of functions, modules and handlers, so that the code stays easy to read."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Guarded by their callers; only signs and calls no service; convert AWS's errors.
UNGUARDED = ("dynamo.py", "presigned.py", "secrets.py", "operator_calls.py")
TREES = ("shared/gallop", "functions", "tests/testbed")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules(tree: str) -> dict[str, list[str]]:
    """Return the lines of every module under a folder."""
    paths = sorted((ROOT / tree).rglob("*.py"))
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").splitlines() for path in paths}


def functions(tree: str) -> dict[str, int]:
    """Return the length in lines of every function under a folder."""
    return {
        f"{path}:{node.name}:{node.lineno}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path, lines in modules(tree).items()
        for node in ast.walk(ast.parse("\n".join(lines)))
        if isinstance(node, Function)
    }


@pytest.mark.parametrize("tree", TREES)
def test_functions_are_small(tree: str) -> None:
    """Nine functions of ten have at most 25 lines, and none more than 40."""
    lengths = functions(tree)
    assert len(lengths) * 0.1 >= len([name for name, lines in lengths.items() if lines > 25])
    assert [] == [name for name, lines in lengths.items() if lines > 40]


@pytest.mark.parametrize("tree", TREES)
def test_modules_are_small(tree: str) -> None:
    """Nine modules of ten have at most 250 lines, and none more than 400."""
    lengths = {name: len(lines) for name, lines in modules(tree).items()}
    assert len(lengths) * 0.1 >= len([name for name, lines in lengths.items() if lines > 250])
    assert [] == [name for name, lines in lengths.items() if lines > 400]


def test_handlers_are_small() -> None:
    """A handler parses, calls one function and answers: 15 lines are enough."""
    handlers = {name: lines for name, lines in functions("functions").items() if ":handler:" in name}
    assert len(list((ROOT / "functions").glob("*/app.py"))) == len(handlers)
    assert [] == [name for name, lines in handlers.items() if lines > 15]


@pytest.mark.parametrize("tree", TREES)
def test_comments_are_few(tree: str) -> None:
    """At most five lines in a hundred are comments: code says what it does, and a comment only why."""
    lines = [line for module in modules(tree).values() for line in module]
    assert len(lines) * 0.05 >= len([line for line in lines if line.strip().startswith("#")])


def test_calls_of_aws_raise_our_own_errors() -> None:
    """The workflow retries errors by class name, so every adapter's call of AWS is guarded."""
    paths = sorted((ROOT / "shared" / "gallop" / "adapters").rglob("*.py"))
    assert {*UNGUARDED} < {path.name for path in paths}
    loose = [
        f"{path.name}: {node.name}"
        for path in paths
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and path.name not in ("aws.py", *UNGUARDED)
        if not node.name.startswith("_") and "aws.guarded" not in map(ast.unparse, node.decorator_list)
        if any(ast.unparse(inner).startswith("aws.") for inner in ast.walk(node) if isinstance(inner, ast.Call))
    ]
    assert [] == loose


def test_an_assert_compares_one_named_thing() -> None:
    """A failure is readable without the source: no comparison of tuples with three or more elements."""
    found = [
        f"{path}:{node.lineno}"
        for path, lines in modules("tests").items()
        for node in ast.walk(ast.parse("\n".join(lines)))
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare)
        if _compares_tuples([node.test.left, *node.test.comparators])
    ]
    assert [] == found


def _compares_tuples(sides: list[ast.expr]) -> bool:
    """Return whether all sides are tuples that are made here, and one of them has three or more elements."""
    written = [side for side in sides if isinstance(side, ast.Tuple)]
    made = [side for side in sides if isinstance(side, ast.Call) and ast.unparse(side.func) == "tuple"]
    return any(len(side.elts) > 2 for side in written) and len(written) + len(made) == len(sides)
