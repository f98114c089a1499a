"""The decider: a product's versions, each in force from its effective date until the next one's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

from libs.contracts.application import Product, ProductDefined, ProductWithdrawn, Segment
from libs.contracts.problems import Rejected, refuse_unless
from libs.contracts.values import GuaranteeKind, ProductTerms
from libs.lending.annual_cost import AnnualCostError
from libs.lending.terms import RepaymentMethod, TermsError
from services.application.domain.cost import dearest_loan
from services.application.domain.identity import PROVINCES

METHODS: Final = (
    RepaymentMethod.EQUAL_INSTALMENT,
    RepaymentMethod.EQUAL_PRINCIPAL,
    RepaymentMethod.INTEREST_ONLY_BALLOON,
    RepaymentMethod.BULLET,
)
"""Those that need no further parameter of the product (R2.2)."""
SHAPED: Final = (RepaymentMethod.STEPPED, RepaymentMethod.IRREGULAR)
"""Those that a schedule of the product says more of (R2.3, R2.4)."""
RISE: Final = "/rate_increase/increase_max"
TERM_MONTHS_MAX: Final = 360
"""The most that a published request can carry (`LoanRequest.instalments`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostCap:
    """The most that a loan may cost a year, all in, and the rule that says so."""

    rate: Decimal
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DefineProduct:
    """Put a version on record. Its number follows from the versions there are; `cap` is that of its effective date."""

    product: Product
    cap: CostCap
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawProduct:
    """Take no new application for the product from a date on."""

    code: str
    effective_from: date
    reason: str
    today: date


@dataclass(frozen=True, slots=True)
class State:
    """All versions in the order of their definition, which is that of their effective dates."""

    versions: tuple[Product, ...] = ()
    withdrawn_from: date | None = None

    def in_force(self, on: date) -> Product | None:
        """The version that an application is measured by on a date."""
        if self.withdrawn_from is not None and on >= self.withdrawn_from:
            return None
        return next((each for each in reversed(self.versions) if each.effective_from <= on), None)


Command = DefineProduct | WithdrawProduct
Event = ProductDefined | ProductWithdrawn
INITIAL: Final = State()


def decide(command: Command, state: State) -> Sequence[Event]:
    match command:
        case DefineProduct():
            return _define(command, state)
        case WithdrawProduct():
            return _withdraw(command, state)


def evolve(state: State, event: Event) -> State:
    match event:
        case ProductDefined():
            return replace(state, versions=(*state.versions, event.product))
        case ProductWithdrawn():
            return replace(state, withdrawn_from=event.effective_from)


def terms_of(product: Product) -> ProductTerms:
    """What later steps need to know of the product."""
    return ProductTerms(
        code=product.code,
        version=product.version,
        name=product.name,
        kind=product.kind,
        annual_rate=product.annual_rate,
        day_count=product.day_count,
        fees=product.fees,
        overdue=product.overdue,
        allocation=product.allocation,
        schedules=product.schedules,
        prepayment_fee_rate=product.prepayment_fee_rate,
        rate_increase=product.rate_increase,
        guarantees=product.guarantees,
        instalments_min=product.instalments_min,
        instalments_max=product.instalments_max,
        term_months_max=product.term_months_max,
    )


def _define(command: DefineProduct, state: State) -> Sequence[Event]:
    product = command.product.model_copy(update={"version": len(state.versions) + 1})
    if state.withdrawn_from is not None:
        raise Rejected("product-withdrawn", "This product was withdrawn; define a new one under another code.")
    _not_in_the_past(product.effective_from, command.today)
    if state.versions:
        latest = state.versions[-1].effective_from
        _refuse_unless(
            product.effective_from >= latest,
            "product-date-order",
            f"Let it take effect on {latest} or later, when the version before it does.",
            "/effective_from",
        )
    _consistent(product)
    _affordable(product, command.cap)
    return [ProductDefined(product=product)]


def _withdraw(command: WithdrawProduct, state: State) -> Sequence[Event]:
    if not state.versions:
        raise Rejected("product-unknown", "There is no product with this code.", status=404)
    if state.withdrawn_from is not None:
        raise Rejected("product-withdrawn", f"This product is withdrawn already, from {state.withdrawn_from} on.")
    _not_in_the_past(command.effective_from, command.today)
    return [ProductWithdrawn(code=command.code, effective_from=command.effective_from, reason=command.reason)]


def _not_in_the_past(day: date, today: date) -> None:
    _refuse_unless(
        day >= today,
        "effective-date-past",
        f"Send {today} (the business date) or a later date: what was in force on past dates stays as it was.",
        "/effective_from",
    )


def _consistent(product: Product) -> None:
    """The ranges hold something, and what belongs together fits together."""
    low, high = product.amount_min, product.amount_max
    same_currency = low.currency == high.currency and (
        product.unsecured_max is None or product.unsecured_max.currency == low.currency
    )
    _refuse_unless(same_currency, "product-currency", "Give all amounts in one currency.", "/amount_max")
    _refuse_unless(low.minor > 0, "product-amounts", "Lend more than nothing.", "/amount_min")
    _refuse_unless(low <= high, "product-amounts", "Let the highest amount be at least the lowest.", "/amount_max")
    _refuse_unless(
        product.instalments_min <= product.instalments_max,
        "product-instalments",
        "Let the highest number of instalments be at least the lowest.",
        "/instalments_max",
    )
    longest = product.term_months_max or product.instalments_max * max(product.period_months, default=1)
    _refuse_unless(
        max(longest, product.instalments_max) <= TERM_MONTHS_MAX,
        "product-term",
        f"Keep the longest term within {TERM_MONTHS_MAX} months; `term_months_max` bounds it.",
        "/term_months_max",
    )
    for name in ("applicants", "period_months", "methods", "guarantees", "purposes", "channels"):
        values = getattr(product, name)
        unique = len(values) > 0 and len(set(values)) == len(values)
        _refuse_unless(unique, "product-choices", "Name at least one, and each once.", f"/{name}")
    _refuse_unless(
        set(product.methods) <= {*METHODS, *SHAPED},
        "product-method",
        f"Offer only {', '.join((*METHODS, *SHAPED))}: the others need terms that a product does not have.",
        "/methods",
    )
    _schedules_fit(product)
    types = [rule.type for rule in product.documents]
    _refuse_unless(len(set(types)) == len(types), "product-choices", "Name each document type once.", "/documents")
    if product.unsecured_max is not None:
        fits = GuaranteeKind.UNSECURED in product.guarantees and low <= product.unsecured_max <= high
        _refuse_unless(
            fits,
            "product-unsecured",
            "Give a limit within the amounts, and only where UNSECURED is among the guarantees.",
            "/unsecured_max",
        )
    if product.age_min is not None and product.age_max is not None:
        _refuse_unless(
            product.age_min <= product.age_max,
            "product-ages",
            "Let the highest age be at least the lowest.",
            "/age_max",
        )
    if product.segment is not None:
        _segment_fits(product.segment, low.currency)


def _segment_fits(segment: Segment, currency: str) -> None:
    """It says something, each thing once, and every range in it holds something."""
    _refuse_unless(
        segment != Segment(region_of_identity=segment.region_of_identity),
        "product-segment",
        "Give the segment a rule, or leave it out.",
        "/segment",
    )
    codes = [region.code for region in segment.regions]
    _refuse_unless(
        all(code[:2] in PROVINCES for code in codes),
        "product-segment",
        "Begin each region with the two digits of a province (GB/T 2260).",
        "/segment/regions",
    )
    _refuse_unless(
        not any(one.startswith(other) for n, one in enumerate(codes) for m, other in enumerate(codes) if n != m),
        "product-segment",
        "Name each region once, and none that lies in another.",
        "/segment/regions",
    )
    _refuse_unless(
        len(set(segment.industries)) == len(segment.industries),
        "product-segment",
        "Name each industry once.",
        "/segment/industries",
    )
    least, most = segment.business_years_min, segment.business_years_max
    _refuse_unless(
        least is None or most is None or least <= most,
        "product-segment",
        "Let the most years in business be at least the least.",
        "/segment/business_years_max",
    )
    low, high = segment.annual_turnover_min, segment.annual_turnover_max
    _refuse_unless(
        all(each is None or each.currency == currency for each in (segment.monthly_income_min, low, high)),
        "product-currency",
        f"Give income and turnover in {currency}, as the amounts.",
        "/segment",
    )
    _refuse_unless(
        low is None or high is None or low <= high,
        "product-segment",
        "Let the highest turnover be at least the lowest.",
        "/segment/annual_turnover_max",
    )


def _schedules_fit(product: Product) -> None:
    """Each says something, of a method that is offered, and what that method can do."""
    named = [rule.method for rule in product.schedules]
    _refuse_unless(
        len(set(named)) == len(named) and set(named) <= set(product.methods),
        "product-schedule",
        "Give one schedule at most for each method that is offered.",
        "/schedules",
    )
    unsaid = [method for method in product.methods if method in SHAPED and method not in named]
    _refuse_unless(
        not unsaid,
        "product-schedule",
        f"Say in `schedules` how {', '.join(unsaid)} is repaid: by `yearly_step` (STEPPED) or `season_months` (IRREGULAR).",
        "/schedules",
    )
    for rule in product.schedules:
        _refuse_unless(
            (rule.yearly_step is not None) == (rule.method is RepaymentMethod.STEPPED)
            and bool(rule.season_months) == (rule.method is RepaymentMethod.IRREGULAR),
            "product-schedule",
            "`yearly_step` belongs to STEPPED, `season_months` to IRREGULAR, and each is needed there.",
            "/schedules",
        )
        whole = rule.method in (
            RepaymentMethod.BULLET,
            RepaymentMethod.INTEREST_ONLY_BALLOON,
            RepaymentMethod.IRREGULAR,
        )
        _refuse_unless(
            not whole or (rule.principal_grace == 0 and rule.balloon_share is None),
            "product-schedule",
            f"{rule.method} says itself when principal falls due: leave `principal_grace` and `balloon_share` out.",
            "/schedules",
        )
        _refuse_unless(
            rule.balloon_share is None or 0 < rule.balloon_share < 1,
            "product-schedule",
            "`balloon_share` is a fraction between 0 and 1.",
            "/schedules",
        )
        _refuse_unless(
            len(set(rule.season_months)) == len(rule.season_months),
            "product-schedule",
            "Name each month of the season once.",
            "/schedules",
        )


def _affordable(product: Product, cap: CostCap) -> None:
    """Also with the rate raised as far as the product's clause admits."""
    try:
        dearest = dearest_loan(product)
    except (TermsError, AnnualCostError) as error:
        raise Rejected(
            "product-fee", f"No loan can be made of these terms: {error}.", field="/fees", status=422
        ) from None
    _refuse_unless(
        dearest.cost <= cap.rate,
        "all-in-cost-over-cap",
        f"Lower the rate or the fees: {dearest.terms.principal} in {dearest.terms.instalments} instalments "
        f"({dearest.terms.method}) costs {dearest.cost * 100:.2f} % a year all in, and {cap.rate * 100:.2f} % is the "
        f"most that is allowed ({cap.source}).",
        "/annual_rate",
    )
    rule = product.rate_increase
    if rule is not None:
        _refuse_unless(
            rule.increase_max > 0, "product-rate-increase", "Let the clause admit a rise, or leave it out.", RISE
        )
        _refuse_unless(
            not product.prepayment_fee_rate,
            "product-rate-increase",
            "Who is told of a higher rate may repay at no fee: take none for early repayment, or leave the clause out.",
            "/prepayment_fee_rate",
        )
        raised = dearest_loan(product.model_copy(update={"annual_rate": product.annual_rate + rule.increase_max}))
        _refuse_unless(
            raised.cost <= cap.rate,
            "all-in-cost-over-cap",
            f"Lower the rise: with the rate raised so far, {raised.terms.principal} in {raised.terms.instalments} "
            f"instalments ({raised.terms.method}) costs {raised.cost * 100:.2f} % a year all in, and "
            f"{cap.rate * 100:.2f} % is the most that is allowed ({cap.source}).",
            RISE,
        )


def _refuse_unless(condition: bool, code: str, detail: str, field: str) -> None:
    refuse_unless(condition, code, detail, field=field, status=422)
