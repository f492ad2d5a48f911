"""The names that a page uses, and whether each of them exists.

A name is what a page writes as code: a path, a dotted module or attribute, a constant or environment variable, a
``make`` target, a command, a word of the template. Links and their anchors count as well.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer.main
import yaml
from gallop.cli.app import app

from tests.template import stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", *sorted(f"docs/{path.name}" for path in ROOT.glob("docs/*.md")))
SOURCES = ("shared", "functions", "tests/testbed")
# Names of other products that pages refer to, and variables that a page asks its reader to set.
ELSEWHERE = {
    "AioVideoSynthesis": "dashscope",
    "BACKOFF_RETRY": "Alibaba's EventBridge",
    "COMPLETION_SECRET_ARN": "docs/pushed-completion.md",
    "ConcurrentExecutions": "CloudWatch",
    "CreateStack": "CloudFormation",
    "KeyTooLongError": "S3",
    "PendingConfirmation": "SNS",
    "PutTargets": "EventBridge",
    "QueryLanguage": "Step Functions",
    "ReadTimeout": "httpx",
    "RemoteProtocolError": "httpx",
    "ROLE": "docs/operations.md",
    "UploadFileException": "dashscope",
    "VERSION": "docs/operations.md",
    **dict.fromkeys(dir(builtins), "Python"),
}

FENCED = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
GENERATED_JSON = re.compile(r"^ *```(?:json|http)\n.*?^ *```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
DOTTED = re.compile(r"(?:gallop|tests|fake_dashscope)(?:\.\w+)+")
PYTHON_FILE = re.compile(r"[\w./-]+\.py")
CONSTANT = re.compile(r"_?[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z]{4,}")
CAMEL_CASE = re.compile(r"(?:[A-Z][a-z]+){2,}|[A-Z][a-z]+[A-Z]\w+")
TARGET = re.compile(r"(?<!gallop )\bmake (?:-s )?([a-z][a-z-]*)((?: [A-Z_]+=(?:\"[^\"]*\"|\S*))*)")
COMMAND = re.compile(r"(?:^|\$ |\(|\.venv/bin/)gallop ([a-z][^`\n#]*)", re.MULTILINE)
RUN_MODULE = re.compile(r"python -m ([\w.]+)")
MEMBERS = re.compile(r"((?:`_?\w+`(?:, | and )?)+) (?:in|of) `(gallop[\w.]+)`")


def missing(page: str, text: str) -> list[str]:
    """Return what a page names that does not exist, each with its kind."""
    return sorted({f"{kind}: {name}" for kind, find in KINDS.items() for name in find(page, text)})


def _paths(_: str, text: str) -> Iterator[str]:
    tops = {path.partition("/")[0] for path in _files()}
    for code in _code(text):
        path = code.rstrip("/")
        is_ours = "/" in code and path.partition("/")[0] in tops and re.fullmatch(r"[\w./*-]+", path)
        if (is_ours and not any(ROOT.glob(path))) or (PYTHON_FILE.fullmatch(code) and not _has_file(code)):
            yield code


def _modules(_: str, text: str) -> Iterator[str]:
    names = [code for code in _code(text) if DOTTED.fullmatch(code)]
    names += [name for name in RUN_MODULE.findall(text) if DOTTED.fullmatch(name)]
    yield from (name for name in names if not _exists(name))
    for members, module in MEMBERS.findall(text):
        yield from (f"{module}.{name}" for name in CODE.findall(members) if not _exists(f"{module}.{name}"))


def _constants(_: str, text: str) -> Iterator[str]:
    known = _assigned() | _environment() | _make_variables() | _texts() | ELSEWHERE.keys()
    yield from (name for name in _words(text) if CONSTANT.fullmatch(name) and name not in known)


def _targets(_: str, text: str) -> Iterator[str]:
    makefile = _read("Makefile")
    for target, variables in TARGET.findall("\n".join([*_code(text), *_blocks(text)])):
        if not re.search(rf"^{target}:", makefile, re.MULTILINE):
            yield target
        yield from (name for name in re.findall(r"([A-Z_]+)=", variables) if name not in _make_variables())


def _commands(_: str, text: str) -> Iterator[str]:
    for found in COMMAND.findall("\n".join([*_code(text), *_blocks(text)])):
        command: Any = typer.main.get_command(app)
        words = found.split()
        while words and hasattr(command, "commands") and not words[0].startswith("--"):
            inner = command.get_command(None, words.pop(0))
            if inner is None:
                yield f"gallop {found.strip()}"
                break
            command = inner
        else:
            options = {"--help", *(option for parameter in command.params for option in parameter.opts)}
            yield from (f"gallop {found.strip()}" for word in words if word.startswith("--") and word not in options)


def _template_names(_: str, text: str) -> Iterator[str]:
    known = _template_words() | _texts() | _classes() | ELSEWHERE.keys()
    yield from (name for name in _words(text) if CAMEL_CASE.fullmatch(name) and name not in known)


def _links(page: str, text: str) -> Iterator[str]:
    for link in LINK.findall(FENCED.sub("", text)):
        path, _, anchor = link.partition("#")
        if re.match(r"\w+:", link):
            continue
        target = (ROOT / page).parent / path
        if not target.exists() or (anchor and anchor not in _anchors(target.read_text("utf-8") if path else text)):
            yield link


KINDS: dict[str, Callable[[str, str], Iterator[str]]] = {
    "path": _paths,
    "module": _modules,
    "constant": _constants,
    "make target": _targets,
    "command": _commands,
    "template": _template_names,
    "link": _links,
}


def _code(text: str) -> list[str]:
    """Return what is written as code inside of sentences."""
    return CODE.findall(FENCED.sub("", text))


def _blocks(text: str) -> list[str]:
    """Return the blocks of code, without the JSON that programs print."""
    return [found[0] for found in FENCED.finditer(GENERATED_JSON.sub("", text))]


def _words(text: str) -> Iterator[str]:
    """Yield each name that is code: ``OverCap: refuse`` names ``OverCap``, and ``SPEED=1`` names ``SPEED``."""
    yield from (re.split(r"[:=]", code, maxsplit=1)[0].strip("$\"'") for code in _code(text))


def _anchors(page: str) -> set[str]:
    """Return the anchors of a page, as GitHub makes them from its headings."""
    headings = (CODE.sub(r"\1", heading).lower() for heading in HEADING.findall(FENCED.sub("", page)))
    return {re.sub(r"[^\w -]", "", heading).strip().replace(" ", "-") for heading in headings}


@cache
def _files() -> tuple[str, ...]:
    """Return the files of the repository, also the ones that are not committed yet."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    return tuple(path for path in found if path and (ROOT / path).exists())


