"""What holds for every negotiated plan, whatever comes in and is taken back, in whatever order."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from libs.contracts.collections import (
    CaseEnd,
    CollectionCaseClosed,
    PlanAgreed,
    PlanBroken,
    PlanKept,
    PlanPart,
    PlanProgressed,
    Stage,
)
from libs.lending.money import Money
from services.collections.domain.commands import AgreePlan, CloseCase, ExpirePlan, FollowArrears
from services.collections.domain.plan import Plan, PlanStatus
from services.collections.domain.policy import PlanRules, Policy
from services.collections.domain.rules import PolicyError
from services.collections.domain.state import State, Status
from services.collections.handlers import CASE
from services.collections.library import library
from services.collections.tests.rules import TODAY
from services.collections.tests.test_domain_case import OPENED, PROMISED, given, noted, promise, refusal, repay
from services.collections.tests.test_promises import after, note

POLICY = library().policy(date(2026, 12, 1))
LATE = OPENED.model_copy(update={"stage": Stage.LATE, "days_past_due": 100})
DUES = (TODAY + timedelta(days=10), TODAY + timedelta(days=40), TODAY + timedelta(days=70))
PARTS = tuple(
    PlanPart(due=due, amount=Money.of(amount)) for due, amount in zip(DUES, ("400", "300", "300"), strict=True)
)
AGREED = PlanAgreed(case_id="case-1", plan_id="plan-1", loan_id="loan-1", parts=PARTS, agreed_on=TODAY)
ONE_DAY = timedelta(days=1)


def agree(*parts: PlanPart, **changes: Any) -> AgreePlan:
    known: dict[str, Any] = {
        "plan_id": "plan-1",
        "parts": parts or PARTS,
        "by_manager": False,
        "complaint_open": False,
        "policy": POLICY,
        "today": TODAY,
    }
    return AgreePlan(**(known | changes))


def part(days: int, amount: str = "500.00", currency: str = "CNY") -> PlanPart:
    return PlanPart(due=TODAY + timedelta(days=days), amount=Money.of(amount, currency))


def progressed(met: int, paid: str, on: date) -> PlanProgressed:
    due = DUES[met]
    return PlanProgressed(
        case_id="case-1", plan_id="plan-1", parts_met=met, paid=Money.of(paid), next_due=due, progressed_on=on
    )


def kept(paid: str, on: date) -> PlanKept:
    return PlanKept(case_id="case-1", plan_id="plan-1", paid=Money.of(paid), kept_on=on)


def broken(number: int, paid: str, on: date) -> PlanBroken:
    return PlanBroken(case_id="case-1", plan_id="plan-1", part=number, paid=Money.of(paid), broken_on=on)


def expire(today: date) -> ExpirePlan:
    return ExpirePlan(plan_id="plan-1", today=today)


def test_a_plan_is_agreed_within_the_rules() -> None:
    state = given(LATE).when(agree()).then(AGREED)
    assert (state.plan.status, state.plan.next_due, state.plan.total) == (PlanStatus.OPEN, DUES[0], Money.of("1000"))
    given(LATE).when(agree(complaint_open=True)).refused("complaint-open")
    given(LATE, PROMISED).when(agree()).refused("promise-open")
    given(LATE, AGREED).when(agree()).refused("plan-open")
    given(LATE, AGREED).when(promise()).refused("plan-open")
    given(LATE, AGREED, broken(1, "0", DUES[0] + ONE_DAY)).when(agree()).then(AGREED)
    given(OPENED).when(agree()).refused("plan-too-early")
    given().when(agree()).refused("case-not-found")


def test_a_version_of_the_rules_without_plans_knows_none() -> None:
    given(LATE).when(agree(policy=library().policy(date(2026, 11, 30)))).refused("plan-unknown")


@pytest.mark.parametrize(("number", "by_manager", "fits"), [
    (1, True, False), (2, False, True), (3, False, True), (4, False, False), (4, True, True), (12, True, True), (13, True, False),
])  # fmt: skip
def test_a_collector_agrees_to_few_parts_and_a_manager_to_more(number: int, by_manager: bool, fits: bool) -> None:
    parts = [part(25 * (each + 1)) for each in range(number)]
    attempt = given(LATE).when(agree(*parts, by_manager=by_manager))
    if fits:
        attempt.then(AGREED.model_copy(update={"parts": tuple(parts)}))
    else:
        assert refusal(attempt.refused("plan-parts")) == (422, "/parts")


@pytest.mark.parametrize(
    ("days", "wrong"),
    [((0, 10), 0), ((46, 50), 0), ((45, 90), None), ((10, 10), 1), ((10, 9), 1), ((10, 56), 1), ((10, 55), None)],
)
def test_dates_rise_and_none_is_too_far_from_the_one_before(days: tuple[int, ...], wrong: int | None) -> None:
    parts = tuple(part(each) for each in days)
    attempt = given(LATE).when(agree(*parts))
    if wrong is None:
        attempt.then(AGREED.model_copy(update={"parts": parts}))
    else:
        assert refusal(attempt.refused("plan-date")) == (422, f"/parts/{wrong}/due")


def test_the_last_date_is_within_a_year() -> None:
    parts = [part(40 * (number + 1), "200.00") for number in range(9)]
    fits, late = part(365, "200.00"), part(366, "200.00")
    given(LATE).when(agree(*parts, fits, by_manager=True)).then(
        AGREED.model_copy(update={"parts": (*parts, fits)})
    )  # fmt: skip
    assert refusal(given(LATE).when(agree(*parts, late, by_manager=True)).refused("plan-date"))[1] == "/parts/9/due"


def test_a_plan_covers_what_is_overdue_in_its_currency() -> None:
    assert refusal(given(LATE).when(agree(part(10, "500.00"), part(20, "499.99"))).refused("plan-too-small")) == (
        422, "/parts",
    )  # fmt: skip
    given(LATE).when(agree(part(10, "1000.00"), part(20, "0.00"))).refused("plan-too-small")
    given(LATE).when(agree(part(10, "500.00"), part(20, "500.00", "USD"))).refused("currency-differs")


def test_a_part_is_met_in_time_and_the_plan_is_kept_with_the_last() -> None:
    first = (noted("400.00", DUES[0]), progressed(1, "400.00", DUES[0]))
    given(LATE, AGREED).when(repay("400.00", DUES[0])).then(*first)
    given(LATE, AGREED).when(repay("100.00", DUES[0])).then(noted("100.00", DUES[0]))
    ahead = (noted("700.00", DUES[0], "r2"), progressed(2, "700.00", DUES[0]))
    given(LATE, AGREED).when(repay("700.00", DUES[0], "r2")).then(*ahead)
    given(LATE, AGREED, *ahead).when(repay("300.00", DUES[2], "r3")).then(
        noted("300.00", DUES[2], "r3"), kept("1000.00", DUES[2])
    )


def test_a_plan_is_broken_the_day_after_a_date_with_too_little_and_goes_on_when_the_money_turns_up() -> None:
    given(LATE, AGREED).when(expire(DUES[0])).then()
    missed = broken(1, "0", DUES[0] + ONE_DAY)
    given(LATE, AGREED).when(expire(DUES[0] + timedelta(days=9))).then(missed)
    given(LATE, AGREED, missed).when(expire(DUES[1])).then()
    given(LATE, AGREED).when(ExpirePlan(plan_id="plan-0", today=DUES[1])).then()
    given(LATE).when(expire(DUES[1])).then()
    known = DUES[0] + timedelta(days=2)
    given(LATE, AGREED, missed).when(repay("400.00", DUES[0], today=known)).then(
        noted("400.00", DUES[0], today=known), progressed(1, "400.00", known)
    )
    given(LATE, AGREED, missed).when(repay("400.00", known)).then(noted("400.00", known))


def test_money_that_is_taken_back_undoes_what_it_met() -> None:
    met = (noted("400.00", DUES[0]), progressed(1, "400.00", DUES[0]))
    given(LATE, AGREED, *met).when(repay("-400.00", DUES[0], today=DUES[0])).then(
        noted("-400.00", DUES[0]), progressed(0, "0", DUES[0])
    )
    late = DUES[0] + timedelta(days=3)
    given(LATE, AGREED, *met).when(repay("-400.00", late)).then(noted("-400.00", late), broken(1, "0", late))
    most = (noted("700.00", TODAY, "r2"), progressed(2, "700.00", TODAY))
    rest = (noted("300.00", TODAY, "r3"), kept("1000.00", TODAY))
    given(LATE, AGREED, *most, *rest).when(repay("-300.00", TODAY, "r3")).then(
        noted("-300.00", TODAY, "r3"), progressed(2, "700.00", TODAY)
    )
    given(LATE, AGREED, *most, *rest).when(repay("5.00", TODAY, "r4")).then(noted("5.00", TODAY, "r4"))
    whole = (noted("1000.00", TODAY), kept("1000.00", TODAY))
    given(LATE, AGREED, *whole).when(repay("-1.00", TODAY)).then(
        noted("-1.00", TODAY), progressed(2, "999.00", TODAY)
    )  # fmt: skip


def test_a_plan_does_not_outlive_its_case() -> None:
    def closed(end: CaseEnd, reason: str, on: date) -> CollectionCaseClosed:
        return CollectionCaseClosed(case_id="case-1", loan_id="loan-1", end=end, reason=reason, closed_on=on)

    def cure(on: date) -> FollowArrears:
        return FollowArrears(overdue=Money(0), days_past_due=0, settled=False, policy=POLICY, today=on)

    given(LATE, AGREED).when(cure(DUES[0])).then(
        kept("0", DUES[0]), closed(CaseEnd.CURED, "arrears-paid", DUES[0])
    )  # fmt: skip
    late = DUES[0] + timedelta(days=2)
    given(LATE, AGREED).when(cure(late)).then(
        broken(1, "0", DUES[0] + ONE_DAY), closed(CaseEnd.CURED, "arrears-paid", late)
    )
    given_up = CloseCase(end=CaseEnd.WRITTEN_OFF, reason="loan-written-off", today=TODAY)
    given(LATE, AGREED).when(given_up).then(
        broken(1, "0", TODAY), closed(CaseEnd.WRITTEN_OFF, "loan-written-off", TODAY)
    )


@pytest.mark.parametrize(
    "change",
    [
        {"stages": ()}, {"parts": 2, "parts_alone": 3}, {"parts_alone": 1}, {"gap_days": 0}, {"gap_days": 400},
        {"min_share": Decimal(0)}, {"min_share": Decimal("1.01")},
    ],
)  # fmt: skip
def test_rules_of_plans_that_contradict_themselves_are_refused(change: dict[str, Any]) -> None:
    known: dict[str, Any] = {
        "stages": (Stage.LATE,), "parts": 12, "parts_alone": 3, "gap_days": 45, "days_ahead": 365,
        "min_share": Decimal(1),
    }  # fmt: skip
    assert PlanRules(**known).are_sound
    assert not PlanRules(**known | change).are_sound
    rules = {name: {"value": rule.value, "meaning": rule.meaning, "source": rule.source, "standing": rule.standing}
             for name, rule in POLICY.rules.items()}  # fmt: skip
    document = {"format": Policy.format, "name": "x", "version": 1, "effective_from": "2026-01-01", "rules": rules}
    Policy.from_json(document)
    for name, value in change.items():
        written = [stage.value for stage in value] if name == "stages" else value
        rules[f"plan_{name}"]["value"] = str(value) if isinstance(value, Decimal) else written
    with pytest.raises(PolicyError, match="a plan has"):
        Policy.from_json(document)


MOVES = st.lists(st.tuples(st.integers(1, 90_000), st.integers(-3, 80), st.booleans()), max_size=9)
"""Amount in fen, days after the agreement of its value date, whether it is taken back later."""


def plan_of(state: State) -> Plan:
    assert state.plan is not None
    return state.plan


def run(moves: list[tuple[int, int, bool]], days: int) -> State:
    """The case after this money, known on its value date, and the mornings until so many days after the agreement."""
    state = CASE.replay([LATE, AGREED])
    for day in range(-3, days + 1):
        today = TODAY + timedelta(days=day)
        state = after(state, expire(today))
        for number, (amount, value, _) in enumerate(moves):
            if value == day:
                state = after(state, note(number, amount, today, today))
    today = TODAY + timedelta(days=days)
    for number, (amount, value, taken_back) in enumerate(moves):
        if taken_back and value <= days:
            state = after(state, note(number, -amount, today, today))
    return state


def missed(moves: list[tuple[int, int, bool]]) -> int | None:
    """The number of the first part that is not met, from the money alone."""
    asked = accumulate(each.amount.minor for each in PARTS)
    for number, (due, least) in enumerate(zip((10, 40, 70), asked, strict=True)):
        if sum(amount for amount, day, back in moves if 0 <= day <= due and not back) < least:
            return number
    return None


@for_any(MOVES)
def test_a_plan_that_is_over_is_kept_exactly_when_each_part_came_in_time(moves: list[tuple[int, int, bool]]) -> None:
    plan = plan_of(run(moves, 80))
    assert plan.status is (PlanStatus.KEPT if missed(moves) is None else PlanStatus.BROKEN)
    assert plan.paid == Money(sum(amount for amount, day, back in moves if 0 <= day <= 70 and not back))


@for_any(MOVES, st.integers(0, 80))
def test_a_plan_is_open_as_long_as_no_date_is_missed(moves: list[tuple[int, int, bool]], days: int) -> None:
    known = [(amount, day, back) for amount, day, back in moves if day <= days]
    plan, first = plan_of(run(moves, days)), missed(known)
    if first is None:
        assert plan.status is PlanStatus.KEPT
    elif DUES[first] < TODAY + timedelta(days=days):
        assert plan.status is PlanStatus.BROKEN
    else:
        assert (plan.status, plan.parts_met, plan.next_due) == (PlanStatus.OPEN, first, DUES[first])


@for_any(MOVES, st.randoms(use_true_random=False))
def test_the_order_in_which_money_and_mornings_are_known_changes_nothing(
    moves: list[tuple[int, int, bool]], random: Any
) -> None:
    kept = [(amount, day, False) for amount, day, _ in moves]
    commands: list[object] = [
        note(number, amount, TODAY + timedelta(days=day), TODAY + timedelta(days=max(day, 0)))
        for number, (amount, day, _) in enumerate(kept)
    ]
    commands += [expire(TODAY + timedelta(days=day)) for day in range(81)]
    random.shuffle(commands)
    state = CASE.replay([LATE, AGREED])
    for command in (*commands, expire(TODAY + timedelta(days=80))):
        state = after(state, command)
    assert plan_of(state).status is plan_of(run(kept, 80)).status
    assert state.status is Status.OPEN
