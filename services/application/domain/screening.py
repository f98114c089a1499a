"""What there is for somebody before he applies: each product with what he may ask for, or why it is not for him.

By the rules that an application is measured by, and no others: who applies with the same particulars is admitted for
exactly what was offered.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from libs.contracts.application import Product, Segment
from libs.contracts.problems import refuse_unless
from libs.contracts.values import ApplicantKind, GuaranteeKind
from libs.lending.money import Money
from services.application.domain.eligibility import kind_and_age
from services.application.domain.finding import Finding, finding
from services.application.domain.segment import Profile, outside

POINTERS: Final = {"/product": "/kind", "/applicant_id": "/birth_date", "/instalments": "/birth_date"}
"""Where a prospect states what an application shows elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """Somebody who might apply; who he is need not be known."""

    kind: ApplicantKind
    birth_date: date | None
    profile: Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """What may be asked for with one kind of security."""

    guarantee: GuaranteeKind
    amount_min: Money
    amount_max: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How many instalments there may be of so many months each."""

    period_months: int
    instalments_min: int
    instalments_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Screened:
    """A product as it is for one prospect: either reasons against, or amounts and terms."""

    product: Product
    reasons: tuple[Finding, ...] = ()
    amounts: tuple[Amounts, ...] = ()
    terms: tuple[Terms, ...] = ()


def refuse_impossible(prospect: Prospect, today: date) -> None:
    """Raises `Rejected` for what nobody can be."""
    birth, registered = prospect.birth_date, prospect.profile.business.registered_on
    refuse_unless(
        birth is None or prospect.kind is ApplicantKind.PERSON,
        "birth-date-of-enterprise",
        "Leave the date of birth out: an enterprise has none.",
        field="/birth_date",
        status=422,
    )
    for code, pointer, day in (
        ("birth-date-later", "/birth_date", birth),
        ("business-registered-later", "/business/registered_on", registered),
    ):
        refuse_unless(
            day is None or day <= today,
            code,
            f"Send a date up to {today}, the business date.",
            field=pointer,
            status=422,
        )


def screen(product: Product, prospect: Prospect, today: date) -> Screened:
    """What the product in force today is for the prospect."""
    reasons = (*_who(product, prospect, today), *outside(product.segment or Segment(), prospect.profile, today))
    if reasons:
        return Screened(product=product, reasons=reasons)
    return Screened(product=product, amounts=_amounts(product), terms=_terms(product, prospect, today))


def _who(product: Product, prospect: Prospect, today: date) -> list[Finding]:
    shortest = product.instalments_min * min(product.period_months)
    found = kind_and_age(prospect.kind, prospect.birth_date, shortest, product, today)
    reasons = [replace(each, pointer=POINTERS[each.pointer]) for each in found]
    bounded = product.age_min is not None or product.age_max is not None
    if bounded and prospect.kind is ApplicantKind.PERSON and prospect.birth_date is None:
        reasons.append(finding("birth-date-not-stated", "/birth_date", "请填写出生日期", "State the date of birth"))
    return reasons


def _amounts(product: Product) -> tuple[Amounts, ...]:
    return tuple(
        Amounts(
            guarantee=kind,
            amount_min=product.amount_min,
            amount_max=product.unsecured_max
            if kind is GuaranteeKind.UNSECURED and product.unsecured_max is not None
            else product.amount_max,
        )
        for kind in product.guarantees
    )


def _terms(product: Product, prospect: Prospect, today: date) -> tuple[Terms, ...]:
    """Of each period the longest that ends in time; none of a period whose shortest does not."""

    def fits(months: int) -> bool:
        in_time = product.term_months_max is None or months <= product.term_months_max
        return in_time and not any(kind_and_age(prospect.kind, prospect.birth_date, months, product, today))

    found = []
    for period in sorted(product.period_months):
        counts = range(product.instalments_min, product.instalments_max + 1)
        most = max((count for count in counts if fits(count * period)), default=None)
        if most is not None:
            found.append(Terms(period_months=period, instalments_min=product.instalments_min, instalments_max=most))
    return tuple(found)
