"""What the lender offers on a request: never more than was asked for."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Final

from libs.contracts.approval import Offer
from libs.contracts.problems import refuse_unless
from libs.contracts.values import LoanRequest, Reason
from libs.lending.money import Money
from services.approval.domain.commands import ConsiderApplication, DecideCase, OfferTerms, RecommendDecision

BASIS_POINT: Final = Decimal("0.0001")
RATE_MAX: Final = 10
"""What the shared language admits as a rate a year; what a lender may charge is checked with the contract."""


def instalments_offered(request: LoanRequest) -> tuple[int, int]:
    """The fewest and the most instalments of the period asked for that the product has."""
    product, most = request.product, request.product.instalments_max
    if product.term_months_max is not None:
        most = min(most, product.term_months_max // request.period_months)
    return product.instalments_min, most


def make_offer(
    request: LoanRequest,
    terms: OfferTerms,
    conditions: tuple[Reason, ...],
    command: ConsiderApplication | RecommendDecision | DecideCase,
) -> Offer:
    """The offer on a request, with what a counter-offer changes; raises `Rejected` when it is more than asked for, or of
    so many instalments as the product does not have."""
    amount = request.amount if terms.amount is None else terms.amount
    instalments = request.instalments if terms.instalments is None else terms.instalments
    refuse_unless(
        amount.currency == request.amount.currency,
        "offer-currency",
        f"Offer an amount in {request.amount.currency}, as it was asked for.",
        field="/offer/amount",
        status=422,
    )
    refuse_unless(
        Money.zero(amount.currency) < amount <= request.amount,
        "offer-above-request",
        f"Offer an amount above zero and not above the {request.amount.amount} asked for.",
        field="/offer/amount",
        status=422,
    )
    fewest, most = instalments_offered(request)
    refuse_unless(
        fewest <= instalments <= most,
        "offer-instalments",
        f"The product has {fewest} to {most} instalments of {request.period_months} months: offer so many.",
        field="/offer/instalments",
        status=422,
    )
    rate = request.product.annual_rate + terms.annual_rate_adjust_bps * BASIS_POINT
    refuse_unless(
        0 <= rate <= RATE_MAX,
        "offer-rate",
        f"The product's rate is {request.product.annual_rate}; adjust it to a rate between 0 and {RATE_MAX}.",
        field="/offer/annual_rate_adjust_bps",
        status=422,
    )
    return Offer(
        amount=amount,
        instalments=instalments,
        period_months=request.period_months,
        method=request.method,
        annual_rate=rate,
        fees=request.product.fees,
        conditions=conditions,
        expires_on=command.today + timedelta(days=command.authority.offer_days),
    )
