"""Field types of the shared language: how money, rates and personal data look in JSON."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StrictInt,
    StringConstraints,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from libs.contracts.dataclass_schema import dataclass_schema
from libs.lending.money import EXPONENT, Money, MoneyError
from libs.lending.terms import LoanTerms, TermsError

PLAIN_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
DIGITS_MAX: Final = 32
"""Characters of a decimal: more than any rate or ratio needs, and few enough that arithmetic on it is cheap."""
RATE_DECIMALS_MAX: Final = 20
"""As many as the terms of a loan keep (`libs.lending.codec`)."""
AMOUNTS_KEPT: Final = 32_768
DECIMALS_KEPT: Final = 8_192
MONEY_KEYS: Final = frozenset({"amount", "currency"})
MONEY_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "title": "Money",
    "description": "An exact amount: decimal string with at most the digits of its currency.",
    "properties": {
        "amount": {"type": "string", "pattern": f"^{PLAIN_DECIMAL.pattern}$", "maxLength": 24},
        "currency": {"type": "string", "enum": sorted(EXPONENT)},
    },
    "required": ["amount", "currency"],
    "additionalProperties": False,
    "examples": [{"amount": "10000.00", "currency": "CNY"}],
}
DECIMAL_SCHEMA: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": f"^{PLAIN_DECIMAL.pattern}$",
    "maxLength": DIGITS_MAX,
    "examples": ["0.18"],
}


@lru_cache(maxsize=AMOUNTS_KEPT)
def _amount(amount: str, currency: str) -> Money:
    """Most amounts of a loan's events come again and again, and reading them is most of the reading of an event."""
    return Money.of(amount, currency)


def _money(value: Any) -> Money:
    if isinstance(value, Money):
        return value
    if not isinstance(value, dict) or value.keys() != MONEY_KEYS:
        raise PydanticCustomError("money", 'money is an object like {{"amount": "1000.00", "currency": "CNY"}}')
    amount, currency = value["amount"], value["currency"]
    if not isinstance(amount, str) or not isinstance(currency, str):
        raise PydanticCustomError("money", "amount and currency are strings: send the amount as a decimal string")
    try:
        return _amount(amount, currency)
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
        return copy.deepcopy(MONEY_SCHEMA)


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
            **dataclass_schema(LoanTerms, MONEY_SCHEMA, DECIMAL_SCHEMA),
            "description": "Everything that a repayment plan follows from.",
        }


TermsField = Annotated[LoanTerms, _TermsSchema()]
"""The agreed terms of a loan. Unlike elsewhere an unknown member is refused: a plan made without it would be another."""


@lru_cache(maxsize=DECIMALS_KEPT)
def plain(value: Decimal) -> str:
    """A decimal without exponent and without trailing zeros: one number, one text (`0.180` and `0.18` are `0.18`)."""
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _decimal(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return _of_text(plain(value) if value.is_finite() else "not a number")
    if isinstance(value, str):
        return _of_text(value)
    raise PydanticCustomError("decimal_string", 'send the number as a string, for example "0.18"')


@lru_cache(maxsize=DECIMALS_KEPT)
def _of_text(text: str) -> Decimal:
    if len(text) > DIGITS_MAX or not PLAIN_DECIMAL.fullmatch(text):
        raise PydanticCustomError(
            "decimal_string", "not a plain decimal number of at most {digits} characters", {"digits": DIGITS_MAX}
        )
    return Decimal(text)


class _DecimalSchema:
    """Reads and writes a `Decimal` as a plain string."""

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _decimal, serialization=core_schema.plain_serializer_function_ser_schema(plain, when_used="json")
        )

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return copy.deepcopy(DECIMAL_SCHEMA)


DecimalField = Annotated[Decimal, _DecimalSchema()]
"""An exact number, a decimal string in JSON."""


def _rate(value: Any) -> Decimal:
    number = _decimal(value)
    if not Decimal(0) <= number <= Decimal(10):
        raise PydanticCustomError("rate", 'a rate is a fraction a year between "0" and "10": 18 % is "0.18"')
    if number.as_tuple().exponent < -RATE_DECIMALS_MAX:  # type: ignore[operator]  # a finite number's is an integer
        raise PydanticCustomError("rate", "a rate has at most {digits} decimals", {"digits": RATE_DECIMALS_MAX})
    return number


Fact = StrictInt | str | None
"""What is known of one thing: a code or a decimal number as text, a whole number, or nothing; never a float."""

RateField = Annotated[DecimalField, BeforeValidator(_rate)]
"""A rate as a fraction a year: "0.18" is 18 %."""


@dataclass(frozen=True)
class Personal:
    """Marks a field as personal data of the person that `subject` names: a member of the same model, or of the event
    that holds it.

    Logs never show it; what is stored, published and copied of it is sealed under that person's key.
    """

    subject: str = "applicant_id"

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [handler(schema), copy.deepcopy(SEALED_SCHEMA)]}


PLACEHOLDERS: Final = frozenset({"[sealed]", "[restricted]", "[erased]"})
"""What is read in the place of a personal value by whoever may not, or by anybody once it is erased."""


def _unless_placeholder(value: Any) -> Any:
    return None if isinstance(value, str) and value in PLACEHOLDERS else value


PersonalDate = Annotated[date | None, Personal(), BeforeValidator(_unless_placeholder)]
"""A personal date; None where a placeholder is read."""
SEALED_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "title": "Sealed",
    "description": "Personal data as stored and published: version, whose they are, and base64url of nonce, ciphertext "
    "and tag (AES-256-GCM).",
    "properties": {"$sealed": {"type": "string", "pattern": "^1:[A-Za-z0-9._:-]+:[A-Za-z0-9_-]+$"}},
    "required": ["$sealed"],
    "additionalProperties": False,
}


def _exact(value: Any) -> Any:
    """JSON as it is; raises for a float at any depth."""
    if isinstance(value, float):
        raise PydanticCustomError("decimal_string", 'send the number as a string, for example "0.18"')
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _exact(part)
    return value


ExactObject = Annotated[dict[str, Any], AfterValidator(_exact)]
"""A JSON object whose form is another's, such as the body of a request; no float is in it."""

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,79}$")]
"""An identifier: opaque, at most 80 characters."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
"""A stable kebab-case code."""
