"""Events of the inbox, in both formats that S3 sends."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus

import pytest
from gallop.domain.drops import events
from hypothesis import given
from hypothesis import strategies as st


def notification(key: str, name: str = "ObjectCreated:Put") -> dict[str, Any]:
    """Return S3's own notification, in which the key is form-encoded."""
    return {"Records": [{"eventName": name, "s3": {"object": {"key": quote_plus(key, safe="/")}}}]}


def event(key: str, kind: str = "Object Created") -> dict[str, Any]:
    """Return the event that EventBridge sends, in which the key is not encoded."""
    return {"source": "aws.s3", "detail-type": kind, "detail": {"bucket": {"name": "inbox"}, "object": {"key": key}}}


@given(st.text(min_size=1))
def test_a_key_is_decoded_once(name: str) -> None:
    """It is decoded once in either format."""
    key = f"drop/{name}".encode(errors="replace").decode()
    assert [key] == events.keys_in(notification(key)) == events.keys_in(event(key))


@pytest.mark.parametrize("key", ["drop/a+b", "drop/a%2Bb", "drop/a%252Bb", "drop/a b", "drop/100%", "drop/%41"])
def test_a_name_that_looks_encoded_is_not_decoded(key: str) -> None:
    """A name may contain a plus, a per cent sign, or what looks like an encoded character."""
    assert [key] == events.keys_in(notification(key)) == events.keys_in(event(key))


@pytest.mark.parametrize("way", ["Put", "Post", "Copy", "CompleteMultipartUpload"])
def test_every_way_of_uploading_counts(way: str) -> None:
    """Programs, browsers, copies and multipart uploads send different events."""
    assert ["drop/1.jpg"] == events.keys_in(notification("drop/1.jpg", f"ObjectCreated:{way}"))


def test_other_events_are_ignored() -> None:
    """Examples are removals, and S3's own test message."""
    assert [] == events.keys_in(notification("drop/1.jpg", "ObjectRemoved:Delete"))
    assert [] == events.keys_in(event("drop/1.jpg", "Object Deleted"))
    assert [] == events.keys_in({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "inbox"})


def test_an_unreadable_event_is_not_ignored() -> None:
    """It goes to the dead-letter queue, where an operator sees it."""
    with pytest.raises(KeyError):
        events.keys_in({"hello": "world"})
