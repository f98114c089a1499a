"""What servicing or recovering a shared loan has cost: who bears it, and that each bears its part to the fen.

Each cost is split on the running total of those that the same lenders bear in the same proportion (`split`), so costs of
many small amounts fall to nobody's rounding, and one that is taken back leaves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from libs.contracts.partners import OWN, SHARE_PARTS, CostKind, CostShared, FundingTerms
from libs.contracts.problems import Rejected, refuse_unless
from libs.lending.money import Money
from services.partners.domain.split import Book, Shares

CURRENCY = "CNY"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCost:
    """`terms` are those of the agreement with `partner` under which the loan is funded; None where it was shared by hand."""

    cost_id: str
    kind: CostKind
    amount: Money
    incurred_on: date
    reference: str
    partner: str
    terms: FundingTerms | None
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseCost:
    cost_id: str
    reason: str
    by: str
    today: date


def bearing_of(command: RecordCost, book: Book) -> Shares:
    """By the agreement while its partner holds a part of the loan; else by the shares on the date."""
    shares = book.shares_on(command.incurred_on)
    if command.terms is None or command.partner not in dict(shares):
        return shares
    rule = next((rule for rule in command.terms.costs if rule.kind is command.kind), None)
    if rule is None:
        return ((OWN, SHARE_PARTS),)
    if rule.partner_ppm is None:
        return shares
    both = (command.partner, rule.partner_ppm), (OWN, SHARE_PARTS - rule.partner_ppm)
    return tuple((funder, share) for funder, share in both if share)


def refuse_cost(command: RecordCost) -> None:
    refuse_unless(
        command.amount.currency == CURRENCY,
        "wrong-currency",
        f"Shared loans are in {CURRENCY}; record what was paid in it.",
        field="/amount/currency",
        status=422,
    )
    refuse_unless(
        command.incurred_on <= command.today,
        "cost-date-later",
        f"Name a date up to {command.today.isoformat()}, the business date: a cost is recorded once it has arisen.",
        field="/incurred_on",
        status=422,
    )


def reversible(command: ReverseCost, costs: Mapping[str, CostShared], reversed_: frozenset[str]) -> CostShared:
    """The cost that is taken back; raises `Rejected`."""
    cost = costs.get(command.cost_id)
    if cost is None:
        raise Rejected("cost-not-found", "This loan has no cost with this identifier.", status=404)
    refuse_unless(command.cost_id not in reversed_, "cost-reversed", "This cost was taken back already.")
    refuse_unless(
        command.by != cost.recorded_by, "four-eyes", "Another person than who recorded it takes it back.", status=403
    )
    return cost
