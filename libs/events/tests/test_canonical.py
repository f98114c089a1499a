"""Canonical bytes agree with another implementation of RFC 8785, and what has no canonical form is refused."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Any

import orjson
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from libs.events.canonical import LARGEST_INTEGER, NotCanonical, canonical

texts = st.text(st.characters(exclude_categories=["Cs"]))
member_names = st.text(st.characters(max_codepoint=127))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST_INTEGER, LARGEST_INTEGER) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(member_names, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_the_bytes_are_those_of_another_implementation(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(values)
def test_the_bytes_are_read_back_and_made_again(value: Any) -> None:
    data = canonical(value)
    assert orjson.loads(data) == value
    assert canonical(orjson.loads(data)) == data


def test_a_tuple_is_a_list() -> None:
    assert canonical({"b": (1, 2), "a": None}) == b'{"a":null,"b":[1,2]}'


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    "value",
    [
        0.1,
        float("nan"),
        LARGEST_INTEGER + 1,
        -LARGEST_INTEGER - 1,
        {"é": 1},
        {1: 1},
        "\ud800",
        {"a": ["\udfff"]},
        Decimal(1),
        b"bytes",
        {1, 2},
        Colour.RED,
        [{"a": (0.5,)}],
    ],
    ids=repr,
)
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(NotCanonical):
        canonical(value)
