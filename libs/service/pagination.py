"""Lists page by page: opaque cursors over a key set, never offsets, so that no row is shown twice or left out."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final, Generic, TypeVar
from uuid import UUID

import orjson
from fastapi import Query
from pydantic import Field
from sqlalchemy import Select, and_, or_, tuple_
from sqlalchemy.sql.elements import ColumnElement

from libs.service.models import ResponseModel
from libs.service.problems import INVALID_CURSOR, VALIDATION_FAILED, FieldError, Problem

LIMIT_DEFAULT: Final = 50
LIMIT_MAX: Final = 200
CURSOR_CHARS_MAX: Final = 1024
_INTEGER_MAX: Final = 2**63 - 1  # PostgreSQL bigint

T = TypeVar("T")


class Page(ResponseModel, Generic[T]):
    """One page of a list."""

    items: list[T]
    next_cursor: str | None = Field(default=None, description="Pass as `cursor` for the next page; null on the last.")


@dataclass(frozen=True, slots=True)
class SortKey:
    """One column of an order. Columns must not be null; the last one of an order must be unique."""

    name: str
    column: ColumnElement[Any]
    descending: bool = False


Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description=f"Items a page, 1 to {LIMIT_MAX}.")]
CursorParameter = Annotated[
    str | None, Query(max_length=CURSOR_CHARS_MAX, description="The `next_cursor` of the page before.")
]


def parse_sort(
    sort: str | None, allowed: Mapping[str, ColumnElement[Any]], *, default: str, unique: str
) -> list[SortKey]:
    """The order that `sort` asks for (`-created_at,amount`); `unique` is added so that the order is total.

    Raises `Problem` 422 for a name that is not allowed or comes twice.
    """
    keys: list[SortKey] = []
    for term in (sort or default).split(","):
        name, descending = (term[1:], True) if term.startswith("-") else (term, False)
        if name not in allowed or any(key.name == name for key in keys):
            choices = ", ".join(sorted(allowed))
            detail = f"Sort by one or more of {choices}, each once, with - before a name for descending order."
            raise Problem(VALIDATION_FAILED, errors=[FieldError("not-a-choice", detail, None, "sort", "query")])
        keys.append(SortKey(name, allowed[name], descending))
    if all(key.name != unique for key in keys):
        keys.append(SortKey(unique, allowed[unique], keys[-1].descending))
    return keys


def encode_cursor(keys: Sequence[SortKey], row: Mapping[str, Any]) -> str:
    """The cursor after `row`, which holds a value for the name of every key."""
    values = [_encoded(row[key.name]) for key in keys]
    raw = orjson.dumps({"s": _signature(keys), "v": values}, option=orjson.OPT_SORT_KEYS)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_cursor(cursor: str, keys: Sequence[SortKey]) -> list[Any]:
    """The key values in a cursor; raises `Problem` 400 when it was not made for this order."""
    try:
        if len(cursor) > CURSOR_CHARS_MAX:
            raise ValueError("too long")
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        document = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if document["s"] != _signature(keys) or len(document["v"]) != len(keys) or len(document) != 2:
            raise ValueError("another order")
        return [_decoded(value, key.column) for value, key in zip(document["v"], keys, strict=True)]
    except (ValueError, TypeError, KeyError, binascii.Error, InvalidOperation) as error:
        raise Problem(INVALID_CURSOR) from error


def after(keys: Sequence[SortKey], values: Sequence[Any]) -> ColumnElement[bool]:
    """The condition that holds for the rows behind `values` in the order of `keys`."""
    if len({key.descending for key in keys}) == 1:  # one direction: a row comparison, which an index answers
        row = tuple_(*(key.column for key in keys))
        return row < tuple_(*values) if keys[0].descending else row > tuple_(*values)
    branches = []
    for position, key in enumerate(keys):
        equal = [before.column == value for before, value in zip(keys[:position], values, strict=False)]
        value = values[position]
        branches.append(and_(*equal, key.column < value if key.descending else key.column > value))
    return or_(*branches)


def paginate(statement: Select[Any], keys: Sequence[SortKey], *, cursor: str | None, limit: int) -> Select[Any]:
    """The statement for one page, and one row more, which tells whether there is a next page."""
    if cursor is not None:
        statement = statement.where(after(keys, decode_cursor(cursor, keys)))
    order = (key.column.desc() if key.descending else key.column.asc() for key in keys)
    return statement.order_by(*order).limit(limit + 1)


def page_of(
    rows: Sequence[Mapping[Any, Any]], keys: Sequence[SortKey], *, limit: int, item: Callable[[Mapping[Any, Any]], T]
) -> Page[T]:
    """The page of the rows that `paginate` gave."""
    shown = rows[:limit]
    next_cursor = encode_cursor(keys, shown[-1]) if len(rows) > limit else None
    return Page(items=[item(row) for row in shown], next_cursor=next_cursor)


def _signature(keys: Sequence[SortKey]) -> str:
    return ",".join(("-" if key.descending else "") + key.name for key in keys)


def _encoded(value: Any) -> str | int:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return value
    raise TypeError(f"a {type(value).__name__} cannot be a sort key")


def _decoded(value: Any, column: ColumnElement[Any]) -> Any:
    kind = column.type.python_type
    if kind is int:
        if type(value) is not int or not -_INTEGER_MAX <= value <= _INTEGER_MAX:
            raise ValueError("not an integer")
        return value
    if not isinstance(value, str) or "\x00" in value:
        raise ValueError("not a text")
    if kind is datetime:
        return datetime.fromisoformat(value)
    if kind is date:
        return date.fromisoformat(value)
    if kind is Decimal:
        number = Decimal(value)
        if not number.is_finite():
            raise ValueError("not a number")
        return number
    return UUID(value) if kind is UUID else value
