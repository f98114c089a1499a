"""Given what has happened, when an application is to be assessed, then these events follow."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.german_credit import applicants
from libs.contracts.scoring import ApplicationScored, ScoringFailed
from libs.events.testing import Scenario
from libs.lending.money import Money
from services.scoring.domain.assessment import AssessApplication
from services.scoring.domain.card import Card
from services.scoring.domain.card_record import State
from services.scoring.handlers import assessments, rules_of
from services.scoring.library import library
from services.scoring.shelf import shelf_of
from services.scoring.tests.requests import request

CARD = library().cards[0]
FIRST = next(applicants())
ON = date(2026, 3, 1)


def _command(card: Card | None = CARD, **changes: Any) -> AssessApplication:
    asked = request(FIRST, **changes)
    return AssessApplication(
        application_id="application-1",
        request=asked,
        consents=(),
        on=ON,
        rules=replace(rules_of(shelf_of(library(), State()), asked, ON), card=card),
    )


def _when(**changes: Any) -> Any:
    [event] = Scenario(assessments).given().when(_command(**changes)).events
    return event


def _scored(**changes: Any) -> ApplicationScored:
    event = _when(**changes)
    assert isinstance(event, ApplicationScored)
    return event


def _failed(**changes: Any) -> ScoringFailed:
    event = _when(**changes)
    assert isinstance(event, ScoringFailed)
    return event


def test_an_application_is_scored_with_the_card_in_force() -> None:
    event = _scored()
    assert (event.card_id, event.card_version, event.card_sha256) == ("german-credit", 1, CARD.sha256)
    assert (event.application_id, event.scored_on) == ("application-1", ON)
    assert event.request == request(FIRST)


def test_the_score_is_the_sum_of_the_points_told() -> None:
    event = _scored()
    assert event.score == CARD.base_points + sum(each.points for each in event.indicators)
    assert Decimal(0) < event.probability_of_default < Decimal(1)


def test_every_indicator_of_the_card_is_told_with_its_answer() -> None:
    told = {each.indicator: each.value for each in _scored().indicators}
    assert told == {each.id: FIRST.answers[each.id] for each in CARD.indicators}


def test_reasons_are_told_in_both_languages() -> None:
    event = _scored(answers={})
    assert len(event.reasons) == 4
    assert {each.code for each in event.reasons} >= {"credit-history-missing", "current-account-status-missing"}
    assert all(each.text.zh and each.text.en for each in event.reasons)


def test_what_is_not_answered_counts_as_the_worst_answer() -> None:
    silent = _scored(answers={**FIRST.answers, "savings-balance": None})
    worst = min(bin.points for each in CARD.indicators if each.id == "savings-balance" for bin in each.bins)
    assert {each.indicator: each.points for each in silent.indicators}["savings-balance"] == worst
    assert silent.score < _scored().score


def test_amount_and_term_are_those_of_the_request_not_those_answered() -> None:
    boast: dict[str, int | str | None] = {**FIRST.answers, "requested-amount-minor": 1, "requested-term-months": 1}
    event = _scored(answers=boast, amount=Money.of("90000"), instalments=16, period_months=3)
    told = {each.indicator: each.value for each in event.indicators}
    assert told["requested-amount-minor"] == 90_000_00
    assert told["requested-term-months"] == 48


def test_the_purpose_of_the_request_counts_where_none_was_answered() -> None:
    answers = {name: value for name, value in FIRST.answers.items() if name != "loan-purpose"}
    known = {each.indicator: each.value for each in _scored(answers=answers, purpose="car-new").indicators}
    unknown = {each.indicator: each.value for each in _scored(answers=answers, purpose="household").indicators}
    assert known["loan-purpose"] == "car-new"
    assert unknown["loan-purpose"] is None


def test_without_a_card_in_force_a_person_must_assess() -> None:
    event = _failed(card=None)
    assert event.reason.code == "no-card-in-force"
    assert (event.failed_on, event.request) == (ON, request(FIRST))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"answers": {**FIRST.answers, "savings-balance": "plenty"}}, "Savings and securities"),
        ({"answers": {**FIRST.answers, "credit-history": 3}}, "Credit history"),
        ({"instalments": 121}, "Term asked for"),
    ],
)
def test_an_answer_that_cannot_be_used_goes_to_a_person_who_is_told_which(changes: dict[str, Any], named: str) -> None:
    event = _failed(**changes)
    assert event.reason.code == "answer-not-usable"
    assert event.reason.text.en == f"Answers that cannot be used; a person must assess: {named}"


@pytest.mark.parametrize("card", [CARD, None], ids=["scored", "failed"])
def test_what_was_assessed_is_not_assessed_again(card: Card | None) -> None:
    first = _when(card=card)
    state = Scenario(assessments).given(first).when(_command(amount=Money.of("1"))).then()
    assert state.outcome == first


@given(
    st.dictionaries(
        st.sampled_from([each.id for each in CARD.indicators]) | st.text(max_size=8),
        st.none() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8"), max_size=8),
    ),
    st.sampled_from([CARD, None]),
)
def test_whatever_is_submitted_leads_to_one_event_that_can_be_published(
    answers: dict[str, int | str | None], card: Card | None
) -> None:
    events = Scenario(assessments).given().when(_command(card=card, answers=answers)).events
    assert len(events) == 1
    assert type(events[0]).model_validate(events[0].payload()) == events[0]
