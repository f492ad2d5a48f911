"""Draws ``docs/images/workflow.svg`` from ``functions/workflow.asl.yaml``.

``python -m tests.template.picture`` updates it; a test compares. The content comes from the definition; only the
positions of the states are set here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.template import stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE = Path(__file__).parents[2] / "docs" / "images" / "workflow.svg"
PLACES = {
    "WaitForSlot": (0, 0),
    "StartTask": (0, 1),
    "Reconcile": (1, 0),
    "WhatNext": (1, 1),
    "AskStatus": (1, 2),
    "WaitToReconcile": (2, 0),
    "WaitForEvent": (2, 2),
    "WaitForTask": (3, 3),
    "SaveResult": (4, 1),
    "Finish": (5, 1),
    "NotFinished": (5, 2),
    "SignVideo": (6, 0),
    "WhatFollows": (6, 1),
    "Ended": (6, 3),
    "MakeThumbnail": (7, 1),
    "RenewReceipts": (7, 2),
}
# What the template sets, as people say it.
SETTINGS = {"${StateToSign}": "if the stack signs"}
# Where every failing step leads: a sentence below the picture says it, because its lines would hide the others.
SAFETY_NET = "Finish"

COLUMN, ROW = 206, 128
LEFT, TOP = 100, 76
BOX_WIDTH, BOX_HEIGHT = 148, 66
GAP = 11
CORNER = 18
LABEL = 40
TIP = (
    '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0,0.5 L8,4 L0,7.5Z" fill="#52606d"/></marker>'
)
STYLE = """
text{font-family:ui-sans-serif,system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:#1f2933;
text-anchor:middle}
.name{font-size:15px;font-weight:600}.note{font-size:11.5px;fill:#52606d}.label{font-size:12px;fill:#9a3412}
.Task{fill:#fff;stroke:#b91c1c;stroke-width:1.6}.Wait{fill:#fef6e4;stroke:#b7791f;stroke-width:1.6}
.Choice{fill:#e6f2ee;stroke:#2f6f62;stroke-width:1.6}.Fail,.Succeed{fill:#f3f4f6;stroke:#6b7280;stroke-width:1.6}
.edge{fill:none;stroke:#52606d;stroke-width:1.6;marker-end:url(#tip)}.error{stroke-dasharray:5 4}
"""


@dataclass(frozen=True, slots=True)
class Edge:
    """A transition from one state to another; ``label`` is its condition."""

    source: str
    target: str
    label: str = ""
    is_error: bool = False


def edges(definition: Mapping[str, Any]) -> Iterator[Edge]:
    """Yield all transitions except those of errors to the safety net."""
    for name, state in definition["States"].items():
        for choice in state.get("Choices", ()):
            yield Edge(name, choice["Next"], SETTINGS.get(choice["StringEquals"], choice["StringEquals"]))
        if "Default" in state:
            yield Edge(name, state["Default"], "otherwise")
        if "Next" in state:
            yield Edge(name, state["Next"])
        for catcher in state.get("Catch", ()):
            if catcher["Next"] not in (SAFETY_NET, state.get("Next")):
                yield Edge(name, catcher["Next"], "any error", is_error=True)


def draw(definition: Mapping[str, Any]) -> str:
    """Draw the workflow as SVG."""
    states = definition["States"]
    if set(states) != set(PLACES):
        raise ValueError(f"Give a place to each state, and to no other: {sorted(set(states) ^ set(PLACES))}")
    width = 2 * LEFT + max(column for column, _ in PLACES.values()) * COLUMN
    height = 2 * TOP + max(row for _, row in PLACES.values()) * ROW + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(definition['Comment'].split('.')[0])}.</title><style>{STYLE}</style>",
        f"<defs>{TIP}</defs>",
        f'<rect width="{width}" height="{height}" rx="10" fill="#fbfaf6"/>',
        *(_edge(edge, opposed=_is_opposed(edge, definition)) for edge in edges(definition)),
        *(_state(name, state) for name, state in states.items()),
        _text(width / 2, height - 22, "note", _safety_net(definition)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _is_opposed(edge: Edge, definition: Mapping[str, Any]) -> bool:
    return any((other.source, other.target) == (edge.target, edge.source) for other in edges(definition))


def _middle(name: str) -> tuple[float, float]:
    column, row = PLACES[name]
    return LEFT + column * COLUMN, TOP + row * ROW


def _edge(edge: Edge, *, opposed: bool) -> str:
    points, (x, y) = _route(edge, GAP if opposed else 0)
    path = "M" + " L".join(f"{x:g},{y:g}" for x, y in points)
    kind = "edge error" if edge.is_error else "edge"
    return f'<path class="{kind}" d="{path}"/>' + (_text(x, y, "label", edge.label) if edge.label else "")


Points = list[tuple[float, float]]


def _route(edge: Edge, shift: float) -> tuple[Points, tuple[float, float]]:
    """Return the corners of a transition's line, and the position of its label."""
    (x, y), (to_x, to_y) = _middle(edge.source), _middle(edge.target)
    half_width, half_height = BOX_WIDTH / 2, BOX_HEIGHT / 2
    right = 1 if to_x > x else -1
    down = 1 if to_y > y else -1
    if x == to_x:
        return [(x, y + down * half_height), (x, to_y - down * half_height)], (x + 38, y + down * ROW / 2 + 4)
    if y != to_y:
        turn = to_y - down * half_height
        return [(x + right * half_width, y), (to_x, y), (to_x, turn)], (to_x + right * 34, (y + turn) / 2 + 4)
    if _is_free_between(edge):
        y += shift * right
        ends = [(x + right * half_width, y), (to_x - right * half_width, y)]
        return ends, (ends[1][0] - right * min(LABEL, abs(ends[1][0] - ends[0][0]) / 2), y - 7)
    over, start = y - half_height - 20, x + right * 1.5 * COLUMN
    return [(x + right * half_width, y), (start, y), (start, over), (to_x, over), (to_x, y - half_height)], (
        (start + to_x) / 2,
        over - 7,
    )


def _is_free_between(edge: Edge) -> bool:
    (column, row), (to_column, _) = PLACES[edge.source], PLACES[edge.target]
    low, high = sorted((column, to_column))
    return not any(low < place[0] < high and place[1] == row for place in PLACES.values())


def _state(name: str, state: Mapping[str, Any]) -> str:
    x, y = _middle(name)
    kind = state["Type"]
    half_width, half_height = BOX_WIDTH / 2, BOX_HEIGHT / 2
    if kind == "Choice":
        cut = half_height - CORNER
        corners = [(half_width, CORNER), (half_width - cut, half_height), (cut - half_width, half_height)]
        corners += [(-half_width, CORNER), *((-across, -down) for across, down in corners), (half_width, -CORNER)]
        points = " ".join(f"{x + across:g},{y + down:g}" for across, down in corners)
        shape = f'<polygon class="{kind}" points="{points}"/>'
    else:
        radius = half_height if kind == "Wait" else 8
        place = f'x="{x - half_width}" y="{y - half_height}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="{radius}"'
        shape = f'<rect class="{kind}" {place}/>'
    notes = _notes(state)
    lines = [_text(x, y + 5 - 8 * len(notes), "name", name)]
    lines += [_text(x, y + 22 - 8 * len(notes) + 16 * number, "note", note) for number, note in enumerate(notes)]
    return shape + "".join(lines)


def _notes(state: Mapping[str, Any]) -> list[str]:
    match state["Type"]:
        case "Task":
            function = re.sub(r"\$\{(\w+)FunctionArn\}", r"\1", state["Parameters"]["FunctionName"])
            folder = stack.written()["Resources"][f"{function}Function"]["Properties"]["CodeUri"].rstrip("/")
            if "TimeoutSecondsPath" in state:
                return ["until the task ends, or", "as the last step says"]
            waits = state["Resource"].endswith(".waitForTaskToken")
            return [folder, "until it has a slot" if waits else f"at most {state['TimeoutSeconds']} s per attempt"]
        case "Wait":
            return ["as the last step says"]
        case _:
            return []


def _safety_net(definition: Mapping[str, Any]) -> str:
    caught = [
        name
        for name, state in definition["States"].items()
        for catcher in state.get("Catch", ())
        if catcher["Next"] == SAFETY_NET
    ]
    hours = definition["TimeoutSeconds"] / 3600
    net = f"Errors in {', '.join(caught)} lead to {SAFETY_NET}, with their reason."
    return f"{net} An execution ends after {hours:g} hours at most."


def _text(x: float, y: float, kind: str, text: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(text)}</text>'


if __name__ == "__main__":
    FILE.write_text(draw(stack.definition()), encoding="utf-8")
