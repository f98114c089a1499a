"""The life of a card: given what is on record, when somebody acts, then this follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import islice
from typing import Any

import pytest

from data.german_credit import applicants
from libs.contracts.application import ApplicationSubmitted
from libs.contracts.ledger import BusinessDayOpened
from libs.contracts.scoring import (
    ApplicationScored,
    CardApproved,
    CardCleared,
    CardDrafted,
    CardRetired,
    CardTookEffect,
    CardUse,
    CardValidated,
    ChallengerScored,
)
from libs.events.testing import Scenario
from libs.service.testing import Served, key
from services.scoring.domain.card import assess
from services.scoring.domain.card_document import read_card
from services.scoring.domain.card_life import ApproveCard, BeginDay, ClearCard, DraftCard, RecordValidation, RetireCard
from services.scoring.domain.card_record import Stage, State
from services.scoring.handlers import rules_of
from services.scoring.library import HERE, library
from services.scoring.shelf import CARDS, drafted_card, shelf_of
from services.scoring.tests.documents import to_bytes
from services.scoring.tests.requests import request

TODAY = date(2026, 3, 1)
FROM = date(2026, 4, 1)
POLICY = library().card_policy(TODAY)
PUBLISHED = frozenset(card.name for card in library().cards)
NAME = "german-credit-v2"


def second_version(**changes: Any) -> dict[str, Any]:
    """The published card with other points for one answer, as the next version."""
    document: dict[str, Any] = dict(library().cards[0].document)
    indicators = [dict(each) for each in document["indicators"]]
    bins = [dict(each) for each in indicators[0]["bins"]]
    bins[-1]["points"] -= 60
    indicators[0]["bins"] = bins
    return document | {"version": 2, "effective_from": "2026-01-01", "indicators": indicators} | changes


def draft(document: dict[str, Any] | None = None, by: str = "maker") -> DraftCard:
    card = document or second_version()
    read = read_card(to_bytes(card))
    return DraftCard(
        card_id=read.card_id,
        version=read.version,
        sha256=read.sha256,
        document=card,
        published=PUBLISHED,
        by=by,
        today=TODAY,
    )


def drafted(document: dict[str, Any] | None = None) -> CardDrafted:
    [event] = Scenario(CARDS).given().when(draft(document)).events
    assert isinstance(event, CardDrafted)
    return event


def validated(**changes: Any) -> CardValidated:
    return CardValidated.model_validate(
        CardValidated.example | {"validated_by": "checker", "validated_on": TODAY} | changes
    )


def approve(use: CardUse = CardUse.CHALLENGER, by: str = "approver", **changes: Any) -> ApproveCard:
    order = ApproveCard(
        name=NAME,
        use=use,
        effective_from=FROM,
        earliest=date(2026, 1, 1),
        note="tried",
        policy=POLICY,
        by=by,
        today=TODAY,
    )
    return replace(order, **changes)


def approved(use: CardUse = CardUse.CHALLENGER, effective_from: date = FROM) -> CardApproved:
    return CardApproved.model_validate(CardApproved.example | {"use": use, "effective_from": effective_from})


def test_a_card_goes_through_its_life_in_order() -> None:
    past: list[Any] = []
    stages = []
    for step in (
        draft(),
        RecordValidation(validated=validated()),
        approve(),
        BeginDay(today=FROM),
        approve(CardUse.CHAMPION, effective_from=date(2026, 7, 1)),
        BeginDay(today=date(2026, 7, 1)),
        RetireCard(
            card_id="german-credit", version=2, published=PUBLISHED, reason="old", by="maker", today=date(2027, 1, 1)
        ),
    ):
        past += Scenario(CARDS).given(*past).when(step).events
        stages.append(CARDS.replay(past).cards[NAME].stage)
    assert [type(each) for each in past] == [
        CardDrafted,
        CardValidated,
        CardApproved,
        CardTookEffect,
        CardApproved,
        CardTookEffect,
        CardRetired,
    ]
    assert stages == [
        Stage.DRAFT,
        Stage.VALIDATED,
        Stage.APPROVED,
        Stage.EFFECTIVE,
        Stage.EFFECTIVE,
        Stage.EFFECTIVE,
        Stage.RETIRED,
    ]


@pytest.mark.parametrize("document", [dict(library().cards[0].document), second_version()])
def test_a_card_is_never_changed(document: dict[str, Any]) -> None:
    Scenario(CARDS).given(drafted()).when(draft(document)).refused("version-taken")


@pytest.mark.parametrize("by", ["maker", "checker"])
def test_who_drafted_or_validated_a_card_does_not_approve_it(by: str) -> None:
    Scenario(CARDS).given(drafted(), validated()).when(approve(by=by)).refused("second-person-needed")


@pytest.mark.parametrize(
    ("past", "order", "code"),
    [
        ([], approve(), "card-not-drafted"),
        ([drafted()], approve(), "validation-needed"),
        ([drafted(), validated(applications=29)], approve(), "validation-too-small"),
        ([drafted(), validated(applications=900, unusable=10)], approve(), "validation-unusable"),
        ([drafted(), validated()], approve(today=TODAY + timedelta(days=91), effective_from=FROM), "validation-stale"),
        ([drafted(), validated()], approve(effective_from=TODAY), "effective-date-too-early"),
        ([drafted(), validated()], approve(earliest=FROM + timedelta(days=1)), "effective-date-too-early"),
        ([drafted(), validated(), approved()], approve(), "approved-already"),
        ([drafted(), validated(), approved(CardUse.CHAMPION)], approve(), "approved-already"),
        ([drafted()], RecordValidation(validated=validated(version=1)), "card-not-drafted"),
    ],
)
def test_what_may_not_be_is_refused(past: list[Any], order: Any, code: str) -> None:
    Scenario(CARDS).given(*past).when(order).refused(code)


LATER = date(2026, 12, 1)
COMPARED_FIRST = library().card_policy(LATER)


def cleared(**changes: Any) -> CardCleared:
    document = {"sha256": drafted().sha256, "compared_on": LATER, "signed_on": LATER}
    return CardCleared.model_validate(CardCleared.example | document | changes)


def promote(use: CardUse = CardUse.CHAMPION, today: date = LATER) -> ApproveCard:
    return approve(use, policy=COMPARED_FIRST, today=today, effective_from=today + timedelta(days=1))


@pytest.mark.parametrize(
    ("past", "order", "code"),
    [
        ([], promote(), "comparison-needed"),
        ([cleared(considered=29)], promote(), "comparison-too-small"),
        ([cleared(compared_on=LATER - timedelta(days=91))], promote(), "comparison-stale"),
    ],
)
def test_a_champion_is_first_compared_on_past_decisions(past: list[Any], order: Any, code: str) -> None:
    Scenario(CARDS).given(drafted(), validated(validated_on=LATER), *past).when(order).refused(code)


def test_once_compared_and_signed_off_it_may_be_champion_and_a_challenger_needs_none() -> None:
    past = [drafted(), validated(validated_on=LATER)]
    for given, use in (([*past, cleared()], CardUse.CHAMPION), (past, CardUse.CHALLENGER)):
        [event] = Scenario(CARDS).given(*given).when(promote(use)).events
        assert isinstance(event, CardApproved)


def test_cards_approved_before_the_policy_asked_for_it_are_not_asked_now() -> None:
    assert (POLICY.comparison_days, COMPARED_FIRST.comparison_days) == (None, 90)
    [event] = Scenario(CARDS).given(drafted(), validated()).when(approve(CardUse.CHAMPION)).events
    assert isinstance(event, CardApproved)


def test_a_sign_off_counts_for_a_card_that_waits_for_it() -> None:
    Scenario(CARDS).given(drafted()).when(ClearCard(cleared=cleared())).then(cleared())
    Scenario(CARDS).given().when(ClearCard(cleared=cleared(version=1))).then()
    gone = CardRetired.model_validate(CardRetired.example | {"version": 2})
    Scenario(CARDS).given(drafted(), gone).when(ClearCard(cleared=cleared())).then()


def test_nine_of_nine_hundred_unusable_are_let_pass() -> None:
    [event] = Scenario(CARDS).given(drafted(), validated(applications=900, unusable=9)).when(approve()).events
    assert isinstance(event, CardApproved)


def test_a_retired_card_is_retired_once_and_used_no_more() -> None:
    retire = RetireCard(card_id="german-credit", version=1, published=PUBLISHED, reason="old", by="maker", today=TODAY)
    [retired] = Scenario(CARDS).given().when(retire).events
    Scenario(CARDS).given(retired).when(retire).refused("card-retired")
    Scenario(CARDS).given().when(replace(retire, version=9)).refused("card-unknown")
    shelf = shelf_of(library(), CARDS.replay([retired]))
    asked = request(next(applicants()))
    assert rules_of(shelf, asked, TODAY).card is not None, "it scores applications of its days still"
    assert rules_of(shelf, asked, TODAY + timedelta(days=1)).card is None


def test_a_card_takes_effect_once() -> None:
    past = [drafted(), validated(), approved()]
    Scenario(CARDS).given(*past).when(BeginDay(today=FROM - timedelta(days=1))).then()
    [took] = Scenario(CARDS).given(*past).when(BeginDay(today=FROM + timedelta(days=3))).events
    Scenario(CARDS).given(*past, took).when(BeginDay(today=FROM + timedelta(days=4))).then()


def test_a_challenger_stays_in_the_shadow_until_it_is_champion() -> None:
    past = [drafted(), validated(), approved(), approved(CardUse.CHAMPION, date(2026, 7, 1))]
    shelf = shelf_of(library(), CARDS.replay(past))
    asked = request(next(applicants()))
    found = []
    for day in (date(2026, 3, 31), date(2026, 4, 1), date(2026, 6, 30), date(2026, 7, 1)):
        rules = rules_of(shelf, asked, day)
        assert rules.card is not None
        found.append((rules.card.version, [each.version for each in rules.challengers]))
    assert found == [(1, []), (1, [2]), (1, [2]), (2, [])]


def test_the_narrowest_segment_counts() -> None:
    def named(card_id: str, **segment: Any) -> list[Any]:
        card = second_version(card_id=card_id, **({"segment": segment} if segment else {}))
        return [drafted(card), CardApproved.model_validate(approved(CardUse.CHAMPION).payload() | {"card_id": card_id})]

    past = [
        *named("everywhere"),
        *named("consumer", products=["consumer-standard"]),
        *named("here", products=["consumer-standard"], regions=["3301"]),
    ]
    shelf = shelf_of(library(), CARDS.replay(past))
    first = next(applicants())
    for changes, expected in (
        ({}, "here"),  # the example's region is 330100
        ({"region": "110105"}, "consumer"),
        ({"product": request(first).product.model_copy(update={"code": "micro-startup"})}, "everywhere"),
    ):
        card = rules_of(shelf, request(first, **changes), FROM).card
        assert card is not None
        assert card.card_id == expected


def test_a_drafted_card_scores_as_its_document_says() -> None:
    card = drafted_card(drafted())
    before = [assess(library().cards[0], each.answers).score for each in islice(applicants(), 50)]
    after = [assess(card, each.answers).score for each in islice(applicants(), 50)]
    differences = {a - b for a, b in zip(before, after, strict=True)}
    assert differences == {0, 60}


def test_without_anything_on_record_the_shelf_is_the_library() -> None:
    assert shelf_of(library(), State()).champions == library().cards
    assert HERE.name == "scoring"


async def _day(scoring: Served, day: date) -> None:
    opened = BusinessDayOpened.model_validate(BusinessDayOpened.example | {"business_date": day})
    await scoring.publish("businessday-cn", opened)
    await scoring.settle()


async def _submit(scoring: Served, day: date, first: int, last: int) -> None:
    for each in islice(applicants(), first, last):
        submitted = ApplicationSubmitted(
            application_id=f"application-{each.number}",
            request=request(each),
            consents=(),
            documents=(),
            submitted_on=day,
        )
        await scoring.publish(f"application-application-{each.number}", submitted)
    await scoring.settle()


async def test_over_http_from_draft_to_champion(scoring: Served) -> None:
    await _day(scoring, TODAY)
    await _submit(scoring, TODAY, 0, 40)
    maker = await scoring.client("risk_manager")
    path = f"/scoring/cards/{NAME}"

    for wrong, status in (
        (second_version(version=1), 422),  # taken
        (second_version(unknown=1), 422),
        (second_version(indicators=[]), 422),
        ({}, 422),
    ):
        refused = await maker.post("/scoring/cards", json={"document": wrong}, headers=key())
        assert (refused.status_code, refused.headers["content-type"]) == (status, "application/problem+json")
        assert refused.json()["errors"][0]["pointer"].startswith("#/document")
    assert (await maker.post("/scoring/cards", json={"document": second_version()})).status_code == 400
    made = await maker.post("/scoring/cards", json={"document": second_version()}, headers=key())
    assert (made.status_code, made.json()["card"]["stage"]) == (201, "DRAFT"), made.text
    document = await maker.get(f"{path}/document")
    assert document.json() == second_version()

    none = await maker.get(f"{path}/validation/cases")
    assert none.status_code == 404
    backwards = {"scored_from": "2026-03-01", "scored_to": "2026-02-01"}
    assert (await maker.post(f"{path}/validations", json=backwards, headers=key())).status_code == 422
    period = {"scored_from": "2026-03-01", "scored_to": "2026-03-01", "report_sha256": "5a" * 32}
    no_hash = {**period, "report_sha256": "report.html"}
    refused = await maker.post(f"{path}/validations", json=no_hash, headers=key())
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/report_sha256")
    once = key()
    shown = await maker.post(f"{path}/validations", json=period, headers=once)
    assert (await maker.post(f"{path}/validations", json=period, headers=once)).json() == shown.json()
    validation = shown.json()["validation"]
    assert (validation["applications"], validation["unusable"], validation["better"]) == (40, 0, 0)
    assert validation["report_sha256"] == "5a" * 32
    again = (await maker.get(f"{path}/validation/cases")).json()
    assert again["as_recorded"] is True
    assert len(again["moved"]) == validation["worse"] > 0

    approval = {"use": "CHALLENGER", "effective_from": "2026-03-02", "note": "A quarter in the shadow first"}
    own = await maker.post(f"{path}/approvals", json=approval, headers=key())
    assert (own.status_code, own.json()["type"]) == (403, "urn:puhui:problem:second-person-needed")
    second = await scoring.client("senior_credit_officer")
    assert (await second.post(f"{path}/approvals", json=approval, headers=key())).status_code == 201
    await _day(scoring, date(2026, 3, 2))
    assert (await second.get(f"{path}/life")).json()["card"]["stage"] == "EFFECTIVE"

    await _submit(scoring, date(2026, 3, 2), 40, 50)
    for number in range(41, 51):
        scored, shadow = await scoring.events(f"assessment-application-{number}")
        assert isinstance(scored, ApplicationScored)
        assert isinstance(shadow, ChallengerScored)
        assert (scored.card_version, shadow.card_version) == (1, 2)
        assert shadow.champion_score == scored.score
        assert shadow.score in (scored.score, scored.score - 60)
    compared = (await second.get(f"{path}/shadow?scored_from=2026-03-01&scored_to=2026-03-31")).json()
    assert compared["applications"] == 10
    assert sum(each["applications"] for each in compared["pairs"]) == 10

    champion = approval | {"use": "CHAMPION", "effective_from": "2026-03-03"}
    assert (await second.post(f"{path}/approvals", json=champion, headers=key())).status_code == 201
    await _day(scoring, date(2026, 3, 3))
    assert (await second.get("/scoring/cards/effective")).json()["name"] == NAME
    await _submit(scoring, date(2026, 3, 3), 50, 51)
    [last] = await scoring.events("assessment-application-51")
    assert (last.card_version, last.card_sha256) == (2, made.json()["card"]["sha256"])

    retired = await maker.post("/scoring/cards/german-credit-v1/retirement", json={"reason": "old"}, headers=key())
    assert (retired.status_code, retired.json()["card"]["stage"]) == (201, "RETIRED")
    assert await scoring.parked() == []
