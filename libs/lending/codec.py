"""Frozen dataclasses of exact values to plain JSON types and back, without loss.

Decimals and money become plain decimal strings, dates ISO 8601, enums their names; unknown keys are refused.
"""

from __future__ import annotations

import dataclasses
import re
import types
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Final, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from libs.lending.money import Money

T = TypeVar("T")

_PLAIN_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?")


class CodecError(ValueError):
    """A JSON value that is not what the type says: the message names the field."""


def decimal_from_text(text: object) -> Decimal:
    """An exact decimal from a plain decimal string (no exponent, at most 21 and 20 digits)."""
    if not isinstance(text, str) or not _PLAIN_DECIMAL.fullmatch(text):
        raise CodecError(f"{str(text)[:40]!r} is not a plain decimal string")
    return Decimal(text)


def to_json(value: object) -> object:
    """Plain JSON types of a value; fields that hold their default are written too, so that a default may change."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Money):
        return {"amount": value.amount, "currency": value.currency}
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    if dataclasses.is_dataclass(value):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    raise CodecError(f"{type(value).__name__} has no JSON form")


_HINTS: Final[dict[type, dict[str, object]]] = {}


def _hints(cls: type) -> dict[str, object]:
    if cls not in _HINTS:
        _HINTS[cls] = dict(get_type_hints(cls))
    return _HINTS[cls]


def from_json(cls: type[T], data: object, where: str = "") -> T:
    """An instance of a frozen dataclass from plain JSON; raises `CodecError` naming the field."""
    if not isinstance(data, dict):
        raise CodecError(f"{where or cls.__name__}: an object is needed")
    hints = _hints(cls)
    unknown = sorted(set(data) - set(hints))
    if unknown:
        raise CodecError(f"{where or cls.__name__}: unknown field {unknown[0]!r}")
    values = {name: _decode(hints[name], value, f"{where}.{name}".lstrip(".")) for name, value in data.items()}
    try:
        return cls(**values)
    except TypeError as error:
        raise CodecError(f"{where or cls.__name__}: {error}") from None


class _Form(NamedTuple):
    """What a type asks of a value: whether it may be missing; what the items of a tuple are; the class of an object; or
    else the type of a scalar."""

    optional: bool
    item: object
    fields_of: type | None
    scalar: object


@cache
def _form(hint: object) -> _Form:
    if get_origin(hint) in (Union, types.UnionType):
        return _form(next(arg for arg in get_args(hint) if arg is not type(None)))._replace(optional=True)
    item = get_args(hint)[0] if get_origin(hint) is tuple else None
    is_object = isinstance(hint, type) and dataclasses.is_dataclass(hint) and hint is not Money
    return _Form(False, item, hint if is_object and isinstance(hint, type) else None, hint)


def _decode(hint: object, data: object, where: str) -> object:
    form = _form(hint)
    if data is None and form.optional:
        return None
    if form.item is not None:
        if not isinstance(data, list):
            raise CodecError(f"{where}: a list is needed")
        return tuple(_decode(form.item, value, f"{where}[{n}]") for n, value in enumerate(data))
    if form.fields_of is not None:
        return from_json(form.fields_of, data, where)
    try:
        return _scalar(form.scalar, data)
    except (ValueError, TypeError, KeyError) as error:
        raise CodecError(f"{where}: {error}") from None


def _scalar(hint: object, data: object) -> object:
    if hint is Money:
        if not isinstance(data, dict) or set(data) != {"amount", "currency"} or not isinstance(data["amount"], str):
            raise CodecError("money is an object of amount (a string) and currency")
        return Money.of(data["amount"], str(data["currency"]))
    if hint is Decimal:
        return decimal_from_text(data)
    if isinstance(hint, type) and issubclass(hint, (StrEnum, date)):
        if not isinstance(data, str):
            raise CodecError("a string is needed")
        return hint(data) if issubclass(hint, StrEnum) else date.fromisoformat(data)
    if isinstance(hint, type) and type(data) is hint:
        return data
    raise CodecError(f"{type(data).__name__} is not what is needed here")
