"""Sources outside, as they behave: each of their ways ends in a stated outcome, and none in an approval by default."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from data.german_credit import applicants
from libs.contracts.application import (
    ApplicantRegistered,
    ApplicationSubmitted,
    ApplicationWithdrawn,
    ConsentPurpose,
)
from libs.contracts.ledger import BusinessDayOpened
from libs.contracts.scoring import (
    Advice,
    ApplicationScored,
    InformationAbandoned,
    InformationObtained,
    ScoringFailed,
)
from libs.contracts.values import ApplicantKind
from libs.lending.money import Money
from libs.service.testing import Served, key, served
from services.scoring import asking
from services.scoring.app import create_scoring
from services.scoring.tests.requests import request

# The world outside, which no service knows: the simulated sources, as an application beside this one.
simulated, faults = import_module("services.sources.app"), import_module("services.sources.faults")
Behaviour = faults.Behaviour
ON = date(2026, 2, 2)
FIRST = next(applicants())
FAULTS = faults.Faults(
    adverse=1000,
    no_hit=1000,
    conflicting=1000,
    stale=1000,
    partial=1000,
    slow=1000,
    broken_once=1000,
    down=1000,
    garbled=1000,
    worsens=500,
    slow_s=60,
)
SEED = 7
ENDS = {
    Behaviour.CLEAN: None,
    Behaviour.BROKEN_ONCE: None,
    Behaviour.WORSENS: None,
    Behaviour.ADVERSE: "overdue-elsewhere",
    Behaviour.NO_HIT: "credit-report-no-hit",
    Behaviour.CONFLICTING: "credit-report-conflicting",
    Behaviour.STALE: "credit-report-expired",
    Behaviour.PARTIAL: "credit-report-incomplete",
    Behaviour.SLOW: "credit-report-unavailable",
    Behaviour.DOWN: "credit-report-unavailable",
    Behaviour.GARBLED: "credit-report-unavailable",
}
"""What becomes of an application about which the bureau behaves so; None: it is scored."""


def number_of(behaviour: Any) -> str:
    """The first number about which the bureau behaves so."""
    numbers = (f"11010519900101{each:04d}" for each in count())
    return next(number for number in numbers if faults.behaviour_of(SEED, FAULTS, number) is behaviour)


class Held(httpx.AsyncBaseTransport):
    """The way to a bureau whose answers are held back until they are released."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self.asked = asyncio.Semaphore(0)
        self.released = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        self.asked.release()
        await self.released.wait()
        return response


@dataclass
class Outside:
    scoring: Served
    held: Held
    asked: Any
    """Questions by authority, as the bureau counts them."""


@pytest.fixture
async def outside(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Outside]:
    """The service beside a bureau that behaves in every way; there is no registry."""
    monkeypatch.setenv("PUHUI_SCORING_BUREAU_URL", "http://bureau.test")
    monkeypatch.setenv("PUHUI_SCORING_BUREAU_TOKEN", "shared")
    monkeypatch.setenv("PUHUI_SCORING_SOURCE_TIMEOUT_S", "0.5")
    monkeypatch.setattr(asking, "FIRST_DELAY", timedelta(milliseconds=1))
    bureau = simulated.create_source("bureau", seed=SEED, faults=FAULTS, token="shared")
    held = Held(httpx.ASGITransport(bureau))
    held.released.set()
    service = create_scoring({"bureau": held})
    async with served(service, database, tmp_path) as running:
        await opens(running, ON)
        yield Outside(running, held, bureau.state.questions)


def registered(applicant_id: str, number: str) -> ApplicantRegistered:
    return ApplicantRegistered.model_validate(
        ApplicantRegistered.example | {"applicant_id": applicant_id, "identity_number": number}
    )


def submitted(name: str, **changes: Any) -> ApplicationSubmitted:
    asked = request(FIRST, amount=Money.of("200000.00"), applicant_id=f"applicant-{name}", **changes)
    return ApplicationSubmitted(
        application_id=f"application-{name}",
        request=asked,
        consents=tuple(ConsentPurpose),
        documents=(),
        submitted_on=ON,
    )


async def outcome(scoring: Served, name: str) -> Any:
    """The last event of an assessment."""
    return (await scoring.events(f"assessment-application-{name}"))[-1]


