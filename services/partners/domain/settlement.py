"""The decider of settlements with a partner: what moved since the last one, netted into one payment.

The servicing fee of a settlement is what the rounded fee on the running total changes by (half even). So nothing is lost
or made by rounding over time, and what takes a receipt back takes its fee back. What one side bears of the other's losses is
worked out in the same way (`losses`); fixed fees are added up (`fixed_fees`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, TypeAlias

from libs.contracts.partners import FeeEvery, FirstLoss, FixedFeeCharged, FundedAmounts, SettlementMade, SettlementPaid
from libs.contracts.problems import Rejected, refuse_unless
from libs.contracts.types import plain
from libs.lending.money import Money
from services.partners.domain.losses import Pool, amounts_of, paid_to_partner, pool_of

CURRENCY: Final = "CNY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """`amounts` and the rest are sums of the partner's parts; `fee_bases` are minor units that bear a servicing fee, by
    its rate."""

    settlement_id: str
    partner: str
    amounts: FundedAmounts
    transferred: Money
    transferred_interest: Money
    funded: Money
    fee_bases: Mapping[Decimal, int]
    movements: int
    file_sha256: str
    on: date
    pools: Mapping[str, tuple[FirstLoss, Pool]] = field(default_factory=dict)
    """By version of an agreement: who bears losses first, and what moved."""
    price_bases: Mapping[Decimal, int] = field(default_factory=dict)
    """Minor units of income of which this rate is ours; negative where we pay the partner more than comes in."""
    loan_fees_minor: int = 0
    """Fixed fees for loans, which are on the lines of these."""
    fixed_fees: Sequence[FixedFeeCharged] = ()
    """For months and for this settlement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPayment:
    settlement_id: str
    bank_reference: str
    value_date: date
    by: str
    today: date


@dataclass(frozen=True, slots=True)
class Settlements:
    """The settlements with a partner, and the totals on which its fees stand."""

    made: Mapping[str, SettlementMade] = field(default_factory=dict)
    """Those that are not paid."""
    paid: Mapping[str, SettlementPaid] = field(default_factory=dict)
    bases: Mapping[str, int] = field(default_factory=dict)
    price_bases: Mapping[str, int] = field(default_factory=dict)
    pools: Mapping[str, Pool] = field(default_factory=dict)
    months: Mapping[str, date] = field(default_factory=dict)
    """The last day of the last month for which a fixed fee was charged, by agreement."""
    last: date | None = None


Command: TypeAlias = Settle | RecordPayment
Event: TypeAlias = SettlementMade | SettlementPaid
INITIAL: Final = Settlements()


def decide(command: Command, state: Settlements) -> Sequence[Event]:
    match command:
        case Settle():
            return [_settled(command, state)]
        case RecordPayment():
            return _paid(command, state)


def evolve(state: Settlements, event: Event) -> Settlements:
    match event:
        case SettlementMade():
            pools = dict(state.pools)
            for version, moved in event.pools.items():
                pools[version] = pools.get(version, Pool()) + pool_of(moved)
            made = {**state.made, event.settlement_id: event}
            return replace(
                state,
                made=made,
                bases=_plus(state.bases, event.fee_bases),
                price_bases=_plus(state.price_bases, event.price_bases),
                pools=pools,
                months={**state.months, **_months(event.fixed_fees)},
                last=event.settled_on,
            )
        case SettlementPaid():
            unpaid = {each: settlement for each, settlement in state.made.items() if each != event.settlement_id}
            return replace(state, made=unpaid, paid={**state.paid, event.settlement_id: event})


def fee_minor(rate: Decimal, base_minor: int) -> int:
    """The fee on a running total, half even."""
    return int((rate * base_minor).quantize(Decimal(1), ROUND_HALF_EVEN))


def _plus(before: Mapping[str, int], more: Mapping[str, Money]) -> Mapping[str, int]:
    return {**before, **{rate: before.get(rate, 0) + base.minor for rate, base in more.items()}}


def _months(fees: Sequence[FixedFeeCharged]) -> Mapping[str, date]:
    return {fee.agreement: fee.charged_on for fee in fees if fee.per is FeeEvery.MONTH}  # in the order of the months


def _due(bases: Mapping[Decimal, int], before: Mapping[str, int]) -> Money:
    """What the rounded fees on running totals change by."""
    fee = 0
    for rate, base in bases.items():
        so_far = before.get(plain(rate), 0)
        fee += fee_minor(rate, so_far + base) - fee_minor(rate, so_far)
    return Money(fee, CURRENCY)


def _settled(command: Settle, state: Settlements) -> SettlementMade:
    first_loss = 0
    for version, (terms, moved) in command.pools.items():
        pool = state.pools.get(version, Pool())
        first_loss += paid_to_partner(terms, pool + moved) - paid_to_partner(terms, pool)
    servicing_fee, borne = _due(command.fee_bases, state.bases), Money(first_loss, CURRENCY)
    bought = command.transferred + command.transferred_interest
    margin = _due(command.price_bases, state.price_bases)
    fixed_fee = Money(command.loan_fees_minor + sum(fee.amount.minor for fee in command.fixed_fees), CURRENCY)
    return SettlementMade(
        settlement_id=command.settlement_id,
        partner=command.partner,
        amounts=command.amounts,
        transferred=command.transferred,
        transferred_interest=command.transferred_interest,
        funded=command.funded,
        fee_bases={plain(rate): Money(base, CURRENCY) for rate, base in command.fee_bases.items()},
        servicing_fee=servicing_fee,
        price_bases={plain(rate): Money(base, CURRENCY) for rate, base in command.price_bases.items()},
        price_margin=margin,
        pools={version: amounts_of(moved) for version, (_, moved) in command.pools.items()},
        first_loss=borne,
        fixed_fees=tuple(command.fixed_fees),
        fixed_fee=fixed_fee,
        net=command.amounts.cash + command.funded - bought - servicing_fee - margin + borne - fixed_fee,
        movements=command.movements,
        file_sha256=command.file_sha256,
        settled_on=command.on,
    )


def _paid(command: RecordPayment, state: Settlements) -> Sequence[Event]:
    done = state.paid.get(command.settlement_id)
    if done is not None and done.bank_reference == command.bank_reference:
        return []
    made = state.made.get(command.settlement_id)
    if made is None:
        code = "settlement-paid" if done else "settlement-not-found"
        detail = "This settlement was paid under another reference." if done else "There is no such settlement."
        raise Rejected(code, detail, status=409 if done else 404)
    refuse_unless(
        command.value_date <= command.today,
        "value-date-later",
        f"Name a value date up to {command.today.isoformat()}, the business date.",
        field="/value_date",
        status=422,
    )
    return [
        SettlementPaid(
            settlement_id=made.settlement_id,
            partner=made.partner,
            net=made.net,
            bank_reference=command.bank_reference,
            value_date=command.value_date,
            recorded_by=command.by,
            paid_on=command.today,
        )
    ]
