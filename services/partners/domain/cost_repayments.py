"""What a borrower pays back of a cost that lenders bore: it goes to who bore it, in the proportion in which it was borne.

It is taken from the running total on which the cost was split (`costs`), under the date on which that arose: so what is paid
back in parts leaves each lender what is borne of the rest, and of a cost that is paid back in full nothing is left to
anybody. Where it came as a fee of the loan, by a repayment in the ledger, that was split by the shares on its date; the fee
is taken from the lenders as it was given to them, and is no income.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from libs.contracts.partners import CostRepaid, CostRepaymentReversed, CostShared
from libs.contracts.problems import Rejected, refuse_unless
from libs.lending.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class RepayCost:
    """Either `repayment_id` of the ledger, whose fees it is part of, or `received_on`: it came to us otherwise."""

    cost_id: str
    cost_repayment_id: str
    amount: Money
    repayment_id: str
    received_on: date | None
    reference: str
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseCostRepayment:
    cost_id: str
    cost_repayment_id: str
    reason: str
    by: str
    today: date


@dataclass(frozen=True, slots=True)
class Repaid:
    """What was paid back of costs, and of which of the ledger's repayments fees may be such."""

    every: Mapping[str, CostRepaid] = field(default_factory=dict)
    """Whether or not it was taken back."""
    reversed_: frozenset[str] = frozenset()
    fees_met: Mapping[str, int] = field(default_factory=dict)
    """By repayment, in minor units."""

    def standing(self, *, cost_id: str = "", repayment_id: str = "") -> list[CostRepaid]:
        """Those that were not taken back, of a cost or by one of the ledger's repayments."""
        return [
            each
            for each in self.every.values()
            if each.cost_repayment_id not in self.reversed_
            and (each.cost_id == cost_id or (repayment_id != "" and each.repayment_id == repayment_id))
        ]

    def amount(self, *, cost_id: str = "", repayment_id: str = "") -> int:
        return sum(each.amount.minor for each in self.standing(cost_id=cost_id, repayment_id=repayment_id))

    def with_fee(self, repayment_id: str, fee_minor: int) -> Repaid:
        if not repayment_id or not fee_minor:
            return self
        met = self.fees_met.get(repayment_id, 0) + fee_minor
        return replace(self, fees_met={**self.fees_met, repayment_id: met})

    def with_(self, event: CostRepaid | CostRepaymentReversed) -> Repaid:
        if isinstance(event, CostRepaid):
            return replace(self, every={**self.every, event.cost_repayment_id: event})
        return replace(self, reversed_=self.reversed_ | {event.cost_repayment_id})


def repaid_on(command: RepayCost, cost: CostShared, repaid: Repaid, value_dates: Mapping[str, date]) -> date:
    """The date on which it counts; raises `Rejected`."""
    refuse_unless(
        command.amount.currency == cost.amount.currency,
        "wrong-currency",
        f"The cost was in {cost.amount.currency}; record what was paid back of it in that.",
        field="/amount/currency",
        status=422,
    )
    left = cost.amount.minor - repaid.amount(cost_id=cost.cost_id)
    refuse_unless(
        command.amount.minor <= left,
        "more-than-the-cost",
        f"Name at most {Money(left).amount}: what of this cost was not paid back yet.",
        field="/amount",
        status=422,
    )
    refuse_unless(
        (command.repayment_id == "") != (command.received_on is None),
        "repayment-ambiguous",
        "Name the ledger's repayment by whose fees it came (`repayment_id`), or the date on which the money came "
        "otherwise (`received_on`), one of the two.",
        field="/repayment_id",
        status=422,
    )
    if command.received_on is not None:
        refuse_unless(
            cost.incurred_on <= command.received_on <= command.today,
            "repayment-date-outside",
            f"Name a date from {cost.incurred_on.isoformat()}, when the cost arose, to {command.today.isoformat()}, the "
            "business date.",
            field="/received_on",
            status=422,
        )
        return command.received_on
    free = repaid.fees_met.get(command.repayment_id, 0) - repaid.amount(repayment_id=command.repayment_id)
    refuse_unless(
        command.amount.minor <= free,
        "fee-not-paid",
        f"Of the fees that this repayment met, {Money(max(0, free)).amount} can be a cost that is paid back: name at most "
        "that, or charge the cost in the ledger first.",
        field="/amount",
        status=422,
    )
    return value_dates[command.repayment_id]


def reversible(command: ReverseCostRepayment, repaid: Repaid) -> CostRepaid:
    """What is taken back; raises `Rejected`."""
    made = repaid.every.get(command.cost_repayment_id)
    if made is None or made.cost_id != command.cost_id:
        raise Rejected("cost-repayment-not-found", "Nothing was paid back of this cost under this name.", status=404)
    refuse_unless(
        command.cost_repayment_id not in repaid.reversed_, "cost-repayment-reversed", "This was taken back already."
    )
    refuse_unless(
        command.by != made.recorded_by, "four-eyes", "Another person than who recorded it takes it back.", status=403
    )
    return made
