"""Field types of the shared language: how money, rates and personal data look in JSON."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, StringConstraints
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from libs.lending.money import EXPONENT, Money, MoneyError
from libs.lending.terms import LoanTerms, TermsError

MONEY_KEYS: Final = frozenset({"amount", "currency"})


def _money(value: Any) -> Money:
    if isinstance(value, Money):
        return value
    if not isinstance(value, dict) or value.keys() != MONEY_KEYS:
        raise PydanticCustomError("money", 'money is an object like {{"amount": "1000.00", "currency": "CNY"}}')
    amount, currency = value["amount"], value["currency"]
    if not isinstance(amount, str) or not isinstance(currency, str):
        raise PydanticCustomError("money", "amount and currency are strings: send the amount as a decimal string")
    try:
        return Money.of(amount, currency)
    except MoneyError as error:
        raise PydanticCustomError("money", "{reason}", {"reason": str(error)}) from None


class _MoneySchema:
    """Reads and writes `Money` as {"amount": "1000.00", "currency": "CNY"}."""

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _money,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda money: {"amount": money.amount, "currency": money.currency}, when_used="json"
            ),
        )

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {
            "type": "object",
            "title": "Money",
            "description": "An exact amount: decimal string with the digits of its currency.",
            "properties": {
                "amount": {"type": "string", "pattern": r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"},
                "currency": {"type": "string", "enum": sorted(EXPONENT)},
            },
            "required": ["amount", "currency"],
            "additionalProperties": False,
            "examples": [{"amount": "10000.00", "currency": "CNY"}],
        }


MoneyField = Annotated[Money, _MoneySchema()]
"""An exact amount of money."""


def _terms(value: Any) -> LoanTerms:
    if isinstance(value, LoanTerms):
        return value
    try:
        return LoanTerms.from_json(value)
    except TermsError as error:
        raise PydanticCustomError("loan_terms", "{reason}", {"reason": str(error)}) from None


class _TermsSchema:
    """Reads and writes `LoanTerms` in its own JSON form."""

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _terms,
            serialization=core_schema.plain_serializer_function_ser_schema(LoanTerms.to_json, when_used="json"),
        )

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {
            "type": "object",
            "title": "LoanTerms",
            "description": "Everything that a repayment plan follows from (libs.lending.terms.LoanTerms).",
        }


TermsField = Annotated[LoanTerms, _TermsSchema()]
"""The agreed terms of a loan."""


def plain(value: Decimal) -> str:
    """A decimal without exponent and without trailing zeros: one number, one text (`0.180` and `0.18` are `0.18`)."""
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def _decimal(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("decimal_string", 'send the number as a string, for example "0.18"')
    if len(value) > 32 or not value.replace(".", "", 1).lstrip("-").isascii():
        raise PydanticCustomError("decimal_string", "not a plain decimal number of at most 32 characters")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise PydanticCustomError("decimal_string", "not a plain decimal number") from None
    if not number.is_finite() or "e" in value.lower() or "_" in value or value != value.strip():
        raise PydanticCustomError("decimal_string", "not a plain decimal number")
    return number


class _DecimalSchema:
    """Reads and writes a `Decimal` as a plain string."""

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _decimal, serialization=core_schema.plain_serializer_function_ser_schema(plain, when_used="json")
        )

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "examples": ["0.18"]}


DecimalField = Annotated[Decimal, _DecimalSchema()]
"""An exact number, a decimal string in JSON."""


def _rate(value: Any) -> Decimal:
    number = _decimal(value)
    if not Decimal(0) <= number <= Decimal(10):
        raise PydanticCustomError("rate", 'a rate is a fraction a year between "0" and "10": 18 % is "0.18"')
    return number


RateField = Annotated[DecimalField, BeforeValidator(_rate)]
"""A rate as a fraction a year: "0.18" is 18 %."""


@dataclass(frozen=True)
class Personal:
    """Marks a field as personal data of the person that `subject` names (a field of the same model).

    Logs never show it, exports leave it out unless asked, and a store may keep it encrypted under that person's key.
    """

    subject: str = "applicant_id"


Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,79}$")]
"""An identifier: opaque, at most 80 characters."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
"""A stable kebab-case code."""
