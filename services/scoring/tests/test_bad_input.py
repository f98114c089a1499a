"""Whatever is sent, the answer names what is wrong, and nothing is left behind."""

from __future__ import annotations

from typing import Any

import pytest

from libs.service.testing import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")

TRIAL = "/scoring/cards/german-credit-v1/trials"


def _pointer(problem: dict[str, Any]) -> str:
    found: str = problem["errors"][0]["pointer"]
    return found


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/answers"),
        ({"answers": None}, "#/answers"),
        ({"answers": []}, "#/answers"),
        ({"answers": {}, "card": "x"}, "#/card"),
        ({"answers": {"age": 40}}, "#/answers/age"),
        ({"answers": {"requested-term-months": 12.5}}, "#/answers/requested-term-months"),
        ({"answers": {"requested-term-months": True}}, "#/answers/requested-term-months"),
        ({"answers": {"requested-term-months": [12]}}, "#/answers/requested-term-months"),
        ({"answers": {"loan-purpose": "x" * 65}}, "#/answers/loan-purpose"),
    ],
)
async def test_a_wrong_trial_is_refused_by_its_member(empty_scoring: Served, body: object, pointer: str) -> None:
    client = await empty_scoring.client("risk_manager")
    answer = await client.post(TRIAL, json=body)
    assert answer.status_code == 422
    assert _pointer(answer.json()).startswith(pointer)


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"{", 400), (b"", 422), (b'{"answers": {}, "answers": {}}', 422), (b'{"answers": {"loan-purpose": NaN}}', 400)],
)
async def test_a_broken_body_is_refused(empty_scoring: Served, content: bytes, status: int) -> None:
    client = await empty_scoring.client("risk_manager")
    answer = await client.post(TRIAL, content=content, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/assessments/nothing-of-that-name", 404, "assessment-unknown"),
        ("/assessments/not%20an%20id", 422, "validation-failed"),
        ("/cards/no-such-card", 404, "card-unknown"),
        ("/cards/no-such-card/document", 404, "card-unknown"),
        ("/cards/..%2f..%2fpyproject/document", 404, "not-found"),
        ("/indicators/star-sign", 404, "indicator-unknown"),
        ("/assessments?limit=0", 422, "validation-failed"),
        ("/assessments?limit=201", 422, "validation-failed"),
        ("/assessments?cursor=nonsense", 400, "invalid-cursor"),
        ("/assessments?sort=score", 422, "validation-failed"),
        ("/assessments?grade=b", 422, "validation-failed"),
        ("/assessments?outcome=MAYBE", 422, "validation-failed"),
        ("/assessments?assessed_from=2026-02-30", 422, "validation-failed"),
        ("/assessments?colour=blue", 422, "validation-failed"),
        ("/assessments?grade=A&grade=B", 422, "validation-failed"),
        ("/distribution?assessed_to=yesterday", 422, "validation-failed"),
        ("/cards/effective?on=0001-01-01", 422, "validation-failed"),
        ("/cards/effective?applicant_kind=ROBOT", 422, "validation-failed"),
        ("/refreshes?state=LOST", 422, "validation-failed"),
        ("/refreshes/nobody", 404, "refresh-unknown"),
        ("/refresh-policy?on=soon", 422, "validation-failed"),
        ("/indicators?category=astrology", 422, "validation-failed"),
    ],
)
async def test_a_wrong_question_is_refused(empty_scoring: Served, path: str, status: int, code: str) -> None:
    client = await empty_scoring.client("auditor")
    answer = await client.get(f"/scoring{path}")
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:puhui:problem:{code}")
    assert answer.json()["detail"]


async def test_a_trial_needs_a_card_that_exists(empty_scoring: Served) -> None:
    client = await empty_scoring.client("risk_manager")
    answer = await client.post("/scoring/cards/no-such-card/trials", json={"answers": {}})
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:puhui:problem:card-unknown")
