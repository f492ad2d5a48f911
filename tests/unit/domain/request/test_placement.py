"""Where a job may run, as requests say it: ``account`` and ``tags``."""

from __future__ import annotations

from typing import Any

import pytest
from gallop.domain.dashscope import request as dashscope_request
from gallop.domain.errors import InvalidRequest
from gallop.domain.fields import FormText
from gallop.domain.placement import Placement
from gallop.domain.request import reader
from gallop.domain.request.request import RequestDefaults, VideoRequest

DEFAULTS = RequestDefaults("1.0", "inbox", "ada")
EU = Placement("two", {"region": "eu", "tier": "a-1"})


def read(**fields: object) -> VideoRequest:
    """Read a request for a video from a text."""
    return reader.read({"prompt": "x", **fields}, DEFAULTS, lambda _, source, _rules: source)


@pytest.mark.parametrize(
    "fields",
    [
        {"account": "two", "tags": {"tier": "a-1", "region": "eu"}},
        {"account": FormText("two"), "tags": {"region": FormText("eu"), "tier": FormText("a-1")}},
        {"account": FormText("two"), "tags": FormText('{"region": "eu", "tier": "a-1"}')},
    ],
)
def test_account_and_tags_are_read(fields: dict[str, Any]) -> None:
    """From JSON and from forms; their order does not count."""
    placement = read(**fields).placement
    assert EU == placement
    assert "account=two,region=eu,tier=a-1" == placement.text


@pytest.mark.parametrize("fields", [{}, {"account": None, "tags": None}])
def test_without_them_a_request_may_run_anywhere(fields: dict[str, Any]) -> None:
    """A null is an absent field."""
    assert not read(**fields).placement


@pytest.mark.parametrize(
    ("fields", "pointer", "said"),
    [
        ({"account": ""}, "/account", "name of an account"),
        ({"account": "Two"}, "/account", "name of an account"),
        ({"account": 2}, "/account", "name of an account"),
        ({"account": ["two"]}, "/account", "name of an account"),
        ({"tags": {}}, "/tags", "is empty"),
        ({"tags": "eu"}, "/tags", "must be an object"),
        ({"tags": ["eu"]}, "/tags", "must be an object"),
        ({"tags": FormText("region=eu")}, "/tags", "is not"),
        ({"tags": FormText('["eu"]')}, "/tags", "must be an object"),
        ({"tags": {"region": ["eu", "us"]}}, "/tags", "region"),
        ({"tags": {"region": None}}, "/tags", "region"),
        ({"tags": {"region": "EU"}}, "/tags", "region"),
        ({"tags": {"": "eu"}}, "/tags", "the tag"),
        ({"tags": {"account": "two"}}, "/tags", "cannot have a tag account"),
        ({"tags": {f"t{number}": "x" for number in range(9)}}, "/tags", "9 tags; the maximum is 8"),
        ({"region": "eu"}, "/region", "is not a field"),
    ],
)
def test_what_is_neither_is_refused(fields: dict[str, Any], pointer: str, said: str) -> None:
    """It is never ignored: the video could be made where it must not."""
    with pytest.raises(InvalidRequest) as refused:
        read(**fields)
    (fault,) = refused.value.faults
    assert pointer == fault.pointer
    assert said in fault.detail
    assert fault.remedy


def test_dashscopes_dialect_has_them_among_the_parameters() -> None:
    """As it has the priority; faults name the place there."""
    body = '{"model": "happyhorse-1.0-t2v", "input": {"prompt": "x"}, "parameters": {"account": "two", "tags": %s}}'
    tags = '{"region": "eu", "tier": "a-1"}'
    assert EU == dashscope_request.read(body % tags, DEFAULTS, lambda _, source, _rules: source).placement
    with pytest.raises(InvalidRequest) as refused:
        dashscope_request.read(body % "[]", DEFAULTS, lambda _, source, _rules: source)
    assert ["/parameters/tags"] == [fault.pointer for fault in refused.value.faults]