async def opens(scoring: Served, day: date) -> None:
    opened = BusinessDayOpened.model_validate(BusinessDayOpened.example | {"business_date": day})
    await scoring.publish("businessday-cn", opened)
    await scoring.settle()


async def test_every_way_in_which_a_bureau_behaves_has_its_end(outside: Outside) -> None:
    scoring = outside.scoring
    for behaviour in ENDS:
        name = behaviour.value
        await scoring.publish(f"applicant-applicant-{name}", registered(f"applicant-{name}", number_of(behaviour)))
    await scoring.settle()
    for behaviour in ENDS:
        await scoring.publish(f"application-application-{behaviour.value}", submitted(behaviour.value))
    await scoring.settle()
    ends = {behaviour: await outcome(scoring, behaviour.value) for behaviour in ENDS}
    found = {each: None if isinstance(end, ApplicationScored) else end.reason.code for each, end in ends.items()}
    assert found == ENDS
    assert {end.advice for end in ends.values() if isinstance(end, ScoringFailed)} == {Advice.REFER}
    assert outside.asked[f"application-{Behaviour.CLEAN}"] == 1
    assert outside.asked[f"application-{Behaviour.NO_HIT}"] == 1, "nobody known is an answer"
    assert await scoring.parked() == []
    await _the_document_is_what_its_hash_is_of(scoring)


async def _the_document_is_what_its_hash_is_of(scoring: Served) -> None:
    name = f"application-{Behaviour.CLEAN}"
    _, obtained, scored = await scoring.events(f"assessment-{name}")
    assert isinstance(obtained, InformationObtained)
    assert (obtained.source, obtained.consent, obtained.as_of) == ("bureau", ConsentPurpose.CREDIT_REPORT, ON)
    assert obtained.valid_until == ON + timedelta(days=30)
    assert [each.sha256 for each in scored.items] == [obtained.sha256]
    officer = await scoring.client("credit_officer")
    path = f"/scoring/assessments/{name}/information"
    document = await officer.get(f"{path}/credit-report/document")
    assert (document.status_code, sha256(document.content).hexdigest()) == (200, obtained.sha256)
    [item] = (await officer.get(path)).json()["items"]
    assert (item["state"], item["sha256"], item["consent"]) == ("OBTAINED", obtained.sha256, "CREDIT_REPORT")
    assert (await (await scoring.client("auditor")).get(f"{path}/credit-report/document")).status_code == 403
    rows = await scoring.runtime.store.pool.fetch("select content from source_document")
    assert [row for row in rows if b"credit-history" in row["content"]] == [], "sealed"
    unknown = await officer.get(
        f"/scoring/assessments/application-{Behaviour.NO_HIT}/information/credit-report/document"
    )
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:puhui:problem:document-unknown")


async def test_an_enterprise_is_assessed_when_people_have_brought_their_part(outside: Outside) -> None:
    scoring = outside.scoring
    await scoring.publish("applicant-applicant-firm", registered("applicant-firm", number_of(Behaviour.CLEAN)))
    await scoring.publish("application-application-firm", submitted("firm", applicant_kind=ApplicantKind.ENTERPRISE))
    officer = await scoring.client("loan_officer")
    path = "/scoring/assessments/application-firm"
    await scoring.settle()
    assert (await officer.get(f"{path}/information")).json()["open"] == ["interview"]
    waits = await officer.get(path)
    assert (waits.status_code, waits.json()["type"]) == (404, "urn:puhui:problem:assessment-waits")
    day = (await officer.get("/scoring/information?state=OPEN&item=interview&due_to=2026-02-07")).json()["items"]
    assert [(each["application_id"], each["due_on"]) for each in day] == [("application-firm", "2026-02-07")]

    body = {
        "facts": {"operation-seen": "sound", "willingness-to-repay": "good"},
        "reference": "Visit of 2026-02-02",
        "as_of": "2026-02-02",
        "sha256": "0" * 64,
        "media_type": "application/pdf",
        "size_bytes": 1000,
    }
    for wrong, pointer in (
        ({"facts": {"operation-seen": "sound"}}, "#/facts/willingness-to-repay"),
        ({"facts": body["facts"] | {"mood": "fine"}}, "#/facts/mood"),
        ({"facts": body["facts"] | {"operation-seen": "splendid"}}, "#/facts/operation-seen"),
        ({"as_of": "2026-02-03"}, "#/as_of"),
        ({"sha256": "0"}, "#/sha256"),
    ):
        refused = await officer.post(f"{path}/information/interview", json=body | wrong, headers=key())
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
    assert (await officer.post(f"{path}/information/interview", json=body)).status_code == 400, "a key is needed"
    by_machine = await officer.post(f"{path}/information/credit-report", json=body, headers=key())
    assert by_machine.json()["type"] == "urn:puhui:problem:item-not-brought"

    once = key()
    brought = await officer.post(f"{path}/information/interview", json=body, headers=once)
    again = await officer.post(f"{path}/information/interview", json=body, headers=once)
    assert (brought.status_code, again.json()) == (201, brought.json())
    twice = await officer.post(f"{path}/information/interview", json=body, headers=key())
    assert (twice.status_code, twice.json()["type"]) == (409, "urn:puhui:problem:item-settled")
    end = await outcome(scoring, "firm")
    assert isinstance(end, ScoringFailed)
    assert end.reason.code == "business-registration-unavailable", "there is no registry"
    assert [each.code for each in end.further] == ["no-card-in-force"]
    shown = (await officer.get(path)).json()
    assert (shown["advice"], shown["failure"]["code"]) == ("REFER", "business-registration-unavailable")


