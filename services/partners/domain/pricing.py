"""What of the income on a partner's part is ours, by the partner's price.

The price is a part of what the borrower pays, not interest that accrues beside his: with a rate of the partner's own p on a
loan at r, p / r of the income is the partner's, so that it has p on its part exactly as far and as soon as the borrower
pays r. Of the running total of income under one such part, what is ours is rounded half even by the settlement, so the two
have the whole, and what is taken back takes its margin back.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Final

from libs.contracts.partners import FundingTerms, Price, Side

PLACES: Final = Decimal(1).scaleb(-20)
NOTHING: Final = Decimal(0)
TIMES_MAX: Final = 1000
"""What a price may be of the loan's rate; beyond that the two have nothing to do with one another."""


def margin_rate(price: Price | None, loan_rate: Decimal) -> Decimal | None:
    """What of the income is ours, 20 places; negative where we make up for a lower rate of the loan. None where the price
    is no part of the income: the loan bears no interest, or hardly any beside the price."""
    if price is None:
        return NOTHING
    if loan_rate == 0:
        return None
    with localcontext(prec=50):
        if price.annual_rate is not None:
            ours = 1 - price.annual_rate / loan_rate
            if price.shortfall is Side.PARTNER:
                ours = max(NOTHING, ours)
        else:
            assert price.spread is not None, "an agreement names one of the two"
            ours = price.spread / loan_rate
            if price.shortfall is Side.OWN:
                ours = min(Decimal(1), ours)
        return ours.quantize(PLACES, ROUND_HALF_EVEN) if abs(ours) < TIMES_MAX else None


def servicing_rate(terms: FundingTerms, margin: Decimal) -> Decimal:
    """The servicing fee as a part of the income, of which the partner has what the margin leaves; 20 places."""
    with localcontext(prec=50):
        return max(NOTHING, terms.servicing_fee_rate * (1 - margin)).quantize(PLACES, ROUND_HALF_EVEN)
