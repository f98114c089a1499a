"""Past applications decided again on another card's scores: case by case, the same each time, signed off by another."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from libs.contracts import examples as ex
from libs.contracts.approval import CardCompared, CardComparisonSignedOff
from libs.contracts.collections import BorrowerFrozen
from libs.contracts.scoring import ApplicationsRescored, CardRescored
from libs.contracts.values import Reason
from libs.events.testing import Scenario
from libs.service.testing import Served, key
from services.approval.domain.card_comparison import SignOffCardComparison
from services.approval.handlers import CARD_COMPARISON, TABLES, TABLES_STREAM
from services.approval.library import library
from services.approval.tests.exposures import applies, happens
from services.approval.tests.requests import application_id, scored
from services.approval.tests.test_comparisons import stricter

TODAY = date(2026, 3, 3)
RESCORING = "rescoring-1"
LOW = Reason.model_validate({"code": "savings-balance", "text": {"zh": "储蓄较少", "en": "Savings are small"}})
UNUSABLE = Reason.model_validate({"code": "answer-not-usable", "text": {"zh": "无法采用", "en": "Cannot be used"}})

Card = tuple[int | None, str | None]


def told(cards: dict[int, Card], *, first: int = 1, part: int = 1) -> ApplicationsRescored:
    """What another card says of applications by their numbers."""
    cases = [
        {"application_id": application_id(n), "score": score, "grade": grade, "reasons": [0 if score is None else 1]}
        for n, (score, grade) in cards.items()
    ]
    return ApplicationsRescored.model_validate(
        ApplicationsRescored.example
        | {"rescoring_id": RESCORING, "cases": cases, "first": first, "part": part, "reasons": [UNUSABLE, LOW]}
    )


async def rescored(approval: Served, *parts: ApplicationsRescored, applications: int | None = None) -> None:
    count = sum(len(part.cases) for part in parts) if applications is None else applications
    end = CardRescored.model_validate(CardRescored.example | {"rescoring_id": RESCORING, "applications": count})
    await approval.publish(f"rescoring-{RESCORING}", *parts, end)
    await approval.settle()


async def past(approval: Served, grades: str) -> None:
    """Applications 1, 2, 3 and so on, scored with these grades."""
    for n, grade in enumerate(grades, 1):
        await approval.publish(f"assessment-{application_id(n)}", scored(n, grade))
    await approval.settle()


async def compared(approval: Served, **entry: Any) -> tuple[Any, dict[str, Any]]:
    manager = await approval.client("risk_manager")
    made = await manager.post("/approval/card-comparisons", json={"rescoring_id": RESCORING, **entry}, headers=key())
    assert made.status_code == 201, made.text
    return manager, made.json()


async def cases_of(manager: Any, comparison: dict[str, Any], query: str = "unchanged=true") -> list[dict[str, Any]]:
    shown = await manager.get(f"/approval/card-comparisons/{comparison['comparison_id']}/cases?{query}")
    assert shown.status_code == 200, shown.text
    items: list[dict[str, Any]] = shown.json()["items"]
    return items


async def test_each_application_is_decided_again_on_its_new_score(approval: Served) -> None:
    await past(approval, "AACEA")
    before = await approval.runtime.store.last_sequence()
    worse, better = (430, "E"), (700, "A")
    await rescored(
        approval, told({1: worse, 2: better, 3: better}), told({4: better, 5: (None, None)}, first=4, part=2)
    )
    manager, comparison = await compared(approval)
    assert (comparison["rescored"], comparison["considered"], comparison["changed"]) == (5, 5, 4)
    changes = {(row["was"], row["would_be"]): (row["count"], row["amount"]) for row in comparison["outcomes"]}
    forty = ex.cny("40000.00")
    assert changes == {
        ("APPROVE", "APPROVE"): (1, forty),
        ("APPROVE", "DECLINE"): (1, forty),
        ("APPROVE", "REFER"): (1, forty),
        ("DECLINE", "APPROVE"): (1, forty),
        ("REFER", "APPROVE"): (1, forty),
    }
    assert (comparison["offered"], comparison["would_be_offered"]) == (ex.cny("120000.00"), ex.cny("120000.00"))
    by_grade = {(row["was"], row["would_be"]): row for row in comparison["grades"]}
    assert by_grade["A", "E"]["offered"] == forty
    assert by_grade["A", "E"]["would_be_offered"] == ex.cny("0.00")
    assert sum(row["count"] for row in comparison["grades"]) == 5

    cases = await cases_of(manager, comparison)
    assert [case["application_id"] for case in cases] == [application_id(n) for n in range(1, 6)]
    assert [case["changed"] for case in cases] == [True, False, True, True, True]
    first, _, third, _, fifth = cases
    assert (first["was"]["grade"], first["would_be"]["grade"], first["would_be"]["score"]) == ("A", "E", 430)
    assert first["was"]["offer"]["amount"] == forty
    assert first["would_be"]["offer"] is None
    assert "savings-balance" in [reason["code"] for reason in first["would_be"]["reasons"]], (
        "what cost most of the score"
    )
    assert third["would_be"]["offer"]["annual_rate"] == cases[1]["was"]["offer"]["annual_rate"]
    assert (fifth["would_be"]["score"], fifth["would_be"]["outcome"]) == (None, "REFER")
    assert fifth["would_be"]["reasons"][-1]["code"] == "answer-not-usable"
    assert len(await cases_of(manager, comparison, "")) == 4
    paged = await manager.get(f"/approval/card-comparisons/{comparison['comparison_id']}/cases?limit=2")
    assert paged.json()["next"] == 3
    await approval.settle()
    streams = {event.stream_id for event in await approval.runtime.store.read(before, 100)}
    assert streams == {f"cardcomparison-{comparison['comparison_id']}"}, "only what was compared is put on record"


async def test_the_same_score_gives_the_same_decision_and_the_same_question_the_same_hash(approval: Served) -> None:
    await past(approval, "ABCDE")
    now = {n: (scored(n).score, grade) for n, grade in enumerate("ABCDE", 1)}
    await rescored(approval, told({**now, 9: (600, "B")}))
    manager, comparison = await compared(approval)
    assert (comparison["rescored"], comparison["considered"], comparison["changed"]) == (6, 5, 0)
    _, same = await compared(approval)
    assert same["result_sha256"] == comparison["result_sha256"]
    await approval.publish(f"assessment-{application_id(9)}", scored(9, "B"))
    await approval.settle()
    again = (await manager.get(f"/approval/card-comparisons/{comparison['comparison_id']}/verification")).json()
    assert again["equal"] is True
    _, later = await compared(approval)
    assert later["considered"] == 6


async def test_another_table_may_be_asked_on_the_new_scores(approval: Served) -> None:
    await past(approval, "E")
    await rescored(approval, told({1: (700, "A")}))
    manager = await approval.client("risk_manager")
    assert (await manager.post("/approval/tables", json={"document": stricter()}, headers=key())).status_code == 201
    outcomes = []
    for entry in ({}, {"table_version": 2}):
        _, comparison = await compared(approval, **entry)
        outcomes += [row["would_be"] for row in comparison["outcomes"]]
    assert outcomes == ["APPROVE", "REFER"]


async def test_what_stood_beside_the_table_stands_again(approval: Served) -> None:
    """Who was frozen is not approved by rule on a better score either."""
    frozen = BorrowerFrozen.model_validate(BorrowerFrozen.example | {"applicant_id": scored(1).request.applicant_id})
    await approval.publish("watch-1", frozen)
    await approval.settle()
    await past(approval, "C")
    await rescored(approval, told({1: (700, "A")}))
    manager, comparison = await compared(approval)
    [case] = await cases_of(manager, comparison)
    assert case["was"]["reasons"][0]["code"] == library().casework(TODAY).freeze.reason.code
    assert (case["would_be"]["grade"], case["would_be"]["outcome"]) == ("A", "REFER")


async def test_what_a_limit_did_not_allow_it_does_not_allow_on_another_score(approval: Served) -> None:
    """500,000 is the most that a person may owe: the sixth of six at 90,000 is over it."""
    await happens(approval, *(applies(n, "90000.00", "A", "one-and-the-same") for n in range(1, 7)))
    await rescored(approval, told({n: (700 + n, "A") for n in range(1, 7)}))
    manager, comparison = await compared(approval)
    *allowed, over = await cases_of(manager, comparison)
    assert {(case["was"]["outcome"], case["would_be"]["outcome"]) for case in allowed} == {("APPROVE", "APPROVE")}
    assert (over["was"]["outcome"], over["would_be"]["outcome"]) == ("REFER", "REFER")
    assert over["was"]["reasons"] == over["would_be"]["reasons"]
    assert comparison["changed"] == 0


async def test_another_price_is_a_change_too(approval: Served) -> None:
    await happens(approval, scored(1, "A", "10000.00"))
    await rescored(approval, told({1: (590, "C")}))
    manager, comparison = await compared(approval)
    [case] = await cases_of(manager, comparison, "")
    assert (case["was"]["outcome"], case["would_be"]["outcome"], case["changed"]) == ("APPROVE", "APPROVE", True)
    was, would_be = (Decimal(case[side]["offer"]["annual_rate"]) for side in ("was", "would_be"))
    assert would_be - was == Decimal("0.05"), "three hundred basis points less become two hundred more"


async def test_a_comparison_is_signed_off_once_by_somebody_else(approval: Served) -> None:
    await past(approval, "A")
    await rescored(approval, told({1: (430, "E")}))
    manager, comparison = await compared(approval)
    path = f"/approval/card-comparisons/{comparison['comparison_id']}"
    own = await manager.post(f"{path}/sign-off", json={"note": "Looks good to me"}, headers=key())
    assert (own.status_code, own.json()["type"]) == (403, "urn:puhui:problem:second-person-needed")
    senior = await approval.client("senior_credit_officer")
    signed = await senior.post(f"{path}/sign-off", json={"note": "One fewer; so be it"}, headers=key())
    assert (signed.status_code, signed.json()["signed_by"]) == (200, "senior-credit-officer")
    assert (await manager.get(path)).json()["signed_by"] == "senior-credit-officer"
    twice = await senior.post(f"{path}/sign-off", json={"note": "Again"}, headers=key())
    assert (twice.status_code, twice.json()["type"]) == (409, "urn:puhui:problem:signed-already")
    [made, off] = await approval.events(f"cardcomparison-{comparison['comparison_id']}")
    assert isinstance(made, CardCompared)
    assert isinstance(off, CardComparisonSignedOff)
    assert (off.card_sha256, off.considered, off.changed) == (made.card_sha256, 1, 1)


@pytest.mark.parametrize("part", ["drafted_by", "rescored_by", "compared_by"])
def test_whose_hand_is_in_it_does_not_sign(part: str) -> None:
    others = {"drafted_by": "a", "rescored_by": "b", "compared_by": "c"}
    made = CardCompared.model_validate(CardCompared.example | others | {part: "d"})
    sign = SignOffCardComparison(note="fine", by="d", today=TODAY)
    Scenario(CARD_COMPARISON).given(made).when(sign).refused("second-person-needed")
    Scenario(CARD_COMPARISON).given().when(sign).refused("comparison-unknown")


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({}, 422, "#/rescoring_id"),
        ({"rescoring_id": "nobody-knows"}, 422, "#/rescoring_id"),
        ({"rescoring_id": RESCORING, "table_version": 0}, 422, "#/table_version"),
        ({"rescoring_id": RESCORING, "table_version": 77}, 404, None),
        ({"rescoring_id": RESCORING, "more": 1}, 422, "#/more"),
    ],
)
async def test_what_cannot_be_compared_is_refused(
    approval: Served, body: dict[str, Any], status: int, pointer: str | None
) -> None:
    await past(approval, "A")
    await rescored(approval, told({1: (430, "E")}))
    manager = await approval.client("risk_manager")
    refused = await manager.post("/approval/card-comparisons", json=body, headers=key())
    assert (refused.status_code, refused.headers["content-type"]) == (status, "application/problem+json")
    assert pointer in (None, *(error["pointer"] for error in refused.json().get("errors", ())))


async def test_a_rescoring_of_which_a_part_was_not_heard_is_not_compared(approval: Served) -> None:
    await rescored(approval, told({2: (430, "E")}, first=2, part=2), applications=2)
    manager = await approval.client("risk_manager")
    refused = await manager.post("/approval/card-comparisons", json={"rescoring_id": RESCORING}, headers=key())
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:puhui:problem:rescoring-unknown")


async def test_who_may_not_and_what_is_not_there(approval: Served) -> None:
    officer = await approval.client("credit_officer")
    entry = {"rescoring_id": RESCORING}
    assert (await officer.post("/approval/card-comparisons", json=entry, headers=key())).status_code == 403
    for path in ("", "/cases", "/verification"):
        assert (await officer.get(f"/approval/card-comparisons/none{path}")).status_code == 404
    state, _ = await approval.runtime.commands.state(TABLES, TABLES_STREAM)
    assert not state.comparisons
