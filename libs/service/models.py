"""Shared shapes of requests and responses. Money, rates and identifiers are those of the shared language."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError

from libs.contracts.types import Code, DecimalField, Id, MoneyField, RateField, Text
from libs.lending.money import Money

__all__ = [
    "BusinessDate",
    "Code",
    "DecimalField",
    "Id",
    "MoneyField",
    "PositiveMoney",
    "RateField",
    "RequestModel",
    "ResponseModel",
    "Text",
    "Timestamp",
    "ZeroOrMoreMoney",
]

_ISO_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_ISO_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
YEAR_MIN: Final = 1900
YEAR_MAX: Final = 2199
"""Years an API date may have: far enough for any birth or maturity, near enough that date arithmetic cannot overflow."""


def _make_scalars_strict(schema: object) -> None:
    """Mark integers and booleans strict. Pydantic's own strict mode would also refuse dates and enums, since JSON
    reaches it as Python objects here."""
    if isinstance(schema, dict):
        if schema.get("type") in ("int", "bool"):
            schema["strict"] = True
        for member in schema.values():
            _make_scalars_strict(member)
    elif isinstance(schema, (list, tuple)):
        for member in schema:
            _make_scalars_strict(member)


class RequestModel(BaseModel):
    """The base of every request body: unknown members are refused, and so is text where a number or truth is due."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[BaseModel], handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        _make_scalars_strict(schema)
        return schema


class ResponseModel(BaseModel):
    """The base of every response body."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False, ser_json_temporal="iso8601")


def _business_date(value: Any) -> date:
    if type(value) is date:  # a datetime is no date: it has a time zone
        parsed = value
    elif isinstance(value, str) and _ISO_DATE.fullmatch(value):
        try:
            parsed = date.fromisoformat(value)
        except ValueError:
            raise PydanticCustomError("not_a_date", "Send a date that exists, as YYYY-MM-DD.") from None
    else:
        raise PydanticCustomError("not_a_date", "Send a date that exists, as YYYY-MM-DD.")
    if not YEAR_MIN <= parsed.year <= YEAR_MAX:
        raise PydanticCustomError("date_out_of_range", "Send a date between 1900-01-01 and 2199-12-31.")
    return parsed


BusinessDate = Annotated[
    date,
    BeforeValidator(_business_date, json_schema_input_type=str),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-01-31"]}),
]
"""A calendar date as YYYY-MM-DD, without time or time zone."""


def _timestamp(value: Any) -> datetime:
    parsed = value if isinstance(value, datetime) else None
    if isinstance(value, str) and _ISO_TIME.fullmatch(value):
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError:
            parsed = None
    if parsed is None or parsed.tzinfo is None or not YEAR_MIN <= parsed.year <= YEAR_MAX:
        raise PydanticCustomError("not_a_time", "Send a time that exists with its offset, as 2026-01-31T09:30:00Z.")
    return parsed.astimezone(UTC)


Timestamp = Annotated[
    datetime,
    BeforeValidator(_timestamp, json_schema_input_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-01-31T09:30:00Z"]}),
]
"""A moment with its offset from UTC (RFC 3339); kept in UTC."""


def _positive(money: Money) -> Money:
    if money.minor <= 0:
        raise PydanticCustomError("amount_not_positive", "Send an amount greater than zero.")
    return money


def _not_negative(money: Money) -> Money:
    if money.minor < 0:
        raise PydanticCustomError("amount_negative", "Send an amount of zero or more.")
    return money


PositiveMoney = Annotated[MoneyField, AfterValidator(_positive)]
"""An amount greater than zero."""
ZeroOrMoreMoney = Annotated[MoneyField, AfterValidator(_not_negative)]
"""An amount of zero or more."""
