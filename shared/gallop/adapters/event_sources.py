"""The connection between the S3 door's queue and its function, which an operator may interrupt: messages then wait."""

from __future__ import annotations

from gallop.adapters import aws


@aws.guarded
def set_enabled(mapping: str, *, is_enabled: bool) -> None:
    """Let the function receive messages, or not."""
    aws.complete("lambda").update_event_source_mapping(UUID=mapping, Enabled=is_enabled)


@aws.guarded
def is_disabled(mapping: str) -> bool:
    """Return whether the function receives no more messages; it may do so for a minute after this was changed."""
    state: str = aws.complete("lambda").get_event_source_mapping(UUID=mapping)["State"]
    return state == "Disabled"
