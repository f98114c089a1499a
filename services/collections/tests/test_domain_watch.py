"""A borrower's watch: warnings once, the list never twice, measures by two persons, the ways off the list."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from libs.contracts.collections import (
    BorrowerFrozen,
    BorrowerLimited,
    BorrowerLimitLifted,
    BorrowerUnfrozen,
    GuaranteeDemanded,
    GuaranteeProvided,
    HigherRateAnnounced,
    HigherRateEnded,
    HigherRateTaken,
    MeasureKind,
    Severity,
    WarningCured,
    WarningRaised,
    WatchEntered,
    WatchLeft,
    WatchMeasureDecided,
    WatchMeasureEnded,
    WatchReviewed,
)
from libs.contracts.problems import Rejected
from libs.contracts.values import RateIncreaseRule
from libs.events.testing import Scenario
from libs.lending.money import Money
from services.collections.domain.rules import PolicyError, in_force
from services.collections.domain.watch_commands import (
    CureWarnings,
    EndMeasure,
    EnterWatch,
    FollowRefusal,
    LeaveQuietly,
    LeaveWatch,
    NoteNotice,
    ProposeMeasure,
    ProvideGuarantee,
    ReviewWatch,
    TakeHigherRate,
)
from services.collections.domain.watch_policy import WatchPolicy
from services.collections.domain.watch_state import MeasureStatus, State
from services.collections.handlers import WATCH
from services.collections.tests.watching import (
    BORROWER,
    DOCUMENT,
    LATEST,
    POLICY,
    TODAY,
    document,
    entered,
    propose,
    raised,
    raising,
    reviewed,
    rule,
    settle,
)

LATE = raised("first-instalment-late")
ON = entered("first-instalment-late", Severity.MEDIUM, date(2026, 4, 2))
QUIET = timedelta(days=POLICY.quiet_days)


def given(*past: Any) -> Scenario[State]:
    return Scenario(WATCH).given(*past)


def enter(by: str = "manager", today: date = TODAY) -> EnterWatch:
    return EnterWatch(
        applicant_id=BORROWER, severity=Severity.LOW, reason="Closed shop", by=by, policy=POLICY, today=today
    )


def review(by: str = "manager", leave: bool = True, today: date = TODAY) -> ReviewWatch:
    return ReviewWatch(findings="Looked at", leave=leave, by=by, policy=POLICY, today=today)


def leave(by: str = "risk", today: date = TODAY) -> LeaveWatch:
    return LeaveWatch(reason="No grounds", by=by, policy=POLICY, today=today)


def end(by: str = "risk") -> EndMeasure:
    return EndMeasure(measure_id="measure-1", reason="Cured", by=by, policy=POLICY, today=TODAY)


def test_a_weighty_warning_puts_a_borrower_on_the_list_once() -> None:
    given().when(raising("first-instalment-late")).then(LATE, ON)
    given(LATE, ON).when(raising("first-instalment-late")).then()
    given(LATE, ON).when(raising("late-again")).then(raised("late-again"))


def test_a_light_warning_needs_a_second_one_that_stands() -> None:
    light = raised("promise-broken")
    given().when(raising("promise-broken")).then(light)
    given(light).when(raising("promise-broken", thing="2")).then(
        raised("promise-broken", thing="2"), entered("promise-broken", Severity.LOW, date(2026, 5, 2))
    )
    cured = WarningCured(applicant_id=BORROWER, warning_id=light.warning_id, loan_id="loan-1", cured_on=TODAY)
    late = TODAY + QUIET
    given(light, cured).when(raising("promise-broken", thing="2", on=late)).then(
        raised("promise-broken", thing="2", on=late)
    )


def test_what_was_known_when_he_left_does_not_put_him_on_the_list_again() -> None:
    left = WatchLeft(applicant_id=BORROWER, reason="x", left_by="risk", left_on=TODAY)
    later = TODAY + timedelta(days=1)
    past = (LATE, ON, reviewed(), left)
    given(*past).when(raising("promise-broken", on=later)).then(raised("promise-broken", on=later))


def test_a_worse_warning_brings_the_review_forward() -> None:
    soon = TODAY + timedelta(days=POLICY.review_days[Severity.HIGH])
    state = given(LATE, ON).when(raising("past-due-61")).then(raised("past-due-61", review_due=soon))
    assert (state.severity, state.review_due) == (Severity.HIGH, soon)
    given(LATE, ON, raised("past-due-61", review_due=soon)).when(raising("promise-broken")).then(
        raised("promise-broken")
    )


def test_a_cure_ends_what_stands_on_its_loan_alone() -> None:
    other = raised("past-due-31", loan="loan-2")
    returned = raised("payment-returned", thing="9")
    cured = WarningCured(applicant_id=BORROWER, warning_id=LATE.warning_id, loan_id="loan-1", cured_on=TODAY)
    cure = CureWarnings(loan_id="loan-1", today=TODAY)
    given(LATE, ON, other, returned).when(cure).then(cured)
    given(LATE, ON, cured).when(cure).then()


def test_who_was_put_there_by_rule_leaves_once_all_is_cured_for_long() -> None:
    cured_on = TODAY + timedelta(days=4)
    cured = WarningCured(applicant_id=BORROWER, warning_id=LATE.warning_id, loan_id="loan-1", cured_on=cured_on)
    last = LeaveQuietly(policy=POLICY, today=cured_on + QUIET)
    left = WatchLeft(applicant_id=BORROWER, reason="cured for 90 days", left_by="", left_on=last.today)
    given(LATE, ON, cured).when(last).then(left)
    given(LATE, ON, cured).when(LeaveQuietly(policy=POLICY, today=last.today - timedelta(days=1))).then()
    given(LATE, ON).when(last).then()
    by_person = entered("x", Severity.LOW, date(2026, 5, 2), by="manager")
    given(LATE, cured, by_person).when(last).then()
    proposed = given(LATE, ON).when(propose()).events
    given(LATE, ON, cured, *proposed).when(last).then()


def test_a_person_takes_him_off_after_the_review_of_another() -> None:
    given(LATE, ON).when(leave()).refused("review-missing")
    given(LATE, ON, reviewed(leave=False)).when(leave()).refused("review-missing")
    given(LATE, ON, reviewed()).when(leave(by="manager")).refused("second-person-needed")
    old = TODAY + timedelta(days=POLICY.review_valid_days)
    left = WatchLeft(applicant_id=BORROWER, reason="No grounds", left_by="risk", left_on=old)
    given(LATE, ON, reviewed()).when(leave(today=old)).then(left)
    given(LATE, ON, reviewed()).when(leave(today=old + timedelta(days=1))).refused("review-too-old")
    given().when(leave()).refused("not-watched")
    again = entered("x", Severity.LOW, date(2026, 5, 2), by="manager")
    given(LATE, ON, reviewed(), left, again).when(leave()).refused("review-missing")


def test_a_freeze_is_proposed_decided_and_ended_by_two() -> None:
    proposed = given(LATE, ON).when(propose()).events
    given(LATE, ON, *proposed).when(settle(by="manager")).refused("second-person-needed")
    decided = WatchMeasureDecided(
        applicant_id=BORROWER,
        measure_id="measure-1",
        kind=MeasureKind.FREEZE,
        taken=True,
        reason="Agreed",
        decided_by="risk",
        decided_on=TODAY,
    )
    frozen = BorrowerFrozen(applicant_id=BORROWER, measure_id="measure-1", frozen_on=TODAY)
    state = given(LATE, ON, *proposed).when(settle()).then(decided, frozen)
    assert state.frozen
    past = (LATE, ON, *proposed, decided, frozen)
    given(*past).when(settle()).refused("measure-decided")
    given(*past).when(propose(measure_id="measure-2")).refused("measure-standing")
    given(*past, reviewed()).when(leave()).refused("measures-standing")
    given(*past).when(end()).refused("review-missing")
    given(*past, reviewed()).when(end(by="manager")).refused("second-person-needed")
    ended = given(*past, reviewed()).when(end()).events
    assert [type(event) for event in ended] == [WatchMeasureEnded, BorrowerUnfrozen]
    given(*past, reviewed(), *ended).when(end()).refused("measure-not-in-force")
    assert given(*past, reviewed(), *ended).when(leave()).error is None


def test_a_lower_limit_is_told_while_it_is_in_force() -> None:
    kind, limit = MeasureKind.LOWER_LIMIT, Money.of("5000.00")
    proposed = given(LATE, ON).when(propose(kind, limit=limit)).events
    decided = given(LATE, ON, *proposed).when(settle()).events
    limited = BorrowerLimited(applicant_id=BORROWER, measure_id="measure-1", limit=limit, limited_on=TODAY)
    assert decided[1:] == [limited]
    past = (LATE, ON, *proposed, *decided, reviewed())
    assert given(*past).when(end()).events[1:] == [
        BorrowerLimitLifted(applicant_id=BORROWER, measure_id="measure-1", lifted_on=TODAY)
    ]
    assert len(given(LATE, ON, *proposed).when(settle(take=False)).events) == 1, "a refused one is told to nobody"


def test_more_guarantee_is_demanded_by_a_date_and_fulfilled_by_what_is_registered() -> None:
    proposed = given(LATE, ON).when(propose(MeasureKind.MORE_GUARANTEE, loan_id="loan-1")).events
    assert len(given(LATE, ON, *proposed).when(settle()).events) == 1, "by the older policy there is no date"
    decided = given(LATE, ON, *proposed).when(settle(policy=LATEST)).events
    named = {"applicant_id": BORROWER, "measure_id": "measure-1", "loan_id": "loan-1"}
    due_on = TODAY + timedelta(days=LATEST.guarantee_days or 0)
    assert decided[1:] == [GuaranteeDemanded(**named, due_on=due_on, demanded_on=TODAY)]
    past = (LATE, ON, *proposed, *decided)
    give = ProvideGuarantee(loan_id="loan-1", security_id="security-1", today=due_on + timedelta(days=1))
    provided = GuaranteeProvided(**named, security_id="security-1", provided_on=give.today)
    state = given(*past).when(give).then(provided)
    assert (state.measures["measure-1"].status, state.standing_measures) == (MeasureStatus.FULFILLED, [])
    given(*past, provided).when(give).then()
    given(*past, provided, reviewed()).when(end()).refused("measure-not-in-force")
    given(*past).when(ProvideGuarantee(loan_id="loan-2", security_id="security-1", today=TODAY)).then()
    given(LATE, ON, *proposed).when(give).then()
    ended = given(*past, reviewed()).when(end()).events
    given(*past, reviewed(), *ended).when(give).then()


RISE = RateIncreaseRule(clause="watched-rate", increase_max=Decimal("0.02"), notice_days=30)


def rise(**more: Any) -> ProposeMeasure:
    known = {
        "loan_id": "loan-1",
        "clause": "watched-rate",
        "increase": Decimal("0.01"),
        "agreed": RISE,
        "policy": LATEST,
    }
    return propose(MeasureKind.HIGHER_RATE, **known | more)


@pytest.mark.parametrize(
    ("more", "code", "field"),
    [
        ({"clause": "7.2"}, "rate-fixed", "/clause"),
        ({"policy": replace(LATEST, rate_clauses=frozenset())}, "rate-fixed", "/clause"),
        ({"agreed": None}, "rate-fixed", "/clause"),
        ({"agreed": RISE.model_copy(update={"clause": "other"})}, "rate-fixed", "/clause"),
        ({"increase": None}, "increase-not-agreed", "/increase"),
        ({"increase": Decimal(0)}, "increase-not-agreed", "/increase"),
        ({"increase": Decimal("0.0201")}, "increase-not-agreed", "/increase"),
    ],
)
def test_a_rate_is_raised_within_a_clause_of_the_contract_alone(more: dict[str, Any], code: str, field: str) -> None:
    refusal = given(LATE, ON).when(rise(**more)).refused(code)
    assert isinstance(refusal, Rejected)
    assert (refusal.field, refusal.status) == (field, 422)
    assert given(LATE, ON).when(rise(increase=RISE.increase_max)).error is None


def test_a_rule_that_leaves_clauses_to_a_person_takes_what_he_names() -> None:
    asked = rise(clause="7.2", increase=None, agreed=None, policy=replace(LATEST, rate_clauses=None))
    (proposed,) = given(LATE, ON).when(asked).events
    assert (proposed.clause, proposed.increase, proposed.notice_days) == ("7.2", None, None)


def test_a_higher_rate_from_its_proposal_to_its_end() -> None:
    proposed = given(LATE, ON).when(rise()).events
    decided = given(LATE, ON, *proposed).when(settle(policy=LATEST)).events
    past = [LATE, ON, *proposed, *decided]
    told_on, from_ = TODAY + timedelta(days=1), TODAY + timedelta(days=31)
    note = NoteNotice(measure_id="measure-1", template="higher-rate v1", today=told_on)
    named: dict[str, Any] = {"applicant_id": BORROWER, "measure_id": "measure-1", "loan_id": "loan-1"}
    what = {**named, "clause": "watched-rate", "increase": Decimal("0.01")}
    announced = HigherRateAnnounced(**what, template="higher-rate v1", told_on=told_on, effective_from=from_)
    given(*past).when(note).then(announced)
    given(*past, announced).when(replace(note, today=from_)).then()
    take = TakeHigherRate(measure_id="measure-1", today=from_ + timedelta(days=2))
    given(*past).when(take).then()
    given(*past, announced).when(replace(take, today=from_ - timedelta(days=1))).then()
    taken = HigherRateTaken(**what, decided_by="risk", effective_from=from_, taken_on=take.today)
    given(*past, announced).when(take).then(taken)
    given(*past, announced, taken).when(take).then()
    early = given(*past, announced, reviewed()).when(end()).events
    assert [type(event) for event in early] == [WatchMeasureEnded], "the ledger was told of nothing"
    given(*past, announced, reviewed(), *early).when(take).then()
    given(*past, reviewed(), *early).when(note).then()
    ended = given(*past, announced, taken, reviewed()).when(end()).events
    assert ended[1:] == [HigherRateEnded(**named, increase=Decimal("0.01"), ended_by="risk", ended_on=TODAY)]


def test_a_higher_rate_that_the_books_do_not_carry_is_in_force_no_more() -> None:
    proposed = given(LATE, ON).when(rise()).events
    decided = given(LATE, ON, *proposed).when(settle(policy=LATEST)).events
    follow = FollowRefusal(measure_id="measure-1", reason="loan-settled", today=TODAY)
    (ended,) = given(LATE, ON, *proposed, *decided).when(follow).events
    assert (ended.ended_by, ended.reason) == ("ledger", "not booked: loan-settled")
    given(LATE, ON, *proposed, *decided, ended).when(follow).then()


def test_a_measure_that_is_refused_freezes_nobody() -> None:
    proposed = given(LATE, ON).when(propose()).events
    (decided,) = given(LATE, ON, *proposed).when(settle(take=False)).events
    given(LATE, ON, *proposed, decided).when(end()).refused("measure-not-in-force")
    assert given(LATE, ON, *proposed, decided).when(propose(measure_id="measure-2")).error is None
    given(LATE, ON).when(settle()).refused("measure-not-found")


@pytest.mark.parametrize(
    ("kind", "with_", "field"),
    [
        (MeasureKind.LOWER_LIMIT, {}, "/limit"),
        (MeasureKind.FREEZE, {"limit": Money(1)}, "/limit"),
        (MeasureKind.HIGHER_RATE, {"loan_id": "loan-1"}, "/clause"),
        (MeasureKind.FREEZE, {"clause": "7.2"}, "/clause"),
        (MeasureKind.FREEZE, {"increase": Decimal("0.01")}, "/increase"),
        (MeasureKind.HIGHER_RATE, {"clause": "7.2"}, "/loan_id"),
        (MeasureKind.MORE_GUARANTEE, {}, "/loan_id"),
        (MeasureKind.LOWER_LIMIT, {"limit": Money(1), "loan_id": "loan-1"}, "/loan_id"),
    ],
)
def test_each_measure_has_what_it_needs(kind: MeasureKind, with_: dict[str, Any], field: str) -> None:
    refusal = given(LATE, ON).when(propose(kind, **with_)).refused("measure-incomplete")
    assert isinstance(refusal, Rejected)
    assert refusal.field == field
    given().when(propose()).refused("not-watched")


commands = st.lists(
    st.one_of(
        st.builds(
            raising,
            st.sampled_from([each.code for each in POLICY.signals]),
            loan=st.sampled_from(["loan-1", "loan-2"]),
            thing=st.sampled_from("12"),
        ),
        st.builds(CureWarnings, loan_id=st.sampled_from(["loan-1", "loan-2"]), today=st.just(TODAY)),
        st.builds(enter, by=st.sampled_from(["manager", "risk"])),
        st.builds(review, by=st.sampled_from(["manager", "risk"]), leave=st.booleans()),
        st.builds(propose, by=st.sampled_from(["manager", "risk"])),
        st.builds(settle, take=st.booleans(), by=st.sampled_from(["manager", "risk"])),
        st.builds(end, by=st.sampled_from(["manager", "risk"])),
        st.builds(leave, by=st.sampled_from(["manager", "risk"])),
        st.builds(LeaveQuietly, policy=st.just(POLICY), today=st.sampled_from([TODAY, TODAY + QUIET])),
    ),
    max_size=30,
)


@forall(commands)
def test_whatever_is_asked_in_whatever_order(asked: list[Any]) -> None:
    state, told = WATCH.initial, []
    for command in asked:
        try:
            events = WATCH.decide(command, state)
        except Rejected:
            continue
        told += events
        state = WATCH.replay(events, state)
    raised_ids = [event.warning_id for event in told if isinstance(event, WarningRaised)]
    assert len(raised_ids) == len(set(raised_ids)), "each warning once"
    on, frozen, review_says = False, False, False
    for event in told:
        if isinstance(event, WatchEntered):
            assert not on, "never on the list twice"
            on, review_says = True, False
        elif isinstance(event, WatchReviewed):
            review_says = event.leave
        elif isinstance(event, WatchLeft):
            assert on
            assert not frozen, "nobody leaves while he is frozen"
            assert review_says or not event.left_by, "a person's exit needs a review that says so"
            on = False
        elif isinstance(event, BorrowerFrozen):
            assert not frozen
            frozen = True
        elif isinstance(event, BorrowerUnfrozen):
            assert frozen
            frozen = False
    assert (state.watched, state.frozen) == (on, frozen)


def test_times_within_months() -> None:
    again = rule("late-again")
    assert not again.met(date(2026, 8, 31), [date(2026, 2, 28), date(2026, 8, 1)], 1), "the first is out of the months"
    assert again.met(date(2026, 8, 31), [date(2026, 3, 1), date(2026, 8, 1)], 1)
    assert not again.met(date(2026, 8, 31), [date(2026, 9, 1), date(2026, 8, 1)], 1), "what comes later counts not yet"
    assert not rule("past-due-31").met(TODAY, [], 30)
    assert rule("past-due-31").met(TODAY, [], 31)


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"signals": []}, "there are signals"),
        ({"signals": [DOCUMENT["rules"]["signals"]["value"][0]] * 2}, "code of its own"),
        ({"signals": [DOCUMENT["rules"]["signals"]["value"][0] | {"times": 0}]}, "from one time on"),
        ({"signals": [DOCUMENT["rules"]["signals"]["value"][2] | {"from_days": 30}]}, "told of at"),
        ({"signals": [{"code": "x"}]}, "form"),
        ({"review_days": {"LOW": 3}}, "each severity"),
        ({"quiet_days": 0}, "1 or more"),
        ({"two_persons": ["EVERYTHING"]}, "two persons"),
        ({"change_kinds": ["SOMETHING"]}, "SOMETHING"),
    ],
)
def test_rules_that_contradict_themselves_are_refused(values: dict[str, Any], fault: str) -> None:
    with pytest.raises(PolicyError, match=fault):
        WatchPolicy.from_json(document(**values))


def test_the_latest_rules_in_force_count_and_all_name_their_source() -> None:
    later = WatchPolicy.from_json(DOCUMENT | {"version": 2, "effective_from": "2026-06-01"})
    assert in_force([POLICY, later], date(2026, 5, 31)) is POLICY
    assert in_force([POLICY, later], date(2026, 6, 1)) is later
    with pytest.raises(LookupError):
        in_force([POLICY], date(2019, 12, 31))
    with pytest.raises(PolicyError, match="format"):
        WatchPolicy.from_json(DOCUMENT | {"format": "x/1"})
    assert all(each.source and each.meaning and each.standing in {"P", "S", "D", "M"} for each in POLICY.rules.values())
