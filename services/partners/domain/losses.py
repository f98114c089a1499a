"""Who bears losses under an agreement: a function of what was lent and lost under one version of it.

Each lender bears its own part of what is written off, and has its own part of what is recovered. Where the agreement names
who bears losses first, that side pays the other what it bears in its place. With L lost in all (written off less
recovered), P of it the partner's, and the cap C:

    borne first = min(L, C), and the other side is paid round(its own part of L · borne first / L), half even

So up to the cap the bearer bears everything, beyond it both bear by their parts; the two together bear L, always. Since
only running totals count, a recovery gives back in the reverse order what was borne, whatever is taken back or comes late
leaves what there would be without it, and it is of no consequence how often it is settled.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from libs.contracts.partners import FirstLoss, PoolAmounts, Side
from libs.lending.money import Money


@dataclass(frozen=True, slots=True)
class Pool:
    """Running totals, in minor units, of loans under one version of an agreement while its partner held a share."""

    lent: int = 0
    lost: int = 0
    partner_lost: int = 0

    def __add__(self, other: Pool) -> Pool:
        return Pool(self.lent + other.lent, self.lost + other.lost, self.partner_lost + other.partner_lost)


def cap_minor(terms: FirstLoss, lent_minor: int) -> int:
    """Up to what one side bears losses first; a part of what was lent is rounded down."""
    caps = []
    if terms.cap is not None:
        caps.append(terms.cap.minor)
    if terms.cap_rate is not None:
        caps.append(int((terms.cap_rate * lent_minor).quantize(Decimal(1), ROUND_DOWN)))
    return max(0, min(caps, default=0))


def paid_to_partner(terms: FirstLoss, pool: Pool) -> int:
    """What we pay the partner in all of losses that we bear first; negative where the partner bears them."""
    if pool.lost <= 0:
        return 0
    borne = min(pool.lost, cap_minor(terms, pool.lent))
    if terms.bearer is Side.OWN:
        return _part(pool.partner_lost, borne, pool.lost)
    return -_part(pool.lost - pool.partner_lost, borne, pool.lost)


def _part(amount_minor: int, borne_minor: int, lost_minor: int) -> int:
    """amount · borne / lost, half even, in whole numbers."""
    quotient, rest = divmod(amount_minor * borne_minor, lost_minor)
    more = 2 * rest > lost_minor or (2 * rest == lost_minor and quotient % 2 == 1)
    return quotient + more


def pool_of(amounts: PoolAmounts) -> Pool:
    return Pool(amounts.lent.minor, amounts.lost.minor, amounts.partner_lost.minor)


def amounts_of(pool: Pool) -> PoolAmounts:
    return PoolAmounts(lent=Money(pool.lent), lost=Money(pool.lost), partner_lost=Money(pool.partner_lost))
