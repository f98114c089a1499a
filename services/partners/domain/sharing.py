"""The decider of a shared loan: two people say who holds what, and every movement is split by what was in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final, TypeAlias

from libs.contracts.contract import CoLender
from libs.contracts.ledger import RepaymentReversed
from libs.contracts.partners import (
    BuyBackPriced,
    BuyBackProposed,
    BuyBackRefused,
    CostRepaid,
    CostRepaymentReversed,
    CostReversed,
    CostShared,
    FundedAmounts,
    FunderPart,
    FunderShare,
    LoanShared,
    MovementSplit,
    SharesTransferred,
    SharingProposed,
    TransferKind,
)
from libs.contracts.problems import Rejected, refuse_unless
from libs.lending.money import Money
from services.partners.domain import buy_back
from services.partners.domain.buy_back import ApproveBuyBack, PriceBuyBack, ProposeBuyBack
from services.partners.domain.cost_repayments import Repaid, RepayCost, ReverseCostRepayment, repaid_on
from services.partners.domain.cost_repayments import reversible as repayment_reversible
from services.partners.domain.costs import RecordCost, ReverseCost, bearing_of, refuse_cost, reversible
from services.partners.domain.movements import Movement
from services.partners.domain.split import (
    ACCOUNTS,
    TRANSFERRED,
    TRANSFERRED_INTEREST,
    Amounts,
    Book,
    Shares,
    SharesError,
    changes,
    check_shares,
)

CURRENCY: Final = "CNY"
REPAYMENT_REVERSED: Final = RepaymentReversed.type_name
REVERSED_IN_LEDGER: Final = "The repayment by which it came was reversed"
POOLED: Final = ("disbursed", "written_off", "recovered")
"""Accounts of which an agreement may say who bears what, whoever holds them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeSharing:
    """`registered`: the lenders there are, ourselves included."""

    loan_id: str
    shares: Shares
    effective_from: date
    registered: frozenset[str]
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveSharing:
    """`paid_out`: the loan was paid out while nobody shared it, so that what moved since was not split."""

    by: str
    today: date
    paid_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareAsAgreed:
    """The contract that was booked names its lenders."""

    loan_id: str
    lenders: Sequence[CoLender]
    contract: str
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitMovement:
    movement_id: str
    movement_type: str
    movement: Movement
    recorded_at: str = ""
    today: date = date.min
    by: str = ""
    """Who splits it; what follows from it is done by the same."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """A loan as its lenders hold it; no book while nobody approved how it is shared."""

    loan_id: str = ""
    proposed: SharingProposed | None = None
    book: Book | None = None
    value_dates: Mapping[str, date] = field(default_factory=dict)
    """On which date each repayment counted: what undoes it counts on the same."""
    last_moved: date = date.min
    """The latest date on which anything counted."""
    buy_back: buy_back.Proposal | None = None
    costs: Mapping[str, CostShared] = field(default_factory=dict)
    """Every cost that was recorded, whether or not it was taken back."""
    costs_reversed: frozenset[str] = frozenset()
    repaid: Repaid = field(default_factory=Repaid)


BuyBackCommand: TypeAlias = ProposeBuyBack | PriceBuyBack | ApproveBuyBack
BuyBackEvent: TypeAlias = BuyBackProposed | BuyBackPriced | BuyBackRefused
CostCommand: TypeAlias = RecordCost | ReverseCost
CostEvent: TypeAlias = CostShared | CostReversed
RepaidCommand: TypeAlias = RepayCost | ReverseCostRepayment
RepaidEvent: TypeAlias = CostRepaid | CostRepaymentReversed
Command: TypeAlias = (
    ProposeSharing | ApproveSharing | ShareAsAgreed | SplitMovement | BuyBackCommand | CostCommand | RepaidCommand
)
Event: TypeAlias = (
    SharingProposed | LoanShared | SharesTransferred | MovementSplit | BuyBackEvent | CostEvent | RepaidEvent
)
INITIAL: Final = Sharing()


def decide(command: Command, state: Sharing) -> Sequence[Event]:
    match command:
        case ProposeSharing():
            return [_proposed(command, state)]
        case ApproveSharing():
            return [_approved(command, state)]
        case ShareAsAgreed():
            return _as_agreed(command, state)
        case SplitMovement():
            return _split(command, state)
        case ProposeBuyBack() | PriceBuyBack() | ApproveBuyBack():
            return _buy_back(command, state)
        case RecordCost() | ReverseCost():
            return [_cost(command, state)]
        case RepayCost():
            return [_cost_repaid(command, state)]
        case ReverseCostRepayment():
            made = repayment_reversible(command, state.repaid)
            return [_repayment_reversed(made, _shared(state), state, command.reason, command.by, command.today)]


def evolve(state: Sharing, event: Event) -> Sharing:
    match event:
        case SharingProposed():
            return replace(state, loan_id=event.loan_id, proposed=event)
        case LoanShared():
            book = Book.begin(event.loan_id, shares_of(event.shares), event.effective_from)
            return replace(state, loan_id=event.loan_id, proposed=None, book=book)
        case SharesTransferred():
            assert state.book is not None, "shared before it is shared otherwise"
            earned = None if event.interest_earned is None else event.interest_earned.minor
            book = state.book.transfer(event.effective_from, shares_of(event.shares), earned)
            bought = (
                state.buy_back if event.kind is TransferKind.BUY_BACK else None
            )  # else worked out on the shares before
            done = replace(bought, done=True) if bought is not None else None
            return replace(state, proposed=None, book=book, buy_back=done)
        case MovementSplit():
            assert state.book is not None, "shared before it moves"
            dates = {**state.value_dates, event.repayment_id: event.effective_on} if event.repayment_id else None
            book = state.book.move(event.effective_on, minor(event.whole))
            last_moved = max(state.last_moved, event.effective_on)
            repaid = state.repaid.with_fee(event.repayment_id, event.whole.fee.minor)
            return replace(
                state, book=book, value_dates=dates or state.value_dates, last_moved=last_moved, repaid=repaid
            )
        case BuyBackProposed() | BuyBackPriced() | BuyBackRefused():
            return replace(state, buy_back=buy_back.evolve(state.buy_back, event))
        case CostShared():
            assert state.book is not None, "shared before it costs"
            book = state.book.bear(event.incurred_on, event.amount.minor, shares_of(event.bearing))
            last_moved = max(state.last_moved, event.incurred_on)
            return replace(state, book=book, costs={**state.costs, event.cost_id: event}, last_moved=last_moved)
        case CostReversed():
            assert state.book is not None, "shared before it costs"
            cost = state.costs[event.cost_id]
            book = state.book.bear(cost.incurred_on, -cost.amount.minor, shares_of(cost.bearing))
            return replace(state, book=book, costs_reversed=state.costs_reversed | {event.cost_id})
        case CostRepaid():
            book = _pay_back(_shared(state), event, state.costs[event.cost_id])
            last_moved = max(state.last_moved, event.repaid_on)
            return replace(state, book=book, repaid=state.repaid.with_(event), last_moved=last_moved)
        case CostRepaymentReversed():
            made = state.repaid.every[event.cost_repayment_id]
            book = _pay_back(_shared(state), made, state.costs[event.cost_id], back=True)
            return replace(state, book=book, repaid=state.repaid.with_(event))


def shares_of(shares: Sequence[FunderShare]) -> Shares:
    return tuple((share.funder, share.share_ppm) for share in shares)


def minor(amounts: FundedAmounts) -> Amounts:
    return {name: getattr(amounts, name).minor for name in ACCOUNTS}


def _proposed(command: ProposeSharing, state: Sharing) -> SharingProposed:
    try:
        check_shares(command.shares)
    except SharesError as error:
        raise Rejected("shares-not-whole", f"{str(error).capitalize()}.", field="/shares", status=422) from None
    unknown = sorted({funder for funder, _ in command.shares} - command.registered)
    refuse_unless(
        not unknown,
        "lender-unknown",
        f"No lender is registered as {', '.join(unknown)}; register it first.",
        field="/shares",
        status=422,
    )
    if state.book is not None:
        last = state.book.epochs[-1].since
        refuse_unless(
            command.effective_from > last,
            "shares-changed-later",
            f"The shares last changed on {last.isoformat()}; name a later date.",
            field="/effective_from",
            status=422,
        )
    return SharingProposed(
        loan_id=command.loan_id,
        shares=tuple(FunderShare(funder=funder, share_ppm=share) for funder, share in command.shares),
        effective_from=command.effective_from,
        proposed_by=command.by,
        proposed_on=command.today,
    )


def _approved(command: ApproveSharing, state: Sharing) -> LoanShared | SharesTransferred:
    proposed = state.proposed
    if proposed is None:
        raise Rejected("nothing-proposed", "Nobody proposed how this loan is shared; propose it first.")
    refuse_unless(
        command.by != proposed.proposed_by, "four-eyes", "Another person than who proposed it approves it.", status=403
    )
    if state.book is None:
        refuse_unless(
            not command.paid_out,
            "loan-paid-out-alone",
            "This loan was paid out by us alone, and what moved on it since belongs to us; only a loan that was shared "
            "before its payout is shared otherwise later.",
        )
        return LoanShared(
            loan_id=proposed.loan_id,
            shares=proposed.shares,
            effective_from=proposed.effective_from,
            proposed_by=proposed.proposed_by,
            approved_by=command.by,
            shared_on=command.today,
        )
    after = state.book.transfer(proposed.effective_from, shares_of(proposed.shares))
    return SharesTransferred(
        loan_id=proposed.loan_id,
        shares=proposed.shares,
        effective_from=proposed.effective_from,
        proposed_by=proposed.proposed_by,
        approved_by=command.by,
        parts=_parts(changes(state.book, after)),
        transferred_on=command.today,
    )


def _as_agreed(command: ShareAsAgreed, state: Sharing) -> Sequence[Event]:
    """What was proposed or approved by hand before gives way: the contract is what the borrower signed."""
    if state.book is not None and state.book.epochs[0].moved:
        return []
    return [
        LoanShared(
            loan_id=command.loan_id,
            shares=tuple(FunderShare(funder=each.funder, share_ppm=each.share_ppm) for each in command.lenders),
            effective_from=command.on,
            proposed_by=f"contract:{command.contract}",
            approved_by=f"contract:{command.contract}",
            shared_on=command.on,
        )
    ]


def _split(command: SplitMovement, state: Sharing) -> Sequence[Event]:
    if state.book is None:
        return []
    movement = command.movement
    on = state.value_dates.get(movement.repayment_id, movement.on) if movement.undoes else movement.on
    after = state.book.move(on, movement.amounts)
    undone = (
        state.repaid.standing(repayment_id=movement.repayment_id) if command.movement_type == REPAYMENT_REVERSED else ()
    )
    reversals, book = list[Event](), after
    for made in undone:  # what came back to nobody was paid back to nobody
        reversals.append(_repayment_reversed(made, book, state, REVERSED_IN_LEDGER, command.by, command.today))
        book = _pay_back(book, made, state.costs[made.cost_id], back=True)
    return [
        MovementSplit(
            loan_id=state.loan_id,
            movement_id=command.movement_id,
            movement_type=command.movement_type,
            repayment_id=movement.repayment_id,
            effective_on=on,
            whole=_funded(movement.amounts),
            parts=_parts(changes(state.book, after)),
            lenders=state.book.lenders_on(on) if any(movement.amounts.get(each) for each in POOLED) else (),
            recorded_at=command.recorded_at,
        ),
        *reversals,
    ]


def _buy_back(command: BuyBackCommand, state: Sharing) -> Sequence[Event]:
    book = _shared(state)
    match command:
        case ProposeBuyBack():
            return [buy_back.proposed(command, book, state.last_moved)]
        case PriceBuyBack():
            proposal = state.buy_back
            if proposal is None or proposal.done or proposal.proposed.proposal_id != command.proposal_id:
                return []  # another one has taken its place
            return [buy_back.priced(command, book, proposal.proposed)]
        case ApproveBuyBack():
            moved = buy_back.approved(command, book, state.last_moved, state.buy_back)
            assert state.buy_back is not None, "what is approved was proposed"
            return [_bought_back(command, state.buy_back, moved)]


def _bought_back(
    command: ApproveBuyBack, proposal: buy_back.Proposal, moved: Mapping[str, Amounts]
) -> SharesTransferred:
    asked, priced = proposal.proposed, proposal.priced
    assert priced is not None, "what is approved has a price"
    return SharesTransferred(
        loan_id=asked.loan_id,
        shares=asked.shares,
        effective_from=asked.effective_from,
        proposed_by=asked.proposed_by,
        approved_by=command.by,
        parts=_parts(moved),
        transferred_on=command.today,
        kind=TransferKind.BUY_BACK,
        interest_earned=priced.interest_earned,
    )


def _cost(command: CostCommand, state: Sharing) -> CostEvent:
    book = _shared(state)
    if isinstance(command, ReverseCost):
        cost = reversible(command, state.costs, state.costs_reversed)
        refuse_unless(
            not state.repaid.standing(cost_id=cost.cost_id),
            "cost-repaid",
            "Something was paid back of this cost; take that back first.",
        )
        after = book.bear(cost.incurred_on, -cost.amount.minor, shares_of(cost.bearing))
        return CostReversed(
            loan_id=state.loan_id,
            cost_id=cost.cost_id,
            incurred_on=cost.incurred_on,
            reason=command.reason,
            parts=_parts(changes(book, after)),
            reversed_by=command.by,
            reversed_on=command.today,
        )
    refuse_cost(command)
    bearing = bearing_of(command, book)
    return CostShared(
        loan_id=state.loan_id,
        cost_id=command.cost_id,
        kind=command.kind,
        amount=command.amount,
        incurred_on=command.incurred_on,
        reference=command.reference,
        bearing=tuple(FunderShare(funder=funder, share_ppm=share) for funder, share in bearing),
        parts=_parts(changes(book, book.bear(command.incurred_on, command.amount.minor, bearing))),
        recorded_by=command.by,
        recorded_on=command.today,
    )


def _cost_repaid(command: RepayCost, state: Sharing) -> CostRepaid:
    book, cost = _shared(state), state.costs.get(command.cost_id)
    if cost is None:
        raise Rejected("cost-not-found", "This loan has no cost with this identifier.", status=404)
    refuse_unless(command.cost_id not in state.costs_reversed, "cost-reversed", "This cost was taken back already.")
    made = CostRepaid(
        loan_id=state.loan_id,
        cost_id=command.cost_id,
        cost_repayment_id=command.cost_repayment_id,
        amount=command.amount,
        repaid_on=repaid_on(command, cost, state.repaid, state.value_dates),
        repayment_id=command.repayment_id,
        reference=command.reference,
        parts=(),
        recorded_by=command.by,
        recorded_on=command.today,
    )
    return made.model_copy(update={"parts": _parts(changes(book, _pay_back(book, made, cost)))})


def _repayment_reversed(
    made: CostRepaid, book: Book, state: Sharing, reason: str, by: str, today: date
) -> CostRepaymentReversed:
    after = _pay_back(book, made, state.costs[made.cost_id], back=True)
    return CostRepaymentReversed(
        loan_id=state.loan_id,
        cost_id=made.cost_id,
        cost_repayment_id=made.cost_repayment_id,
        repaid_on=made.repaid_on,
        reason=reason,
        parts=_parts(changes(book, after)),
        reversed_by=by,
        reversed_on=today,
    )


def _pay_back(book: Book, made: CostRepaid, cost: CostShared, *, back: bool = False) -> Book:
    """From the total on which the cost was split; a fee by which it came is none. `back`: as if it had not been."""
    amount = -made.amount.minor if back else made.amount.minor
    after = book.bear(cost.incurred_on, -amount, shares_of(cost.bearing))
    return after.move(made.repaid_on, {"fee": -amount}) if made.repayment_id else after


def _shared(state: Sharing) -> Book:
    if state.book is None:
        raise Rejected("loan-not-shared", "Nobody lends this loan with us.", status=404)
    return state.book


def _parts(rows: Mapping[str, Amounts]) -> tuple[FunderPart, ...]:
    return tuple(
        FunderPart(
            funder=funder,
            amounts=_funded(row),
            transferred=Money(row.get(TRANSFERRED, 0), CURRENCY),
            transferred_interest=Money(row.get(TRANSFERRED_INTEREST, 0), CURRENCY),
        )
        for funder, row in rows.items()
    )


def _funded(amounts: Amounts) -> FundedAmounts:
    return FundedAmounts(**{name: Money(amounts.get(name, 0), CURRENCY) for name in ACCOUNTS})
