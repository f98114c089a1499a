"""A reconciliation finds each planted break and no other, over files of several days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.partners import BreakFound, BreakKind, BreakOutcome, BreakResolved, FileReconciled
from libs.contracts.problems import Rejected
from services.partners.domain.matching import LOAN, Item, Standing
from services.partners.domain.reconciliation import (
    INITIAL,
    Reconcile,
    Reconciliation,
    ResolveBreak,
    decide,
    evolve,
)

FIRST = date(2026, 3, 2)
PLANTS = (
    "none",
    "timing",
    "amount",
    "both",
    "missing there",
    "missing here",
    "late",
    "early",
    "twice",
    "late and less",
)
STATUS_PLANTS = ("none", "status", "amount", "missing there", "missing here")
EXPECTED = {
    "none": [],
    "timing": [BreakKind.TIMING],
    "amount": [BreakKind.AMOUNT],
    "both": [BreakKind.AMOUNT, BreakKind.TIMING],
    "missing there": [BreakKind.MISSING_THERE],
    "missing here": [BreakKind.MISSING_HERE],
    "late": [BreakKind.MISSING_THERE],
    "early": [BreakKind.MISSING_HERE],
    "twice": [BreakKind.MISSING_HERE],
    "late and less": [BreakKind.AMOUNT, BreakKind.MISSING_THERE],
}


def command(day: int, ours: Sequence[Item], theirs: Sequence[Item], **more: Any) -> Reconcile:
    before = FIRST + timedelta(days=day - 1) if day else None
    given: dict[str, Any] = {"after": before, "known_until": 0, "breaks_max": 1000, "received_from": "partner"} | more
    on = FIRST + timedelta(days=day)
    return Reconcile(
        counterparty="harbour-bank", file_date=on, sha256=f"{day:064x}", ours=ours, theirs=theirs, today=on, **given
    )


def done(state: Reconciliation, asked: Any) -> tuple[Reconciliation, list[Any]]:
    events = list(decide(asked, state))
    for event in events:
        state = evolve(state, event)
    return state, events


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2), st.integers(-(10**9), 10**9).filter(bool), st.sampled_from(PLANTS), st.integers(1, 10**6)
        ),
        max_size=40,
    ),
    st.lists(st.tuples(st.integers(0, 10**9), st.sampled_from(STATUS_PLANTS)), max_size=10),
)
def test_each_planted_break_is_found_and_no_other(
    movements: list[tuple[int, int, str, int]], loans: list[tuple[int, str]]
) -> None:
    ours: dict[int, list[Item]] = {day: [] for day in range(4)}
    theirs: dict[int, list[Item]] = {day: [] for day in range(4)}
    planted: set[tuple[BreakKind, str]] = set()
    stays: set[tuple[BreakKind, str]] = set()
    for number, (day, amount, plant, much) in enumerate(movements):
        item = Item(f"r-{number}", FIRST + timedelta(days=day), amount)
        other = item
        if plant in ("timing", "both"):
            other = replace(other, value_date=item.value_date + timedelta(days=1 + much % 5))
        if plant in ("amount", "both", "late and less"):
            other = replace(other, amount_minor=amount - much)
        if plant != "missing here":
            ours[day + (plant == "early")].append(item)
        if plant != "missing there":
            theirs[day + plant.startswith("late")].append(other)
        if plant == "twice":
            theirs[day].append(other)
        reference = f"{item.reference}#2" if plant == "twice" else item.reference
        found = {(kind, reference) for kind in EXPECTED[plant]}
        planted |= found
        closes = plant in ("late", "early", "late and less")
        stays |= {key for key in found if not (closes and key[0] in (BreakKind.MISSING_THERE, BreakKind.MISSING_HERE))}
    here, there = _standings(loans, planted, stays)
    state, found_all = INITIAL, list[BreakFound]()
    for day in range(4):
        state, events = done(state, command(day, ours[day], theirs[day], our_loans=here, their_loans=there))
        found_all += [event for event in events if isinstance(event, BreakFound)]
    assert {(one.kind, one.reference) for one in found_all} == planted
    assert len(found_all) == len(planted), "each is found once"
    assert {(one.kind, one.reference) for one in state.open.values()} == stays


def _standings(
    loans: list[tuple[int, str]], planted: set[tuple[BreakKind, str]], stays: set[tuple[BreakKind, str]]
) -> tuple[list[Standing], list[Standing]]:
    here, there = list[Standing](), list[Standing]()
    kinds = {
        "status": BreakKind.STATUS,
        "amount": BreakKind.AMOUNT,
        "missing there": BreakKind.MISSING_THERE,
        "missing here": BreakKind.MISSING_HERE,
    }
    for number, (outstanding, plant) in enumerate(loans):
        mine = Standing(f"l-{number}", "ACTIVE", outstanding)
        other = replace(mine, status="SETTLED") if plant == "status" else mine
        other = replace(other, outstanding_minor=outstanding + 1) if plant == "amount" else other
        here += [mine] if plant != "missing here" else []
        there += [other] if plant != "missing there" else []
        if plant in kinds:
            key = (kinds[plant], f"{LOAN}l-{number}")
            planted.add(key)
            stays.add(key)
    return here, there


def test_what_a_person_resolved_is_no_break_when_its_other_half_comes() -> None:
    item = Item("r-1", FIRST, 100)
    state, events = done(INITIAL, command(0, [item], []))
    (found,) = [event for event in events if isinstance(event, BreakFound)]
    asked = ResolveBreak(
        break_id=found.break_id, outcome=BreakOutcome.CORRECTED_THERE, reason="Booked", by="f", today=FIRST
    )
    state, _ = done(state, asked)
    assert state.open == {}
    state, events = done(state, command(1, [], [item]))
    assert [type(event) for event in events] == [FileReconciled, BreakResolved]
    state, events = done(state, command(2, [], [item]))
    assert [event.kind for event in events if isinstance(event, BreakFound)] == [BreakKind.MISSING_HERE], "once only"


def test_a_loan_that_agrees_again_closes_its_break() -> None:
    mine = Standing("l-1", "ACTIVE", 100)
    state, _ = done(INITIAL, command(0, [], [], our_loans=[mine], their_loans=[replace(mine, status="SETTLED")]))
    assert len(state.open) == 1
    state, _ = done(state, command(1, [], [], our_loans=[mine], their_loans=None))
    assert len(state.open) == 1, "a file that says nothing of loans closes nothing"
    state, events = done(state, command(2, [], [], our_loans=[mine], their_loans=[mine]))
    assert state.open == {}
    assert [event.outcome for event in events if isinstance(event, BreakResolved)] == [BreakOutcome.MATCHED_LATER]


def test_what_moved_nothing_need_not_be_in_the_other_side_s_file() -> None:
    state, _ = done(INITIAL, command(0, [Item("waived", FIRST, 0)], []))
    assert state.open == {}
    over = Standing("l-1", "SETTLED", 0, over=True)
    state, _ = done(INITIAL, command(0, [], [], our_loans=[over], their_loans=[]))
    assert state.open == {}


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (command(0, [], [Item("r-1", FIRST, 1)]), "file-date"),
        (replace(command(1, [], []), sha256="f" * 64), "file-date"),
        (command(2, [], [Item(f"r-{n}", FIRST, 1) for n in range(3)], breaks_max=2), "file-does-not-match"),
        (command(2, [], [], after=FIRST), "file-at-once"),
        (ResolveBreak(break_id="b", outcome=BreakOutcome.ACCEPTED, reason="", by="f", today=FIRST), "break-not-open"),
    ],
)
def test_what_is_refused(asked: Any, code: str) -> None:
    state, _ = done(INITIAL, command(1, [], [], after=None))
    with pytest.raises(Rejected) as refused:
        decide(asked, state)
    assert refused.value.code == code


def test_the_same_file_again_is_no_news() -> None:
    item = Item("r-1", FIRST, 100)
    state, _ = done(INITIAL, command(0, [item], []))
    assert decide(command(0, [item], []), state) == []
