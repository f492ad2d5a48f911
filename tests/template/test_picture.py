"""The picture of the workflow on the page of the architecture is the workflow."""

from __future__ import annotations

from copy import deepcopy

import pytest

from tests.template import picture, stack


def test_the_picture_is_drawn_from_the_definition_as_it_stands() -> None:
    """After a change of the workflow, ``make docs`` updates it."""
    assert picture.draw(stack.definition()) == picture.FILE.read_text(encoding="utf-8")


def test_every_way_is_drawn_but_those_of_errors_to_the_safety_net() -> None:
    """Each transition of the definition is an edge, or named in the sentence below."""
    drawn = {(edge.source, edge.target) for edge in picture.edges(stack.definition())}
    states = stack.definition()["States"]
    ways = {(name, states[name][key]) for name in states for key in ("Next", "Default") if key in states[name]}
    ways |= {
        (name, way["Next"]) for name in states for key in ("Choices", "Catch") for way in states[name].get(key, ())
    }
    caught = {(name, picture.SAFETY_NET) for name in states if states[name].get("Catch")}
    assert ways - drawn <= caught
    assert all(name in picture.draw(stack.definition()).rsplit("Errors in", 1)[1] for name, _ in ways - drawn)


def test_a_state_without_a_place_is_not_forgotten() -> None:
    """A new state has to be placed before the picture can be drawn."""
    definition = deepcopy(stack.definition())
    definition["States"]["Celebrate"] = {"Type": "Succeed"}
    with pytest.raises(ValueError, match="Celebrate"):
        picture.draw(definition)
