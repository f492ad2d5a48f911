"""HTML as a tree, so that every text is escaped and every tag is closed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, tostring

if TYPE_CHECKING:
    from collections.abc import Iterable

Node = Element | str

# A line break after every other element keeps the differences between two versions of a page short.
_INLINE = frozenset({"a", "b", "code", "small", "strong"})


def element(tag: str, *content: Node, **attributes: str) -> Element:
    """Return an element; ``class_`` is the attribute ``class``, ``aria_label`` is ``aria-label``."""
    made = Element(tag, {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()})
    made.tail = None if tag in _INLINE else "\n"
    last: Element | None = None
    for node in content:
        if isinstance(node, Element):
            made.append(node)
            last = node
        elif last is None:
            made.text = (made.text or "") + node
        else:
            last.tail = (last.tail or "") + node
    return made


def link(target: str, *content: Node) -> Element:
    """Return a link to an anchor of the page, or to an address relative to it."""
    return element("a", *content, href=target)


def code(text: str) -> Element:
    """Return text in the font of code."""
    return element("code", text)


def prose(text: str) -> list[Node]:
    """Return a sentence, with the text between backticks as code."""
    return [code(part) if index % 2 else part for index, part in enumerate(text.split("`")) if part]


def paragraphs(text: str) -> list[Node]:
    """Return text of several paragraphs."""
    return [element("p", *prose(" ".join(part.split()))) for part in text.split("\n\n")]


def listing(text: str) -> Element:
    """Return a block of code; the keyboard reaches it, because it may be wider than the screen."""
    return element("pre", code(text), tabindex="0")


def json_listing(value: object) -> Element:
    """Return a value as a block of JSON."""
    return listing(json.dumps(value, ensure_ascii=False, indent=2))


def joined(parts: Iterable[list[Node]], separator: str) -> list[Node]:
    """Return parts in one list, with a separator between them."""
    nodes: list[Node] = []
    for part in parts:
        nodes += [separator, *part] if nodes else part
    return nodes


def document(head: list[Node], body: list[Node]) -> str:
    """Return a whole document as text."""
    root = element("html", "\n", element("head", "\n", *head), element("body", "\n", *body), lang="en")
    return f"<!DOCTYPE html>\n{tostring(root, encoding='unicode', method='html')}\n"
