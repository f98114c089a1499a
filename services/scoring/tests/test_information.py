"""Given what was asked for and what came of it, when something more happens, then these events follow."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.german_credit import applicants
from libs.contracts.application import ConsentPurpose
from libs.contracts.scoring import (
    Advice,
    ApplicationScored,
    InformationAbandoned,
    InformationConsentWithdrawn,
    InformationMissing,
    InformationObtained,
    InformationRequested,
    ScoringFailed,
    Without,
)
from libs.contracts.values import ApplicantKind
from libs.events.testing import Scenario
from libs.lending.money import Money
from services.scoring.domain.assessment import (
    AbandonGathering,
    AssessApplication,
    Event,
    MissDeadlines,
    SettleItem,
    WithdrawConsent,
)
from services.scoring.domain.card_record import State
from services.scoring.domain.information import ItemKind
from services.scoring.handlers import assessments, rules_of
from services.scoring.library import library
from services.scoring.shelf import shelf_of
from services.scoring.tests.requests import request

ON = date(2026, 3, 1)
FIRST = next(applicants())
LARGE = Money.of("200000.00")
ALL_CONSENTS = tuple(ConsentPurpose)
CREDIT, REGISTRATION, INTERVIEW = "credit-report", "business-registration", "interview"
GOOD: dict[str, dict[str, Any]] = {
    CREDIT: {
        "credit-history": "existing-paid-duly",
        "other-instalment-plans": "none",
        "bureau-score": 700,
        "overdue-now-minor": 0,
        "worst-arrears-days": 0,
        "monthly-debt-service-minor": 0,
        "enquiries-3-months": 1,
    },
    REGISTRATION: {
        "registration-status": "active",
        "abnormal-operation": "no",
        "enforcement-listed": "no",
        "years-in-business": 4,
        "representative-changes": 0,
    },
    INTERVIEW: {"operation-seen": "sound", "willingness-to-repay": "good"},
}


def person(**changes: Any) -> AssessApplication:
    """A person asks for so much that the policy needs a credit report."""
    asked = request(FIRST, **{"amount": LARGE, **changes})
    return command(asked)


def enterprise(consents: tuple[ConsentPurpose, ...] = ALL_CONSENTS, **changes: Any) -> AssessApplication:
    """An enterprise needs all three items; with the card of persons, so that it can be scored."""
    return replace(
        command(request(FIRST, amount=LARGE, applicant_kind=ApplicantKind.ENTERPRISE, **changes)), consents=consents
    )


def command(asked: Any) -> AssessApplication:
    rules = replace(rules_of(shelf_of(library(), State()), asked, ON), card=library().cards[0])
    return AssessApplication(application_id="application-1", request=asked, consents=ALL_CONSENTS, on=ON, rules=rules)


def asked_for(begin: AssessApplication) -> list[Event]:
    return list(Scenario(assessments).given().when(begin).events)


def came(item: str, on: date = ON, **facts: Any) -> InformationObtained:
    kind: ItemKind = library().kinds[item]
    return InformationObtained.model_validate(
        InformationObtained.example
        | {
            "application_id": "application-1",
            "item": item,
            "source": kind.source,
            "consent": kind.consent,
            "as_of": on,
            "valid_until": on + timedelta(days=kind.valid_days),
            "facts": kind.taken(GOOD[item] | facts),
            "obtained_on": on,
        }
    )


def failed(item: str, why: Without) -> InformationMissing:
    return InformationMissing(application_id="application-1", item=item, why=why, detail="so it was", noted_on=ON)


def settle(begin: AssessApplication, settled: Any, on: date = ON, by_person: bool = False) -> SettleItem:
    return SettleItem(settled=settled, on=on, rules=begin.rules, by_person=by_person)


def test_what_the_policy_does_not_ask_for_delays_nobody() -> None:
    [event] = asked_for(person(amount=Money.of("199999.99")))
    assert isinstance(event, ApplicationScored)
    assert event.items == ()


def test_an_amount_in_another_currency_needs_everything_and_goes_to_a_person() -> None:
    begin = person(amount=Money.of("1000", "USD"))
    past = asked_for(begin)
    outcome = Scenario(assessments).given(*past).when(settle(begin, came(CREDIT))).events[-1]
    assert isinstance(outcome, ScoringFailed)
    assert outcome.reason.code == "answer-not-usable"
    assert outcome.reason.text.en.endswith("Amount asked for")


def test_who_asks_for_much_is_scored_when_his_credit_report_has_come() -> None:
    begin = person()
    past = asked_for(begin)
    assert [type(each) for each in past] == [InformationRequested]
    first, scored = Scenario(assessments).given(*past).when(settle(begin, came(CREDIT))).events
    assert first == came(CREDIT)
    assert isinstance(scored, ApplicationScored)
    assert [(each.item, each.sha256) for each in scored.items] == [(CREDIT, came(CREDIT).sha256)]


def test_what_the_bureau_says_counts_above_what_was_answered() -> None:
    begin = person(answers={**FIRST.answers, "credit-history": "all-here-repaid-duly"})
    scored = (
        Scenario(assessments)
        .given(*asked_for(begin))
        .when(settle(begin, came(CREDIT, **{"credit-history": "critical-or-credits-elsewhere"})))
        .events[-1]
    )
    assert isinstance(scored, ApplicationScored)
    told = {each.indicator: each.value for each in scored.indicators}
    assert told["credit-history"] == "critical-or-credits-elsewhere"


@pytest.mark.parametrize("why", [Without.NO_HIT, Without.UNAVAILABLE, Without.CONFLICTING])
def test_an_item_that_does_not_come_leads_to_a_person(why: Without) -> None:
    begin = person()
    missing, outcome = Scenario(assessments).given(*asked_for(begin)).when(settle(begin, failed(CREDIT, why))).events
    assert missing == failed(CREDIT, why)
    assert isinstance(outcome, ScoringFailed)
    assert (outcome.reason.code, outcome.advice) == (
        f"credit-report-{why.value.lower().replace('_', '-')}",
        Advice.REFER,
    )
    assert outcome.reason.text.zh.startswith("征信报告")


def test_without_consent_nothing_is_asked_and_the_policy_says_what_follows() -> None:
    events = asked_for(replace(person(), consents=(ConsentPurpose.DATA_PROCESSING,)))
    assert [type(each) for each in events] == [InformationRequested, InformationMissing, ScoringFailed]
    outcome = events[-1]
    assert isinstance(outcome, ScoringFailed)
    assert (outcome.reason.code, outcome.advice) == ("credit-report-no-consent", Advice.DECLINE)


@pytest.mark.parametrize(
    ("item", "facts", "code", "advice"),
    [
        (CREDIT, {"overdue-now-minor": 1}, "overdue-elsewhere", Advice.REFER),
        (CREDIT, {"worst-arrears-days": 91}, "long-arrears", Advice.REFER),
        (CREDIT, {"monthly-debt-service-minor": 165_001}, "debt-understated", Advice.REFER),
        (REGISTRATION, {"registration-status": "revoked"}, "not-in-business", Advice.DECLINE),
        (REGISTRATION, {"enforcement-listed": "yes"}, "enforcement-listed", Advice.DECLINE),
        (INTERVIEW, {"willingness-to-repay": "doubtful"}, "willingness-doubtful", Advice.REFER),
        (CREDIT, {"overdue-now-minor": None}, "credit-report-incomplete", Advice.REFER),
        (CREDIT, {"overdue-now-minor": "none"}, "credit-report-incomplete", Advice.REFER),
        (CREDIT, {"overdue-now-minor": -1}, "credit-report-incomplete", Advice.REFER),
        (REGISTRATION, {"enforcement-listed": True}, "business-registration-incomplete", Advice.REFER),
    ],
)
def test_what_speaks_against_an_applicant_is_told(item: str, facts: dict[str, Any], code: str, advice: Advice) -> None:
    begin = enterprise()
    past = asked_for(begin)
    for each in GOOD:
        past += (
            Scenario(assessments).given(*past).when(settle(begin, came(each, **(facts if each == item else {})))).events
        )
    outcome = past[-1]
    assert isinstance(outcome, ScoringFailed)
    assert (outcome.reason.code, outcome.advice, outcome.further) == (code, advice, ())


def test_debt_service_a_tenth_above_what_was_declared_is_let_pass() -> None:
    begin = person()
    last = (
        Scenario(assessments)
        .given(*asked_for(begin))
        .when(settle(begin, came(CREDIT, **{"monthly-debt-service-minor": 165_000})))
        .events[-1]
    )
    assert isinstance(last, ApplicationScored)


def test_a_refusal_is_told_before_what_a_person_should_look_at() -> None:
    begin = enterprise()
    past = [*asked_for(begin), came(CREDIT, **{"overdue-now-minor": 5}), came(INTERVIEW)]
    [_, outcome] = (
        Scenario(assessments)
        .given(*past)
        .when(settle(begin, came(REGISTRATION, **{"registration-status": "cancelled"})))
        .events
    )
    assert isinstance(outcome, ScoringFailed)
    assert (outcome.reason.code, outcome.advice) == ("not-in-business", Advice.DECLINE)
    assert [each.code for each in outcome.further] == ["overdue-elsewhere"]


def test_a_consent_withdrawn_between_question_and_answer_leaves_the_answer_out() -> None:
    begin = person()
    withdraw = WithdrawConsent(
        application_id="application-1", purpose=ConsentPurpose.CREDIT_REPORT, by="customer", on=ON, rules=begin.rules
    )
    past = asked_for(begin)
    events = Scenario(assessments).given(*past).when(withdraw).events
    assert [type(each) for each in events] == [InformationConsentWithdrawn, InformationMissing, ScoringFailed]
    Scenario(assessments).given(*past, *events).when(settle(begin, came(CREDIT))).then()
    Scenario(assessments).given(*past, *events).when(withdraw).refused("consent-withdrawn")


def test_what_came_under_a_consent_is_not_used_after_its_withdrawal() -> None:
    begin = enterprise()
    withdraw = WithdrawConsent(
        application_id="application-1", purpose=ConsentPurpose.CREDIT_REPORT, by="customer", on=ON, rules=begin.rules
    )
    past = [*asked_for(begin), came(CREDIT), came(REGISTRATION)]
    withdrawn = Scenario(assessments).given(*past).when(withdraw).events
    assert [type(each) for each in withdrawn] == [InformationConsentWithdrawn], "the interview is still waited for"
    outcome = Scenario(assessments).given(*past, *withdrawn).when(settle(begin, came(INTERVIEW))).events[-1]
    assert isinstance(outcome, ScoringFailed)
    assert outcome.reason.code == "credit-report-no-consent"


def test_an_assessment_stands_after_a_consent_is_withdrawn() -> None:
    begin = person()
    past = asked_for(begin)
    past += Scenario(assessments).given(*past).when(settle(begin, came(CREDIT))).events
    withdraw = WithdrawConsent(
        application_id="application-1", purpose=ConsentPurpose.CREDIT_REPORT, by="customer", on=ON, rules=begin.rules
    )
    events = Scenario(assessments).given(*past).when(withdraw).events
    assert [type(each) for each in events] == [InformationConsentWithdrawn]
    other = replace(withdraw, purpose=ConsentPurpose.SHARING)
    Scenario(assessments).given(*past).when(other).refused("consent-not-used")


def test_a_report_that_is_too_old_by_the_time_of_the_assessment_does_not_count() -> None:
    begin = enterprise()
    past = [*asked_for(begin), came(CREDIT), came(REGISTRATION)]
    for days, kind in ((30, ApplicationScored), (31, ScoringFailed)):
        on = ON + timedelta(days=days)
        outcome = Scenario(assessments).given(*past).when(settle(begin, came(INTERVIEW, on), on)).events[-1]
        assert isinstance(outcome, kind), days
    assert isinstance(outcome, ScoringFailed)
    assert outcome.reason.code == "credit-report-expired"


def test_what_nobody_brings_in_time_is_late_on_the_day_after() -> None:
    begin = enterprise()
    past = [*asked_for(begin), came(CREDIT), came(REGISTRATION)]
    day = ON + timedelta(days=5)
    Scenario(assessments).given(*past).when(MissDeadlines(on=day, rules=begin.rules)).then()
    late = MissDeadlines(on=day + timedelta(days=1), rules=begin.rules)
    missing, outcome = Scenario(assessments).given(*past).when(late).events
    assert isinstance(missing, InformationMissing)
    assert (missing.item, missing.why) == (INTERVIEW, Without.LATE)
    assert isinstance(outcome, ScoringFailed)
    assert outcome.reason.code == "interview-late"


def test_a_withdrawn_application_is_asked_about_no_more() -> None:
    begin = person()
    past = asked_for(begin)
    abandon = AbandonGathering(reason="withdrawn", on=ON)
    abandoned = InformationAbandoned(
        application_id="application-1", items=(CREDIT,), reason="withdrawn", abandoned_on=ON
    )
    state = Scenario(assessments).given(*past).when(abandon).then(abandoned)
    assert state.open == ()
    Scenario(assessments).given(*past, abandoned).when(settle(begin, came(CREDIT))).then()
    Scenario(assessments).given(*past, abandoned).when(abandon).then()
    Scenario(assessments).given().when(abandon).then()


def test_a_person_is_told_why_nothing_is_taken() -> None:
    begin = enterprise()
    past = [*asked_for(begin), came(INTERVIEW)]
    Scenario(assessments).given(*past).when(settle(begin, came(INTERVIEW), by_person=True)).refused("item-settled")
    alone = person()
    Scenario(assessments).given(*asked_for(alone)).when(settle(alone, came(INTERVIEW), by_person=True)).refused(
        "item-not-needed"
    )


def test_what_was_asked_for_is_not_asked_for_again() -> None:
    begin = person()
    Scenario(assessments).given(*asked_for(begin)).when(begin).then()


ends = st.sampled_from([*(why for why in Without if why not in (Without.EXPIRED, Without.INCOMPLETE)), None])


@given(
    st.tuples(ends, ends, ends),
    st.permutations(list(GOOD)),
    st.dictionaries(st.sampled_from([*GOOD[CREDIT]]), st.none() | st.booleans() | st.integers() | st.text(max_size=8)),
    st.sets(st.sampled_from(ALL_CONSENTS)),
)
def test_an_application_is_scored_only_when_every_item_came_whole_and_with_consent(
    outcomes: tuple[Without | None, ...], order: list[str], facts: dict[str, Any], consents: set[ConsentPurpose]
) -> None:
    begin = enterprise(tuple(consents))
    why = dict(zip(GOOD, outcomes, strict=True))
    past = asked_for(begin)
    for item in order:
        changes = facts if item == CREDIT else {}
        settled = came(item, **changes) if why[item] is None else failed(item, why[item] or Without.NO_HIT)
        past += Scenario(assessments).given(*past).when(settle(begin, settled)).events
    outcome = past[-1]
    reported = library().kinds[CREDIT].taken(GOOD[CREDIT] | facts)
    looked_at = {each.fact for each in begin.rules.policy.findings if each.item == CREDIT}
    whole = all(reported[fact] is not None for fact in looked_at)
    if isinstance(outcome, ApplicationScored):
        assert set(why.values()) == {None}, why
        assert {ConsentPurpose.CREDIT_REPORT, ConsentPurpose.DATA_PROCESSING} <= consents
        assert whole, reported
    else:
        assert isinstance(outcome, ScoringFailed), "it always comes to an end"
        findings = [each for each in begin.rules.policy.findings if each.item == CREDIT]
        speaks = any(each.holds(reported[each.fact], begin.request) for each in findings)
        missing = set(why.values()) != {None} or not whole
        assert missing or speaks or not {ConsentPurpose.CREDIT_REPORT, ConsentPurpose.DATA_PROCESSING} <= consents
