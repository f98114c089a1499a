"""What the law and the lender's own policy allow an agreement to say, each value with its dates and its source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from libs.contracts.contract import Agreement
from libs.lending.terms import FeeTiming

CURRENCY: Final = "CNY"
"""The currency whose amounts the templates can write in capitals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The values in force on one day."""

    all_in_annual_cost_max: Decimal
    """Interest and all fees a year over the principal in use, compound (IRR)."""
    overdue_rate_multiplier_max: Decimal
    """Overdue interest over contract interest."""
    fee_timings_forbidden: frozenset[FeeTiming]
    """Ways to charge a fee that leave the borrower with less than the principal he owes (Civil Code 670)."""
    reading_seconds_min: int
    """For how long the cost disclosure is shown before it can be confirmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRecord:
    """One version of one value: in force from a date until the next version's."""

    key: str
    value: str | int | list[str]
    effective_from: date
    source: str
    standing: str


class NoLimitInForce(LookupError):
    """The policy says nothing about a key on a day: complete it before contracts of that day are made."""


def limits_on(records: Iterable[LimitRecord], day: date) -> Limits:
    """The values in force on a day; raises `NoLimitInForce`."""
    in_force: dict[str, LimitRecord] = {}
    for record in sorted(records, key=lambda record: record.effective_from):
        if record.effective_from <= day:
            in_force[record.key] = record

    def value(key: str) -> str | int | list[str]:
        try:
            return in_force[key].value
        except KeyError:
            raise NoLimitInForce(f"{key} on {day.isoformat()}") from None

    forbidden, seconds = value("fee_timings_forbidden"), value("reading_seconds_min")
    assert isinstance(forbidden, list), "checked when the file is read"
    return Limits(
        all_in_annual_cost_max=Decimal(str(value("all_in_annual_cost_max"))),
        overdue_rate_multiplier_max=Decimal(str(value("overdue_rate_multiplier_max"))),
        fee_timings_forbidden=frozenset(FeeTiming(timing) for timing in forbidden),
        reading_seconds_min=int(str(seconds)),
    )


def within(agreement: Agreement, limits: Limits) -> Agreement:
    """The agreement, with a fixed rate where a raised one could cost more than the limit."""
    raised = agreement.disclosure.raised_irr_annual
    if raised is None or raised <= limits.all_in_annual_cost_max:
        return agreement
    disclosure = agreement.disclosure.model_copy(update={"raised_rate": None, "raised_irr_annual": None})
    return agreement.model_copy(update={"disclosure": disclosure, "rate_increase": None})


def violation(agreement: Agreement, limits: Limits) -> str | None:
    """The code of the first limit that an agreement breaks, None when it may be offered (R5.1)."""
    if agreement.terms.principal.currency != CURRENCY:
        return "currency-not-supported"
    if any(fee.timing in limits.fee_timings_forbidden for fee in agreement.terms.fees):
        return "upfront-deduction"
    if agreement.disclosure.irr_annual > limits.all_in_annual_cost_max:
        return "all-in-cost-over-limit"
    if (agreement.disclosure.raised_irr_annual or 0) > limits.all_in_annual_cost_max:
        return "raised-cost-over-limit"
    if agreement.request.product.overdue.rate_multiplier > limits.overdue_rate_multiplier_max:
        return "overdue-rate-over-limit"
    return None
