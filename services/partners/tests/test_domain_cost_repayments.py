"""What is paid back of a cost goes to who bore it, to the fen, in whatever parts and whatever is taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.ledger import RepaymentReceived, RepaymentReversed
from libs.contracts.partners import CostKind, CostRepaid, CostRepaymentReversed, LoanShared, MovementSplit
from libs.contracts.problems import Rejected
from libs.events.testing import Scenario
from libs.lending.money import Money
from services.partners.domain.cost_repayments import RepayCost, ReverseCostRepayment
from services.partners.domain.movements import Movement
from services.partners.domain.sharing import Sharing, SplitMovement
from services.partners.domain.split import apportion
from services.partners.handlers import SHARE
from services.partners.tests.test_domain_costs import COST, RECORD, REVERSE, REVERSED, SHARED, SOLD

REPAID = CostRepaid.model_validate(CostRepaid.example)
TAKEN_BACK = CostRepaymentReversed.model_validate(CostRepaymentReversed.example)
REPAY = RepayCost(
    cost_id=COST.cost_id,
    cost_repayment_id=REPAID.cost_repayment_id,
    amount=REPAID.amount,
    repayment_id="",
    received_on=REPAID.repaid_on,
    reference=REPAID.reference,
    by="finance-2",
    today=REPAID.recorded_on,
)
TAKE_BACK = ReverseCostRepayment(
    cost_id=COST.cost_id,
    cost_repayment_id=REPAID.cost_repayment_id,
    reason=TAKEN_BACK.reason,
    by="finance-1",
    today=TAKEN_BACK.reversed_on,
)


def received(fee: int, repayment_id: str = "r-1", on: date = date(2026, 7, 1)) -> SplitMovement:
    """A repayment that met so much of fees."""
    movement = Movement(on, {"interest": 180_00, "fee": fee}, repayment_id)
    return SplitMovement(movement_id=f"m-{repayment_id}", movement_type=RepaymentReceived.type_name, movement=movement)


def returned(fee: int, repayment_id: str = "r-1") -> SplitMovement:
    movement = Movement(date(2026, 8, 3), {"interest": -180_00, "fee": -fee}, repayment_id, undoes=True)
    return SplitMovement(
        movement_id=f"b-{repayment_id}",
        movement_type=RepaymentReversed.type_name,
        movement=movement,
        today=date(2026, 8, 3),
        by="service:partners",
    )


def after(*acts: Any, past: tuple[Any, ...] = (SHARED,)) -> Sharing:
    state = SHARE.replay(past)
    for act in acts:
        for event in SHARE.decide(act, state):
            state = SHARE.evolve(state, event)
    return state


def held(state: Sharing, account: str) -> dict[str, int]:
    assert state.book is not None
    return {funder: row[account] for funder, row in state.book.holdings().items() if row[account]}


def test_what_is_paid_back_goes_to_who_bore_it_and_another_takes_that_back() -> None:
    Scenario(SHARE).given(SHARED, COST).when(REPAY).then(REPAID)
    Scenario(SHARE).given(SHARED, COST, REPAID).when(TAKE_BACK).then(TAKEN_BACK)
    Scenario(SHARE).given(SHARED, COST, REPAID).when(replace(TAKE_BACK, by="finance-2")).refused("four-eyes")
    Scenario(SHARE).given(SHARED, COST, REPAID, TAKEN_BACK).when(TAKE_BACK).refused("cost-repayment-reversed")
    Scenario(SHARE).given(SHARED, COST).when(TAKE_BACK).refused("cost-repayment-not-found")
    assert held(after(past=(SHARED, COST, REPAID, TAKEN_BACK)), "cost") == held(after(past=(SHARED, COST)), "cost")


def test_a_cost_that_was_paid_back_is_not_taken_back_before_that_is() -> None:
    Scenario(SHARE).given(SHARED, COST, REPAID).when(REVERSE).refused("cost-repaid")
    Scenario(SHARE).given(SHARED, COST, REPAID, TAKEN_BACK).when(REVERSE).then(REVERSED)
    Scenario(SHARE).given(SHARED, COST, REVERSED).when(REPAY).refused("cost-reversed")


def test_it_goes_to_who_bore_it_though_others_hold_the_loan_now() -> None:
    """The partner bore 210.00 of it and has sold its part since."""
    (repaid,) = SHARE.decide(
        REPAY, SHARE.replay([SHARED, COST, SOLD.model_copy(update={"effective_from": date(2026, 7, 1)})])
    )
    assert isinstance(repaid, CostRepaid)
    assert {part.funder: part.amounts.cost.minor for part in repaid.parts} == {"harbour-bank": -70_00, "own": -30_00}


def test_a_fee_by_which_it_came_is_taken_from_who_had_it() -> None:
    """We bore the whole cost; the fee had been split by the shares."""
    ours = replace(RECORD, kind=CostKind.SERVICING)
    by_fee = replace(REPAY, repayment_id="r-1", received_on=None)
    state = after(ours, received(100_00), by_fee)
    assert (held(state, "fee"), held(state, "cost")) == ({}, {"own": 200_00})
    event = state.repaid.every[REPAY.cost_repayment_id]
    assert event.repaid_on == date(2026, 7, 1), "the date of the repayment"
    assert {part.funder: part.cash.minor for part in event.parts} == {"harbour-bank": -70_00, "own": 70_00}


def test_with_the_repayment_what_came_by_it_is_reversed() -> None:
    by_fee = replace(REPAY, repayment_id="r-1", received_on=None)
    before = after(RECORD, received(100_00), by_fee)
    split, reversed_ = SHARE.decide(returned(100_00), before)
    assert isinstance(split, MovementSplit)
    assert isinstance(reversed_, CostRepaymentReversed)
    assert (reversed_.repaid_on, reversed_.reversed_by) == (date(2026, 7, 1), "service:partners")
    state = SHARE.evolve(SHARE.evolve(before, split), reversed_)
    assert (held(state, "fee"), held(state, "cost")) == ({}, held(after(RECORD), "cost"))
    assert len(SHARE.decide(replace(returned(0), movement_id="again"), state)) == 1, "nothing is reversed twice"


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"amount": Money(1_00, "USD")}, "wrong-currency", "/amount/currency"),
        ({"amount": Money(300_01)}, "more-than-the-cost", "/amount"),
        ({"received_on": None}, "repayment-ambiguous", "/repayment_id"),
        ({"repayment_id": "r-1"}, "repayment-ambiguous", "/repayment_id"),
        ({"received_on": date(2026, 7, 4)}, "repayment-date-outside", "/received_on"),
        ({"received_on": date(2026, 6, 14)}, "repayment-date-outside", "/received_on"),
        ({"received_on": None, "repayment_id": "nobody"}, "fee-not-paid", "/amount"),
        ({"received_on": None, "repayment_id": "r-1", "amount": Money(50_01)}, "fee-not-paid", "/amount"),
        ({"cost_id": "nobody"}, "cost-not-found", None),
    ],
)
def test_what_was_not_paid_back_is_refused_by_member(change: dict[str, Any], code: str, field: str | None) -> None:
    [met] = SHARE.decide(received(50_00), SHARE.replay([SHARED]))
    refused = Scenario(SHARE).given(SHARED, COST, met).when(replace(REPAY, **change)).refused(code)
    assert getattr(refused, "field", None) == field


LENDERS = ("harbour-bank", "hill-bank", "own")
FEN = st.integers(1, 10**7)


@st.composite
def shares(draw: st.DrawFn) -> list[dict[str, Any]]:
    cuts = sorted(draw(st.lists(st.integers(1, 999_999), min_size=2, max_size=2, unique=True)))
    parts = (cuts[0], cuts[1] - cuts[0], 1_000_000 - cuts[1])
    return [{"funder": funder, "share_ppm": part} for funder, part in zip(LENDERS, parts, strict=True)]


@given(data=st.data(), shared=shares(), costs=st.lists(st.tuples(FEN, FEN), min_size=1, max_size=5))
def test_sums_are_the_whole_whatever_is_paid_back_and_taken_back(
    data: st.DataObject, shared: list[dict[str, Any]], costs: list[tuple[int, int]]
) -> None:
    """After each act every part adds up to the amount, and each lender has what follows from what is left of the costs."""
    state = SHARE.replay([LoanShared.model_validate(LoanShared.example | {"shares": shared})])
    left: dict[str, int] = {}
    for number, (amount, part) in enumerate(costs):
        cost_id, name = f"c-{number}", f"p-{number}"
        by_fee, undone = data.draw(st.booleans()), data.draw(st.booleans())
        paid = min(amount, part)
        acts: list[Any] = [replace(RECORD, cost_id=cost_id, amount=Money(amount), terms=None, partner="")]
        if by_fee:
            acts.append(received(paid, f"r-{number}"))
        how = {"repayment_id": f"r-{number}", "received_on": None} if by_fee else {}
        acts.append(replace(REPAY, cost_id=cost_id, cost_repayment_id=name, amount=Money(paid), **how))
        left[cost_id] = amount - paid
        if undone:
            acts.append(
                returned(paid, f"r-{number}") if by_fee else replace(TAKE_BACK, cost_id=cost_id, cost_repayment_id=name)
            )
            left[cost_id] = amount
        for act in acts:
            for event in SHARE.decide(act, state):
                if isinstance(event, CostRepaid):
                    assert sum(each.amounts.cost.minor for each in event.parts) == -paid
                    assert sum(each.amounts.fee.minor for each in event.parts) == (-paid if by_fee else 0)
                if isinstance(event, CostRepaymentReversed):
                    assert sum(each.amounts.cost.minor for each in event.parts) == paid
                    assert sum(each.cash.minor for each in event.parts) == (0 if by_fee else -paid)
                state = SHARE.evolve(state, event)
    assert state.book is not None
    by_ppm = tuple((each["funder"], each["share_ppm"]) for each in shared)
    parts = apportion(sum(left.values()), by_ppm, state.book.phase)
    assert held(state, "cost") == {funder: part for (funder, _), part in zip(by_ppm, parts, strict=True) if part}
    assert held(state, "fee") == {}


@given(amounts=st.lists(FEN, min_size=2, max_size=4))
def test_what_came_by_one_repayment_is_reversed_together_and_each_is_told_what_changed(amounts: list[int]) -> None:
    state = SHARE.replay([SHARED])
    acts: list[Any] = [received(sum(amounts))]
    for number, amount in enumerate(amounts):
        acts.append(replace(RECORD, cost_id=f"c-{number}", amount=Money(amount)))
        by_fee = {"repayment_id": "r-1", "received_on": None, "amount": Money(amount)}
        acts.append(replace(REPAY, cost_id=f"c-{number}", cost_repayment_id=f"p-{number}", **by_fee))
    for act in (*acts, returned(sum(amounts))):
        events = SHARE.decide(act, state)
        for event in events:
            before, state = state, SHARE.evolve(state, event)
            for account in ("cost", "fee"):
                told = {part.funder: getattr(part.amounts, account).minor for part in event.parts}
                for funder in ("harbour-bank", "own"):
                    change = held(state, account).get(funder, 0) - held(before, account).get(funder, 0)
                    assert told.get(funder, 0) == change
    assert len(events) == 1 + len(amounts)
    assert held(state, "cost") == held(after(replace(RECORD, amount=Money(sum(amounts)))), "cost")


@given(amount=FEN, cuts=st.lists(st.integers(0, 10**7), max_size=6))
def test_paid_back_in_whatever_parts_nothing_is_left_of_it(amount: int, cuts: list[int]) -> None:
    edges = sorted({0, amount, *(cut for cut in cuts if cut < amount)})
    acts = [replace(REPAY, cost_repayment_id=f"p-{end}", amount=Money(end - begin)) for begin, end in pairwise(edges)]
    sold = SOLD.model_copy(update={"effective_from": date(2026, 7, 1)})
    state = after(replace(RECORD, amount=Money(amount)), *acts, past=(SHARED, sold))
    assert held(state, "cost") == {}
    assert state.repaid.amount(cost_id=COST.cost_id) == amount
    with pytest.raises(Rejected, match="more-than-the-cost"):
        SHARE.decide(replace(REPAY, amount=Money(1)), state)
