"""The service as its neighbours and users meet it."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from itertools import islice
from typing import Any

import httpx

from data.german_credit import Applicant, applicants
from libs.contracts.application import ApplicationSubmitted
from libs.contracts.ledger import BusinessDayOpened
from libs.contracts.scoring import ApplicationScored, ScoringFailed
from libs.service.testing import Served
from services.scoring.domain.card import assess
from services.scoring.library import library
from services.scoring.tests.requests import request

CARD = library().cards[0]
SOME = list(islice(applicants(), 12))


def _submitted(applicant: Applicant, on: date = date(2026, 2, 1), **changes: Any) -> ApplicationSubmitted:
    return ApplicationSubmitted(
        application_id=f"application-{applicant.number}",
        request=request(applicant, **changes),
        consents=(),
        documents=(),
        submitted_on=on,
    )


async def _submit(scoring: Served, *events: ApplicationSubmitted) -> None:
    for event in events:
        await scoring.publish(f"application-{event.application_id}", event)
    await scoring.settle()
    assert await scoring.parked() == []


async def _get(scoring: Served, path: str, role: str = "credit_officer", **headers: str) -> httpx.Response:
    client = await scoring.client(role)
    return await client.get(f"/scoring{path}", headers=headers)


async def test_a_submitted_application_is_scored_once(scoring: Served) -> None:
    event = _submitted(SOME[0])
    await _submit(scoring, event, event)

    [published] = await scoring.events("assessment-application-1")
    expected = assess(CARD, SOME[0].answers)
    assert isinstance(published, ApplicationScored)
    assert (published.score, published.grade) == (expected.score, expected.grade)
    assert published.probability_of_default == expected.probability_of_default
    assert (published.card_sha256, published.scored_on) == (CARD.sha256, date(2026, 2, 1))
    assert published.request == event.request


async def test_an_application_is_scored_as_of_its_submission_whatever_day_it_is_now(scoring: Served) -> None:
    opened = BusinessDayOpened.model_validate(BusinessDayOpened.example | {"business_date": "2027-01-01"})
    await scoring.publish("businessday-cn", opened)
    await _submit(scoring, _submitted(SOME[0]))
    [published] = await scoring.events("assessment-application-1")
    assert published.scored_on == date(2026, 2, 1)


async def test_without_a_card_in_force_a_person_must_assess(scoring: Served) -> None:
    await _submit(
        scoring,
        _submitted(SOME[0], on=date(2023, 12, 31)),
    )
    [published] = await scoring.events("assessment-application-1")
    assert isinstance(published, ScoringFailed)
    assert published.reason.code == "no-card-in-force"


async def test_an_assessment_shows_every_input(scoring: Served) -> None:
    await _submit(scoring, _submitted(SOME[1]))
    answer = await _get(scoring, "/assessments/application-2")
    shown = answer.json()
    assert answer.status_code == 200
    assert (shown["outcome"], shown["failure"], shown["assessed_on"]) == ("SCORED", None, "2026-02-01")
    assert shown["card"] == {
        "name": "german-credit-v1",
        "card_id": "german-credit",
        "version": 1,
        "sha256": CARD.sha256,
    }
    assert sum(each["points"] for each in shown["score"]["indicators"]) == shown["score"]["score"]
    assert {each["indicator"]: each["answer"] for each in shown["score"]["indicators"]} == {
        each.id: SOME[1].answers[each.id] for each in CARD.indicators
    }
    assert 0 < len(shown["score"]["reasons"]) <= 4
    assert all(reason["text"]["zh"] and reason["text"]["en"] for reason in shown["score"]["reasons"])


async def test_an_assessment_that_failed_says_why(scoring: Served) -> None:
    await _submit(scoring, _submitted(SOME[0], answers={**SOME[0].answers, "savings-balance": "plenty"}))
    shown = (await _get(scoring, "/assessments/application-1")).json()
    assert (shown["outcome"], shown["score"], shown["card"]) == ("FAILED", None, None)
    assert shown["failure"]["code"] == "answer-not-usable"
    assert "Savings and securities" in shown["failure"]["text"]["en"]


async def test_an_assessment_unchanged_is_not_sent_again(scoring: Served) -> None:
    await _submit(scoring, _submitted(SOME[0]))
    first = await _get(scoring, "/assessments/application-1")
    again = await _get(scoring, "/assessments/application-1", **{"If-None-Match": first.headers["etag"]})
    assert (first.headers["etag"], again.status_code, again.content) == ('"v1"', 304, b"")


async def test_assessments_are_listed_page_by_page(scoring: Served) -> None:
    await _submit(scoring, *(_submitted(each, on=date(2026, 2, each.number)) for each in SOME))
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await _get(scoring, f"/assessments?limit=5{cursor}")).json()
        seen += [item["application_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [f"application-{each.number}" for each in reversed(SOME)]

    ascending = (await _get(scoring, "/assessments?sort=assessed_on&limit=2")).json()
    item = ascending["items"][1]
    expected = assess(CARD, SOME[1].answers)
    assert len(expected.reasons) > 1
    assert item == {
        "application_id": "application-2",
        "outcome": "SCORED",
        "assessed_on": "2026-02-02",
        "applicant_id": request(SOME[1]).applicant_id,
        "product_code": "consumer-standard",
        "amount": {"amount": "59510.00", "currency": "CNY"},
        "card": "german-credit-v1",
        "score": expected.score,
        "grade": expected.grade,
        "probability_of_default": str(expected.probability_of_default).rstrip("0"),
        "main_reason": expected.reasons[0].code,
    }


async def test_lists_and_counts_are_filtered(scoring: Served) -> None:
    await _submit(scoring, *(_submitted(each, on=date(2026, 2, each.number)) for each in SOME))
    await _submit(scoring, _submitted(next(islice(applicants(), 12, 13)), on=date(2023, 1, 1)))
    grades = [assess(CARD, each.answers).grade for each in SOME]

    counted = (await _get(scoring, "/distribution")).json()["grades"]
    assert {each["grade"]: each["applications"] for each in counted} == {
        **{grade: grades.count(grade) for grade in grades},
        None: 1,
    }
    assert counted[-1] == {"grade": None, "applications": 1, "mean_probability_of_default": None}

    for query, expected in (
        ("outcome=FAILED", 1),
        (f"grade={grades[0]}", grades.count(grades[0])),
        ("assessed_from=2026-02-03&assessed_to=2026-02-04", 2),
        ("main_reason=no-card-in-force", 1),
        ("product_code=another", 0),
        ("applicant_id=nobody", 0),
    ):
        found = (await _get(scoring, f"/assessments?{query}")).json()["items"]
        assert len(found) == expected, query
        total = sum(each["applications"] for each in (await _get(scoring, f"/distribution?{query}")).json()["grades"])
        assert total == expected, query


async def test_the_card_in_force_depends_on_day_and_applicant(scoring: Served) -> None:
    assert (await _get(scoring, "/cards/effective")).json()["name"] == "german-credit-v1"
    assert (await _get(scoring, "/cards/effective?on=2024-01-01")).status_code == 200
    for query in ("on=2023-12-31", "applicant_kind=ENTERPRISE"):
        refused = await _get(scoring, f"/cards/effective?{query}")
        assert (refused.status_code, refused.json()["type"]) == (404, "urn:puhui:problem:no-card-in-force")


async def test_a_cards_document_is_what_its_hash_is_of(scoring: Served) -> None:
    [listed] = (await _get(scoring, "/cards")).json()["items"]
    document = await _get(scoring, f"/cards/{listed['name']}/document")
    assert sha256(document.content).hexdigest() == listed["sha256"] == CARD.sha256
    assert (await _get(scoring, f"/cards/{listed['name']}")).json() == listed
    assert [each["grade"] for each in listed["grades"]] == ["A", "B", "C", "D", "E"]


async def test_a_card_can_be_tried_without_a_trace(scoring: Served) -> None:
    client = await scoring.client("risk_manager")
    answers = {name: value for name, value in SOME[0].answers.items() if name in {each.id for each in CARD.indicators}}
    tried = await client.post("/scoring/cards/german-credit-v1/trials", json={"answers": answers})
    assert (tried.status_code, tried.json()["score"]) == (200, assess(CARD, SOME[0].answers).score)
    empty = await client.post("/scoring/cards/german-credit-v1/trials", json={"answers": {}})
    assert empty.json()["score"] == assess(CARD, {}).score
    assert (await _get(scoring, "/assessments")).json()["items"] == []


async def test_indicators_are_shown_with_every_admissible_answer(scoring: Served) -> None:
    shown = (await _get(scoring, "/indicators?category=credit_history")).json()["items"]
    assert {each["category"] for each in shown} == {"credit_history"}
    every = (await _get(scoring, "/indicators")).json()["items"]
    assert {each["id"]: set(each["codes"]) for each in every} == {
        each.id: set(each.codes) for each in library().catalogue.indicators.values()
    }
    term = (await _get(scoring, "/indicators/requested-term-months")).json()
    assert (term["unit"], term["minimum"], term["maximum"]) == ("months", 1, 120)
    prohibited = (await _get(scoring, "/prohibited-attributes")).json()["items"]
    assert {"sex", "marital_status", "foreign_worker", "age"} <= {each["id"] for each in prohibited}
