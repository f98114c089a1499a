"""Given, when, then: a collection case from its first day to its end."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest

from libs.contracts.collections import (
    ArrearsUpdated,
    CaseAssigned,
    CaseEnd,
    CaseStageChanged,
    CollectionCaseClosed,
    CollectionCaseOpened,
    PromiseBroken,
    PromiseKept,
    PromiseMade,
    RepaymentNoted,
    Stage,
)
from libs.contracts.problems import Rejected
from libs.events.testing import Scenario
from libs.lending.money import Money
from services.collections.domain.commands import (
    AssignCase,
    ChangeStage,
    CloseCase,
    ExpirePromise,
    FollowArrears,
    GiveOut,
    MakePromise,
    NoteRepayment,
    OpenCase,
)
from services.collections.domain.promise import PromiseStatus
from services.collections.domain.state import Status
from services.collections.handlers import CASE
from services.collections.tests.rules import DOCUMENT, POLICY, TODAY, policy

OVERDUE = Money.of("1000.00")
LATER = TODAY + timedelta(days=6)
OPEN = OpenCase(
    case_id="case-1",
    loan_id="loan-1",
    application_id="application-1",
    applicant_id="debtor-1",
    overdue=OVERDUE,
    days_past_due=1,
    policy=POLICY,
    today=TODAY,
)
OPENED = CollectionCaseOpened(
    case_id="case-1",
    loan_id="loan-1",
    application_id="application-1",
    applicant_id="debtor-1",
    overdue=OVERDUE,
    days_past_due=1,
    stage=Stage.EARLY,
    opened_on=TODAY,
)
CURED = CollectionCaseClosed(
    case_id="case-1", loan_id="loan-1", end=CaseEnd.CURED, reason="arrears-paid", closed_on=TODAY
)
ASSIGNED = CaseAssigned(case_id="case-1", collector="collector", assigned_on=TODAY)
PROMISED = PromiseMade(
    case_id="case-1", promise_id="promise-1", loan_id="loan-1", amount=OVERDUE, due=LATER, made_on=TODAY
)
GIVE_OUT = GiveOut(policy=POLICY, today=TODAY)
EXPIRE = ExpirePromise(promise_id="promise-1", today=LATER + timedelta(days=1))


def given(*past: Any) -> Scenario[Any]:
    return Scenario(CASE).given(*past)


def follow(days: int, overdue: Money = OVERDUE, *, settled: bool = False, today: date = TODAY) -> FollowArrears:
    return FollowArrears(overdue=overdue, days_past_due=days, settled=settled, policy=POLICY, today=today)


def staged(stage: Stage, days: int, previous: Stage = Stage.EARLY, reason: str = "") -> CaseStageChanged:
    return CaseStageChanged(
        case_id="case-1",
        loan_id="loan-1",
        previous=previous,
        stage=stage,
        overdue=OVERDUE,
        days_past_due=days,
        reason=reason or f"{days} days past due",
        changed_on=TODAY,
    )


def repay(amount: str, value_date: date = TODAY, name: str = "r1", today: date | None = None) -> NoteRepayment:
    return NoteRepayment(
        repayment_id=name,
        amount=Money.of(amount),
        value_date=value_date,
        overdue=OVERDUE,
        days_past_due=3,
        today=today or value_date,
    )


def noted(amount: str, value_date: date = TODAY, name: str = "r1", today: date | None = None) -> RepaymentNoted:
    return RepaymentNoted(
        case_id="case-1",
        loan_id="loan-1",
        repayment_id=name,
        amount=Money.of(amount),
        value_date=value_date,
        overdue=OVERDUE,
        days_past_due=3,
        noted_on=today or value_date,
    )


def given_to(collector: str) -> CaseAssigned:
    return CaseAssigned(case_id="case-1", collector=collector, assigned_on=TODAY)


def kept(paid: str, on: date) -> PromiseKept:
    return PromiseKept(case_id="case-1", promise_id="promise-1", paid=Money.of(paid), kept_on=on)


def broken(paid: str, on: date = LATER + timedelta(days=1)) -> PromiseBroken:
    return PromiseBroken(case_id="case-1", promise_id="promise-1", paid=Money.of(paid), broken_on=on)


def promise(**changes: Any) -> MakePromise:
    known: dict[str, Any] = {
        "promise_id": "promise-1",
        "amount": OVERDUE,
        "due": LATER,
        "complaint_open": False,
        "policy": POLICY,
        "today": TODAY,
    }
    return MakePromise(**(known | changes))


def change(stage: Stage, *, complaint_open: bool = False) -> ChangeStage:
    return ChangeStage(stage=stage, reason="No answer", complaint_open=complaint_open, policy=POLICY, today=TODAY)


def refusal(error: Exception) -> tuple[int, str | None]:
    assert isinstance(error, Rejected)
    return error.status, error.field


def test_a_case_opens_once() -> None:
    given().when(OPEN).then(OPENED, ASSIGNED)
    given(OPENED).when(OPEN).then()


def test_a_case_that_was_cured_the_same_day_opens_anew() -> None:
    state = given(OPENED, PROMISED, CURED).when(OPEN).then(OPENED, ASSIGNED)
    assert (state.status, state.promise, state.end) == (Status.OPEN, None, None)


@pytest.mark.parametrize(("days", "stage"), [(1, "EARLY"), (45, "MIDDLE"), (200, "LATE")])
def test_a_case_opens_at_the_stage_of_its_days(days: int, stage: str) -> None:
    command = OpenCase(
        case_id="case-1",
        loan_id="loan-1",
        application_id="application-1",
        applicant_id="debtor-1",
        overdue=OVERDUE,
        days_past_due=days,
        policy=POLICY,
        today=TODAY,
    )
    opened = OPENED.model_copy(update={"days_past_due": days, "stage": Stage(stage)})
    given().when(command).then(opened, ASSIGNED)


def test_a_stage_rises_with_the_days_and_never_falls_by_itself() -> None:
    given(OPENED, ASSIGNED).when(follow(31)).then(staged(Stage.MIDDLE, 31))
    given(OPENED, ASSIGNED).when(follow(91)).then(staged(Stage.LATE, 91))
    late = staged(Stage.LATE, 91)
    given(OPENED, late).when(follow(31)).then(
        ArrearsUpdated(case_id="case-1", loan_id="loan-1", overdue=OVERDUE, days_past_due=31, updated_on=TODAY)
    )
    legal = staged(Stage.LEGAL, 91, Stage.LATE)
    more = (
        given(OPENED, late, legal)
        .when(follow(200))
        .then(ArrearsUpdated(case_id="case-1", loan_id="loan-1", overdue=OVERDUE, days_past_due=200, updated_on=TODAY))
    )
    assert (more.stage, more.days_past_due) == (Stage.LEGAL, 200)


def test_arrears_that_do_not_change_say_nothing() -> None:
    given(OPENED).when(follow(1)).then()


def test_a_case_ends_when_the_arrears_are_made_good_or_all_is_paid() -> None:
    given(OPENED).when(follow(0)).then(CURED)
    settled = CURED.model_copy(update={"end": CaseEnd.SETTLED, "reason": "loan-settled"})
    given(OPENED).when(follow(0, settled=True)).then(settled)


def test_a_case_ends_with_its_loan() -> None:
    written_off = CURED.model_copy(update={"end": CaseEnd.WRITTEN_OFF, "reason": "loan-written-off"})
    close = CloseCase(end=CaseEnd.WRITTEN_OFF, reason="loan-written-off", today=TODAY)
    given(OPENED).when(close).then(written_off)
    given(OPENED, PROMISED).when(close).then(broken("0", TODAY), written_off)


@pytest.mark.parametrize(
    "command",
    [follow(0), follow(31), repay("1"), EXPIRE, CloseCase(end=CaseEnd.SETTLED, reason="loan-settled", today=TODAY)],
)
@pytest.mark.parametrize("past", [[], [OPENED, CURED]])
def test_what_the_ledger_says_of_a_case_that_is_not_open_changes_nothing(past: list[Any], command: Any) -> None:
    given(*past).when(command).then()


@pytest.mark.parametrize(
    "command",
    [AssignCase(collector="collector", policy=POLICY, today=TODAY), change(Stage.MIDDLE), promise()],
)
def test_people_work_on_open_cases_only(command: Any) -> None:
    assert refusal(given().when(command).refused("case-not-found"))[0] == 404
    assert refusal(given(OPENED, CURED).when(command).refused("case-closed"))[0] == 409


def test_a_case_is_assigned_within_the_team_of_its_stage() -> None:
    assign = AssignCase(collector="collector", policy=POLICY, today=TODAY)
    assert given(OPENED).when(assign).then(ASSIGNED).collector == "collector"
    given(OPENED, ASSIGNED).when(assign).then()
    stranger = AssignCase(collector="collector-3", policy=POLICY, today=TODAY)
    assert refusal(given(OPENED).when(stranger).refused("collector-not-of-team")) == (422, "/collector")
    given(OPENED, staged(Stage.MIDDLE, 31)).when(stranger).then(given_to("collector-3"))


def test_a_case_is_given_out_anew_only_where_its_collector_is_not_of_the_team() -> None:
    elsewhere = given_to("collector-2")
    given(OPENED, elsewhere).when(follow(31)).then(staged(Stage.MIDDLE, 31), ASSIGNED)
    given(OPENED, given_to("collector-3")).when(GIVE_OUT).then(ASSIGNED)
    given(OPENED, elsewhere).when(GIVE_OUT).then()
    given(OPENED, given_to("collector-3"), CURED).when(GIVE_OUT).then()
    given().when(GIVE_OUT).then()


def test_cases_are_shared_out_about_evenly_and_a_new_name_takes_from_all_alike() -> None:
    loans = [f"loan-{number}" for number in range(1000)]
    before = {loan: POLICY.collector(Stage.EARLY, loan) for loan in loans}
    shares = Counter(before.values())
    assert set(shares) == {"collector", "collector-2"}
    assert max(shares.values()) < 550
    teams = DOCUMENT["rules"]["teams"]["value"]
    larger = policy(teams=teams | {"EARLY": ["collector-9", *reversed(teams["EARLY"])]})
    after = {loan: larger.collector(Stage.EARLY, loan) for loan in loans}
    moved = {loan for loan in loans if after[loan] != before[loan]}
    assert {after[loan] for loan in moved} == {"collector-9"}
    assert 280 < len(moved) < 390


def test_a_manager_moves_a_case_to_any_other_stage() -> None:
    given(OPENED, ASSIGNED).when(change(Stage.LATE)).then(staged(Stage.LATE, 1, reason="No answer"))
    given(OPENED, ASSIGNED, staged(Stage.LATE, 91)).when(change(Stage.EARLY)).then(
        staged(Stage.EARLY, 91, Stage.LATE, "No answer")
    )
    given(OPENED).when(change(Stage.EARLY)).refused("stage-unchanged")


@pytest.mark.parametrize("days", [1, 90, 91, 400])
@pytest.mark.parametrize("complaint_open", [True, False])
def test_a_case_goes_to_court_late_enough_and_without_open_complaint(days: int, complaint_open: bool) -> None:
    opened = OPENED.model_copy(update={"days_past_due": days})
    attempt = given(opened).when(change(Stage.LEGAL, complaint_open=complaint_open))
    if complaint_open:
        attempt.refused("complaint-open")
    elif days < 91:
        attempt.refused("legal-too-early")
    else:
        attempt.then(staged(Stage.LEGAL, days, reason="No answer"), given_to("collector-4"))


def test_money_is_noted() -> None:
    state = given(OPENED).when(repay("300.00")).then(noted("300.00"))
    assert (state.overdue, state.days_past_due, state.promise) == (OVERDUE, 3, None)


def test_a_promise_is_made_within_the_rules() -> None:
    state = given(OPENED).when(promise()).then(PROMISED)
    assert state.promise.status is PromiseStatus.OPEN
    given(OPENED).when(promise(complaint_open=True)).refused("complaint-open")
    given(OPENED, PROMISED).when(promise()).refused("promise-open")
    given(OPENED, PROMISED, broken("0")).when(promise()).then(PROMISED)


@pytest.mark.parametrize(("days", "fits"), [(-1, False), (0, True), (14, True), (15, False)])
def test_a_promise_names_a_date_at_most_a_fortnight_ahead(days: int, fits: bool) -> None:
    due = TODAY + timedelta(days=days)
    attempt = given(OPENED).when(promise(due=due))
    if fits:
        attempt.then(PROMISED.model_copy(update={"due": due}))
    else:
        assert refusal(attempt.refused("promise-date")) == (422, "/due")


@pytest.mark.parametrize(
    ("amount", "fits"), [("0.01", False), ("299.99", False), ("300.00", True), ("1000.00", True), ("5000.00", True)]
)
def test_a_promise_covers_a_share_of_what_is_overdue(amount: str, fits: bool) -> None:
    attempt = given(OPENED).when(promise(amount=Money.of(amount)))
    if fits:
        attempt.then(PROMISED.model_copy(update={"amount": Money.of(amount)}))
    else:
        assert refusal(attempt.refused("promise-too-small")) == (422, "/amount")


def test_the_share_of_a_promise_is_rounded_up_to_the_fen() -> None:
    opened = OPENED.model_copy(update={"overdue": Money.of("1000.01")})
    given(opened).when(promise(amount=Money.of("300.00"))).refused("promise-too-small")
    given(opened).when(promise(amount=Money.of("300.01"))).then(
        PROMISED.model_copy(update={"amount": Money.of("300.01")})
    )


def test_a_promise_is_in_the_currency_of_the_loan_and_of_something() -> None:
    given(OPENED).when(promise(amount=Money.of("1000.00", "USD"))).refused("currency-differs")
    nothing = OPENED.model_copy(update={"overdue": Money(0)})
    given(nothing).when(promise(amount=Money(0))).refused("promise-too-small")


def test_a_promise_is_kept_when_the_money_came_in_parts() -> None:
    first, second = noted("400.00", name="r1"), noted("600.00", LATER, "r2")
    given(OPENED, PROMISED, first).when(repay("600.00", LATER, "r2")).then(second, kept("1000.00", LATER))
    given(OPENED, PROMISED, first).when(repay("599.99", LATER, "r2")).then(noted("599.99", LATER, "r2"))


def test_money_of_another_time_does_not_keep_a_promise() -> None:
    for value_date in (TODAY - timedelta(days=1), LATER + timedelta(days=1)):
        given(OPENED, PROMISED).when(repay("1000.00", value_date)).then(noted("1000.00", value_date))


def test_the_same_repayment_counts_once() -> None:
    given(OPENED, PROMISED, noted("500.00")).when(repay("500.00")).then(noted("500.00"))


def test_a_promise_is_broken_on_the_day_after_with_what_came() -> None:
    given(OPENED, PROMISED, noted("400.00")).when(EXPIRE).then(broken("400.00"))
    given(OPENED, PROMISED).when(ExpirePromise(promise_id="promise-1", today=LATER)).then()
    late = ExpirePromise(promise_id="promise-1", today=LATER + timedelta(days=9))
    given(OPENED, PROMISED).when(late).then(broken("0"))
    given(OPENED, PROMISED, broken("0")).when(EXPIRE).then()
    given(OPENED, PROMISED).when(ExpirePromise(promise_id="promise-0", today=TODAY)).then()
    given(OPENED).when(EXPIRE).then()


def test_money_in_time_that_is_known_late_keeps_a_promise_that_was_reported_broken() -> None:
    known_on = LATER + timedelta(days=1)
    state = (
        given(OPENED, PROMISED, broken("0"))
        .when(repay("1000.00", LATER, today=known_on))
        .then(noted("1000.00", LATER, today=known_on), kept("1000.00", known_on))
    )
    assert state.promise.status is PromiseStatus.KEPT


def test_a_promise_is_not_kept_with_money_that_is_taken_back() -> None:
    taken_back = repay("-1000.00", LATER)
    past = [OPENED, PROMISED, noted("1000.00"), kept("1000.00", TODAY)]
    given(*past).when(taken_back).then(noted("-1000.00", LATER), broken("0", LATER))
    other = repay("-1000.00", LATER, "r9")
    given(*past).when(other).then(noted("-1000.00", LATER, "r9"))
    given(OPENED, PROMISED, noted("400.00")).when(repay("-400.00", LATER)).then(noted("-400.00", LATER))


@pytest.mark.parametrize(("days", "in_time"), [(0, True), (6, True), (7, False)])
def test_a_cure_keeps_an_open_promise_in_time_and_breaks_it_later(days: int, in_time: bool) -> None:
    on = TODAY + timedelta(days=days)
    end = CURED.model_copy(update={"closed_on": on})
    follows = kept("0", on) if in_time else broken("0")
    given(OPENED, PROMISED).when(follow(0, today=on)).then(follows, end)
    given(OPENED, PROMISED, kept("1000.00", TODAY)).when(follow(0, today=on)).then(end)
