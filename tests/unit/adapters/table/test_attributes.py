"""Values of items in DynamoDB's wire format."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from gallop.adapters.table import attributes
from hypothesis import given
from hypothesis import strategies as st

NUMBERS = st.integers(-(10**37), 10**37) | st.decimals(-1000, 1000, places=3)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.text() | NUMBERS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_the_format_is_that_of_boto3(value: Any) -> None:  # noqa: ANN401 - any value of an item
    """Items of earlier versions, which boto3 converted, stay readable, and theirs are read in the same way."""
    packed = TypeSerializer().serialize(value)
    assert packed == attributes.pack(value)
    assert TypeDeserializer().deserialize(packed) == attributes.unpack(packed)


def test_a_tuple_is_a_list() -> None:
    """DynamoDB has one kind of both."""
    assert {"L": [{"S": "a"}]} == attributes.pack(("a",))


@pytest.mark.parametrize("value", [1.5, b"bytes", {1}, object(), Decimal("NaN"), Decimal("Infinity")])
def test_a_value_that_no_item_has_is_refused(value: object) -> None:
    """A float would be another number afterwards; the codecs of items know what to store instead."""
    with pytest.raises(TypeError, match=r"^Items have no "):
        attributes.pack(value)


def test_a_number_that_does_not_fit_is_refused() -> None:
    """DynamoDB keeps 38 digits: more would be rounded silently."""
    with pytest.raises(ArithmeticError):
        attributes.pack(int("1" * 39))


def test_a_stored_value_of_another_kind_is_refused() -> None:
    """No version of Gallop stores sets or bytes."""
    with pytest.raises(TypeError, match="Items have no values of type SS"):
        attributes.unpack({"SS": ["a"]})
