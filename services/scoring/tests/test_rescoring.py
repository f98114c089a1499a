"""Past applications scored again with another card, told part by part for approval to decide on."""

from __future__ import annotations

from datetime import date
from itertools import islice
from typing import Any

import pytest

from data.german_credit import applicants
from libs.contracts.application import ApplicationSubmitted
from libs.contracts.scoring import ApplicationScored, ApplicationsRescored, CardRescored
from libs.events.testing import Scenario
from libs.service.testing import Served, key
from services.scoring import rescoring
from services.scoring.domain.rescoring import EndRescoring, TellPart
from services.scoring.rescoring import RESCORING
from services.scoring.tests.requests import request
from services.scoring.tests.test_card_life import NAME, second_version

DAY = date(2026, 3, 1)
PERIOD = {"scored_from": "2026-03-01", "scored_to": "2026-03-01"}


def part(number: int) -> ApplicationsRescored:
    return ApplicationsRescored.model_validate(ApplicationsRescored.example | {"part": number})


def ended(**changes: Any) -> CardRescored:
    return CardRescored.model_validate(CardRescored.example | changes)


def test_a_part_is_told_once_and_the_end_once() -> None:
    Scenario(RESCORING).given().when(TellPart(part=part(1))).then(part(1))
    Scenario(RESCORING).given(part(1)).when(TellPart(part=part(1))).then()
    Scenario(RESCORING).given(part(1)).when(TellPart(part=part(2))).then(part(2))
    Scenario(RESCORING).given(part(1)).when(EndRescoring(rescored=ended())).then(ended())
    Scenario(RESCORING).given(part(1), ended()).when(EndRescoring(rescored=ended())).then()
    Scenario(RESCORING).given(part(1), ended()).when(TellPart(part=part(2))).then()


def test_an_end_that_read_further_than_the_parts_is_refused() -> None:
    further = EndRescoring(rescored=ended(until_sequence=4201))
    Scenario(RESCORING).given(part(1)).when(further).refused("rescoring-raced")


async def scored(scoring: Served, first: int, last: int) -> None:
    for each in islice(applicants(), first, last):
        application_id = f"application-{each.number}"
        submitted = ApplicationSubmitted(
            application_id=application_id, request=request(each), consents=(), documents=(), submitted_on=DAY
        )
        await scoring.publish(f"application-{application_id}", submitted)
    await scoring.settle()


async def test_what_a_card_says_is_told_in_parts_and_made_again_the_same(
    scoring: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rescoring, "PART", 15)
    await scored(scoring, 0, 40)
    manager = await scoring.client("risk_manager")
    made = await manager.post("/scoring/cards", json={"document": second_version()}, headers=key())
    once, path = key(), f"/scoring/cards/{NAME}/rescorings"
    shown = await manager.post(path, json=PERIOD, headers=once)
    assert shown.status_code == 201, shown.text
    told = shown.json()
    assert (told["applications"], told["parts"], told["unusable"]) == (40, 3, 0)
    assert told["card_sha256"] == made.json()["card"]["sha256"]
    assert (await manager.post(path, json=PERIOD, headers=once)).json() == told
    assert (await manager.get(shown.headers["location"])).json() == told

    stream = RESCORING.stream_id(told["rescoring_id"])
    *parts, end = await scoring.events(stream)
    assert [(each.part, each.first, len(each.cases)) for each in parts] == [(1, 1, 15), (2, 16, 15), (3, 31, 10)]
    assert (end.drafted_by, end.rescored_by, end.result_sha256) == (
        "risk-manager",
        "risk-manager",
        told["result_sha256"],
    )
    for each in parts:
        for case in each.cases:
            [first, *_] = await scoring.events(f"assessment-{case.application_id}")
            assert isinstance(first, ApplicationScored)
            assert case.score in (first.score, first.score - 60), "one answer brings 60 points less"
            assert all(place < len(each.reasons) for place in case.reasons)

    await scored(scoring, 40, 45)
    again = (await manager.get(f"{shown.headers['location']}/verification")).json()
    assert (again["equal"], again["made_again_sha256"]) == (True, told["result_sha256"])
    more = (await manager.post(path, json=PERIOD, headers=key())).json()
    assert more["applications"] == 45
    assert more["result_sha256"] != told["result_sha256"]
    for number in range(1, 46):
        assert len(await scoring.events(f"assessment-application-{number}")) == 1, "nothing follows for them"


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("name", "body", "status", "pointer"),
    [
        ("german-credit-v1", {"scored_from": "2026-03-02", "scored_to": "2026-03-01"}, 422, "#/scored_to"),
        ("german-credit-v1", {"scored_from": "2026-03-01"}, 422, "#/scored_to"),
        ("german-credit-v1", PERIOD | {"scored_to": "soon"}, 422, "#/scored_to"),
        ("german-credit-v1", PERIOD, 422, "#/scored_from"),
        ("german-credit-v9", PERIOD, 404, None),
    ],
)
async def test_what_cannot_be_scored_again_is_refused(
    empty_scoring: Served, name: str, body: dict[str, Any], status: int, pointer: str | None
) -> None:
    manager = await empty_scoring.client("risk_manager")
    refused = await manager.post(f"/scoring/cards/{name}/rescorings", json=body, headers=key())
    assert (refused.status_code, refused.headers["content-type"]) == (status, "application/problem+json")
    assert pointer in (None, *(error["pointer"] for error in refused.json().get("errors", ())))


@pytest.mark.asyncio(loop_scope="module")
async def test_who_may_not_and_what_is_not_there(empty_scoring: Served) -> None:
    officer = await empty_scoring.client("credit_officer")
    path = "/scoring/cards/german-credit-v1/rescorings"
    assert (await officer.post(path, json=PERIOD, headers=key())).status_code == 403
    for missing in ("/scoring/rescorings/none", "/scoring/rescorings/none/verification"):
        assert (await officer.get(missing)).status_code == 404
