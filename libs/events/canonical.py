"""Canonical JSON (RFC 8785) for the subset that events use: no floats, ASCII member names, integers up to 2^53 - 1.

Bytes are made once, stored, hashed and never made again: whatever is proved later is proved about these bytes.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

LARGEST_INTEGER: Final = 2**53 - 1
"""RFC 8785 numbers are IEEE 754 doubles; beyond this an integer would not survive another implementation."""


class NotCanonical(ValueError):
    """A value that has no canonical form here."""


def canonical(value: Any) -> bytes:
    """The canonical bytes of a JSON value.

    Raises `NotCanonical` for floats, integers beyond 2^53 - 1, member names that are not ASCII text (the UTF-16 order
    that RFC 8785 asks for agrees with byte order there), lone surrogates, and types that JSON does not have.
    """
    _check(value)
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise NotCanonical(str(error)) from None


def _check(value: Any) -> None:
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return
    if kind is int:
        if not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
            raise NotCanonical("an integer beyond 2^53 - 1 goes into a string")
    elif kind is dict:
        for name, member in value.items():
            if type(name) is not str or not name.isascii():
                raise NotCanonical(f"member name {name!r} is not ASCII text")
            if type(member) is not str:  # most are: the call costs more than the look
                _check(member)
    elif kind is list or kind is tuple:
        for member in value:
            _check(member)
    else:
        raise NotCanonical(f"{kind.__name__} has no canonical form; money, rates and times are strings")
