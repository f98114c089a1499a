"""What holds for every promise, whatever comes in and is taken back, in whatever order."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.collections import PromiseBroken, PromiseKept, RepaymentNoted
from libs.lending.money import Money
from services.collections.domain.commands import ExpirePromise, FollowArrears, NoteRepayment
from services.collections.domain.promise import Promise, PromiseStatus
from services.collections.domain.state import State, Status
from services.collections.handlers import CASE
from services.collections.tests.rules import POLICY, TODAY
from services.collections.tests.test_domain_case import OPENED, PROMISED

Move = tuple[int, int, bool]
"""Amount in fen, days after the promise of its value date, whether it is taken back later."""

moves = st.lists(st.tuples(st.integers(1, 80_000), st.integers(-3, 12), st.booleans()), max_size=8)


def note(number: int, amount: int, value_date: date, today: date) -> NoteRepayment:
    return NoteRepayment(
        repayment_id=f"r{number}",
        amount=Money(amount),
        value_date=value_date,
        overdue=Money(100_000),
        days_past_due=3,
        today=today,
    )


def after(state: State, command: object) -> State:
    return CASE.replay(CASE.decide(command, state), state)  # type: ignore[arg-type]  # any of the case's commands


def promise_of(state: State) -> Promise:
    assert state.promise is not None
    return state.promise


def run(moves: list[Move], days: int) -> State:
    """The case after this money, known on its value date, and the mornings until `days` after the promise."""
    state = CASE.replay([OPENED, PROMISED])
    for day in range(-3, days + 1):
        today = TODAY + timedelta(days=day)
        state = after(state, ExpirePromise(promise_id="promise-1", today=today))
        for number, (amount, value, _) in enumerate(moves):
            if value == day:
                state = after(state, note(number, amount, today, today))
    for number, (amount, value, taken_back) in enumerate(moves):
        if taken_back and value <= days:
            today = TODAY + timedelta(days=days)
            state = after(state, note(number, -amount, today, today))
    return state


@given(moves)
def test_a_promise_counts_the_money_of_its_days_and_nothing_else(moves: list[Move]) -> None:
    promise = promise_of(run(moves, 12))
    in_time = sum(amount for amount, day, taken_back in moves if 0 <= day <= 6 and not taken_back)
    assert promise.paid == Money(in_time)
    assert (promise.status is PromiseStatus.KEPT) == (in_time >= promise.amount.minor)
    assert promise.status is not PromiseStatus.OPEN


@given(moves, st.randoms(use_true_random=False))
def test_the_order_in_which_money_and_mornings_are_known_does_not_change_the_outcome(
    moves: list[Move], random: object
) -> None:
    in_order = promise_of(run([(amount, day, False) for amount, day, _ in moves], 12))
    commands: list[object] = [
        note(number, amount, TODAY + timedelta(days=day), TODAY + timedelta(days=max(day, 0)))
        for number, (amount, day, _) in enumerate(moves)
    ]
    commands += [ExpirePromise(promise_id="promise-1", today=TODAY + timedelta(days=day)) for day in range(13)]
    random.shuffle(commands)  # type: ignore[attr-defined]
    state = CASE.replay([OPENED, PROMISED])
    for command in commands:
        state = after(state, command)
    shuffled = promise_of(state)
    assert (shuffled.status, shuffled.paid) == (in_order.status, in_order.paid)


@given(moves, st.integers(0, 12))
def test_a_promise_never_outlives_its_case(moves: list[Move], cured_after: int) -> None:
    state = run(moves, cured_after)
    cure = FollowArrears(
        overdue=Money(0),
        days_past_due=0,
        settled=False,
        policy=POLICY,
        today=TODAY + timedelta(days=cured_after),
    )
    state = after(state, cure)
    assert state.status is Status.CLOSED
    assert promise_of(state).status is not PromiseStatus.OPEN


@given(moves)
def test_a_promise_is_kept_and_broken_in_turns(moves: list[Move]) -> None:
    state = CASE.replay([OPENED, PROMISED])
    told: list[type] = []
    for number, (amount, day, taken_back) in enumerate(moves):
        today = TODAY + timedelta(days=max(day, 0))
        steps = [note(number, amount, TODAY + timedelta(days=day), today)]
        steps += [note(number, -amount, today, today)] if taken_back else []
        for step in steps:
            events = CASE.decide(step, state)
            assert isinstance(events[0], RepaymentNoted)
            told += [type(event) for event in events if isinstance(event, (PromiseKept, PromiseBroken))]
            state = CASE.replay(events, state)
    assert all(first is not second for first, second in pairwise(told))
