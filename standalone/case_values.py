"""What a published case is made of: texts to numbers, amounts and dates. Nothing expected is read here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from libs.lending.money import Money

Case = Mapping[str, Any]


class UnsupportedError(ValueError):
    """A case asks for something that has no counterpart here; the message says what."""


def number(text: object) -> Decimal:
    """The number that a text begins with: "24 (entered as 2 percent per month)" is 24."""
    match = re.match(r"\s*-?[0-9]+(\.[0-9]+)?", str(text).replace(",", ""))
    if not match:
        raise UnsupportedError(f"no number in {str(text)[:60]!r}")
    return Decimal(match.group())


def money(text: object) -> Money:
    """An amount; more digits than the currency are refused."""
    return Money.of(number(text))


def day(text: object) -> date:
    """A date in ISO form."""
    return date.fromisoformat(str(text))


def whole(text: object) -> int:
    """A whole number."""
    value = number(text)
    if value != int(value):
        raise UnsupportedError(f"{str(text)[:60]!r} is not a whole number")
    return int(value)


def params(case: Case) -> Mapping[str, Any]:
    """What was agreed."""
    found = case["params"]
    if not isinstance(found, Mapping):
        raise UnsupportedError("params is not an object")
    return found


def first_of(values: Mapping[str, Any], *names: str) -> Any:
    """The first of some names for one thing that has a value, else None."""
    return next((values[name] for name in names if values.get(name) not in (None, "")), None)


def product(case: Case) -> str:
    """The source's product code."""
    return str(params(case).get("source_product_code", ""))


def engine(case: Case) -> str:
    """The source's engine and project, as it names them."""
    source = case.get("source")
    project = source.get("project", "") if isinstance(source, Mapping) else ""
    return f"{conventions(case).get('engine', '')} {project}"


def conventions(case: Case) -> Mapping[str, Any]:
    """Under which conventions; a case may leave them out."""
    found = case.get("conventions") or {}
    if not isinstance(found, Mapping):
        raise UnsupportedError("conventions is not an object")
    return found


def is_progressive(case: Case) -> bool:
    """Whether the case's engine solves instalments from each period's own rate."""
    return "PROGRESSIVE" in engine(case)


def is_cumulative(case: Case) -> bool:
    """Whether the case's engine is Apache Fineract's older schedule generator."""
    return not is_progressive(case) and "fineract" in engine(case).lower()


def is_frappe(case: Case) -> bool:
    return "frappe" in engine(case).lower()


def is_bare_calculator(case: Case) -> bool:
    """Whether the case drives the source's calculator itself: nothing falls overdue there by the passing of time."""
    source = case.get("source")
    return isinstance(source, Mapping) and "EMICalculator" in str(source.get("path", ""))


def is_flat(case: Case) -> bool:
    """Whether interest is on the original principal."""
    return str(params(case).get("interest_type", "")).upper() in ("FLAT", "FLAT_RATE", "SIMPLE_ON_PRINCIPAL")
