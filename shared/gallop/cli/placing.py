"""Placements on the command line: ``--account two --tag region=eu``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop.cli.show import refuse
from gallop.domain.faults import Fault
from gallop.domain.placement import Placement
from gallop.domain.request import own_fields

if TYPE_CHECKING:
    from collections.abc import Sequence


def tags_of(texts: Sequence[str]) -> dict[str, str]:
    """Return tags by name; end the command if a text is none, or two are of one name."""
    tags: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            refuse(f"--tag {text!r} is not a name and a value. Write: --tag region=eu")
        if name in tags:
            refuse(f"--tag {name} occurs twice, and an account has one value for a name.")
        tags[name] = value
    return tags


def placement_of(account: str, texts: Sequence[str]) -> Placement:
    """Return the placement that options describe; end the command if they are invalid."""
    name = own_fields.read_account(account or None)
    if isinstance(name, Fault):
        refuse(f"--account {name.detail}. {name.remedy}")
    tags = own_fields.read_tags(tags_of(texts) or None)
    if isinstance(tags, Fault):
        refuse(f"--tag {tags.detail}. {tags.remedy}")
    return Placement(name, tags)
