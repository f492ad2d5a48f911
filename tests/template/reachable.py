"""The settings that the code behind a handler may read, found by following names, without running anything."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from . import stack

if TYPE_CHECKING:
    from pathlib import Path

SHARED = stack.ROOT / "shared"


@dataclass(frozen=True, slots=True)
class Module:
    """A module's top level: what each definition refers to, and what each imported name means."""

    definitions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)


@cache
def parse(path: Path, package: str) -> Module:
    """Read a module; ``package`` is the base of its relative imports."""
    module = Module()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level else ""
            source = ".".join(filter(None, [base, node.module]))
            module.imports.update({alias.asname or alias.name: f"{source}.{alias.name}" for alias in node.names})
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            module.definitions.setdefault(statement.name, []).append(statement)
        elif not isinstance(statement, ast.Import | ast.ImportFrom):
            for target in (node.id for node in ast.walk(statement) if isinstance(node, ast.Name)):
                module.definitions.setdefault(target, []).append(statement)
    return module


@cache
def find(dotted: str) -> Path | None:
    """Return the file of a module of the layer."""
    path = SHARED.joinpath(*dotted.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


@cache
def references(path: Path, package: str, name: str) -> frozenset[str]:
    """Return what a definition refers to, in full: ``gallop.settings.job_table``, or ``.helper`` for its own."""
    module, mentioned = parse(path, package), set()
    for node in (inner for statement in module.definitions.get(name, []) for inner in ast.walk(statement)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in module.imports:
            mentioned.add(f"{module.imports[node.value.id]}.{node.attr}")
        elif isinstance(node, ast.Name):
            mentioned.add(module.imports.get(node.id, f".{node.id}"))
    return frozenset(mentioned)


def settings_of(folder: Path) -> set[str]:
    """Return the functions of ``gallop.settings`` that a function's code may call."""
    owners = (reference.rpartition(".") for reference in mentioned_by(folder))
    return {name for owner, _, name in owners if owner == "gallop.settings"}


@cache
def mentioned_by(folder: Path) -> frozenset[str]:
    """Return the full names of everything that a function's code may call, starting from its ``handler``."""
    app = folder / "app.py"
    waiting: list[tuple[Path, str, str]] = [(app, "", name) for name in parse(app, "").definitions]
    seen, found = set(waiting), set[str]()
    while waiting:
        path, package, name = waiting.pop()
        for reference in references(path, package, name):
            owner, _, attribute = reference.rpartition(".")
            found.add(reference)
            target = path if not owner else find(owner)
            if target is not None:
                step = (target, package if not owner else owner.rpartition(".")[0], attribute)
                if step not in seen:
                    seen.add(step)
                    waiting.append(step)
    return frozenset(found)


def variables() -> dict[str, str]:
    """Return, for each function of ``gallop.settings``, the environment variable that it reads."""
    return variables_in(SHARED / "gallop" / "settings.py")


def variables_in(path: Path) -> dict[str, str]:
    """Return, for each function of a module, the environment variable that it reads."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    reads = [
        (function.name, _variable_read_by(node))
        for function in tree.body
        if isinstance(function, ast.FunctionDef) and not function.name.startswith("_")
        for node in ast.walk(function)
    ]
    return {name: variable for name, variable in reads if variable}


def _variable_read_by(node: ast.AST) -> str | None:
    """Return the variable in ``os.environ["NAME"]`` or ``os.environ.get("NAME", ...)``."""
    match node:
        case ast.Subscript(value=read, slice=ast.Constant(value=str(name))) if ast.unparse(read) == "os.environ":
            return name
        case ast.Call(func=read, args=[ast.Constant(value=str(name)), *_]) if ast.unparse(read) == "os.environ.get":
            return name
    return None
