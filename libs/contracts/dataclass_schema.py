"""The JSON Schema of the frozen dataclasses that `libs.lending.codec` reads and writes."""

from __future__ import annotations

import dataclasses
import types
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from libs.lending.money import Money

Schema = dict[str, Any]

SCALARS: Final[dict[object, Schema]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    str: {"type": "string"},
    date: {"type": "string", "format": "date"},
}


def dataclass_schema(cls: type[Any], money: Schema, decimal: Schema) -> Schema:
    """A dataclass as a closed object; members without a default are required."""
    hints = get_type_hints(cls)
    members = dataclasses.fields(cls)
    return {
        "type": "object",
        "title": cls.__name__,
        "properties": {member.name: _schema(hints[member.name], money, decimal) for member in members},
        "required": [member.name for member in members if member.default is dataclasses.MISSING],
        "additionalProperties": False,
    }


def _schema(hint: object, money: Schema, decimal: Schema) -> Schema:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(each, money, decimal) for each in arguments if each is not type(None)] + [_NULL]}
    if origin is tuple:
        return {"type": "array", "items": _schema(arguments[0], money, decimal)}
    if hint is Money:
        return money
    if hint is Decimal:
        return decimal
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return {"type": "string", "enum": [member.value for member in hint]}
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return dataclass_schema(hint, money, decimal)
    return SCALARS[hint]


_NULL: Final[Schema] = {"type": "null"}