def _has_file(name: str) -> bool:
    return any(path == name or path.endswith(f"/{name}") for path in _files())


def _read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def _exists(name: str) -> bool:
    """Say whether a dotted name is a module, or an attribute of one."""
    module, attributes = name, list[str]()
    while module:
        try:
            found: Any = importlib.import_module(module)
        except ModuleNotFoundError:
            module, _, attribute = module.rpartition(".")
            attributes.insert(0, attribute)
            continue
        for attribute in attributes:
            found = getattr(found, attribute, None)
        return found is not None
    return False


@dataclass(frozen=True, slots=True)
class _Python:
    """What the Python files of a folder say: names that are assigned, classes, and texts."""

    assigned: frozenset[str]
    classes: frozenset[str]
    texts: frozenset[str]


@cache
def _python(folder: str) -> _Python:
    assigned, classes, texts = set[str](), set[str](), set[str]()
    for path in _files():
        if not (path.startswith(f"{folder}/") and path.endswith(".py")):
            continue
        for node in ast.walk(ast.parse(_read(path))):
            match node:
                case ast.Name(id=name, ctx=ast.Store()):
                    assigned.add(name)
                case ast.ClassDef(name=name):
                    classes.add(name)
                case ast.Constant(value=str(text)):
                    texts.add(text)
    return _Python(frozenset(assigned), frozenset(classes), frozenset(texts))


@cache
def _assigned() -> set[str]:
    return {name for folder in (*SOURCES, "tests") for name in _python(folder).assigned}


@cache
def _classes() -> set[str]:
    return {name for folder in SOURCES for name in _python(folder).classes}


@cache
def _texts() -> set[str]:
    """Return the texts of the code, and the parts of those that are keys: ``QUEUE#`` names ``QUEUE``."""
    texts = {text for folder in SOURCES for text in _python(folder).texts}
    return texts | {part for text in texts if len(text) < 60 for part in re.split(r"[^\w]+", text)}


@cache
def _environment() -> set[str]:
    """Return the environment variables of functions, and those that tests read."""
    functions = {name for one in stack.functions().values() for name in one.get("Environment", {}).get("Variables", {})}
    read = {name for name in _python("tests").texts if CONSTANT.fullmatch(name)}
    return functions | read


@cache
def _make_variables() -> set[str]:
    return set(re.findall(r"\b([A-Z][A-Z0-9_]*)\s*(?::?=|\?=)", _read("Makefile") + _read("shared/Makefile")))


@cache
def _template_words() -> set[str]:
    """Return every key and every word of the template and of the state machines."""
    documents = [stack.written(), *(yaml.safe_load(stack.source_of(machine)) for machine in stack.MACHINES)]
    texts = {text for document in [*documents, stack.translated().resources] for text in _strings(document)}
    return texts | {part for text in texts for part in re.split(r"[^\w]+", text)}


def _strings(value: Any) -> Iterator[str]:  # noqa: ANN401 - a template holds anything
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
    else:
        yield str(value)