async def test_what_is_withdrawn_between_question_and_answer_leaves_nothing_behind(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    scoring = outside.scoring
    source = scoring.runtime.extras["sources"]["bureau"]
    monkeypatch.setattr(source, "_timeout_s", 60.0)
    outside.held.released.clear()
    await scoring.publish("applicant-applicant-shy", registered("applicant-shy", number_of(Behaviour.CLEAN)))
    await scoring.publish("application-application-shy", submitted("shy"))
    await asyncio.wait_for(outside.held.asked.acquire(), 30)

    path = "/scoring/assessments/application-shy/consent-withdrawals"
    purpose = {"purpose": "CREDIT_REPORT"}
    stranger = await scoring.client("customer", **{"On-Behalf-Of": "applicant-other"})
    assert (await stranger.post(path, json=purpose, headers=key())).status_code == 403
    front_end = await scoring.client("customer", **{"On-Behalf-Of": "applicant-shy"})
    unused = await front_end.post(path, json={"purpose": "SHARING"}, headers=key())
    assert (unused.status_code, unused.json()["type"]) == (404, "urn:puhui:problem:consent-not-used")
    answer = await front_end.post(path, json=purpose, headers=key())
    assert answer.status_code == 201, answer.text
    assert (await front_end.post(path, json=purpose, headers=key())).status_code == 409

    outside.held.released.set()
    await scoring.settle()
    end = await outcome(scoring, "shy")
    assert isinstance(end, ScoringFailed)
    assert (end.reason.code, end.advice) == ("credit-report-no-consent", Advice.DECLINE)
    assert await scoring.parked() == []
    assert await scoring.runtime.store.pool.fetchval("select count(*) from source_document") == 0


async def test_what_nobody_brings_comes_to_its_end_with_the_days(outside: Outside) -> None:
    scoring = outside.scoring
    for name in ("slow", "left"):
        await scoring.publish(
            f"applicant-applicant-{name}", registered(f"applicant-{name}", number_of(Behaviour.CLEAN))
        )
        await scoring.publish(
            f"application-application-{name}", submitted(name, applicant_kind=ApplicantKind.ENTERPRISE)
        )
    await scoring.settle()
    withdrawn = ApplicationWithdrawn(application_id="application-left", reason="", withdrawn_on=ON)
    await scoring.publish("application-application-left", withdrawn)
    for days in (5, 6):
        before = await scoring.events("assessment-application-slow")
        await opens(scoring, ON + timedelta(days=days))
    assert before[-1].item != "interview", "it may come to the end of its day"
    end = await outcome(scoring, "slow")
    assert isinstance(end, ScoringFailed)
    assert [end.reason.code, *(each.code for each in end.further)] == [
        "business-registration-unavailable",
        "interview-late",
        "no-card-in-force",
    ]
    assert isinstance(await outcome(scoring, "left"), InformationAbandoned)
    assert await scoring.parked() == []


def test_numbers_behave_in_every_way() -> None:
    assert {faults.behaviour_of(SEED, FAULTS, number_of(each)) for each in Behaviour} == set(Behaviour)
