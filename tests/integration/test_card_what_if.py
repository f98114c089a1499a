"""A card is champion only after what it would have decided is known: scoring and approval, each with its own database,
hear of one another by their events alone."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from data.german_credit import applicants
from libs.contracts.application import ApplicationSubmitted
from libs.contracts.ledger import BusinessDayOpened
from libs.service.testing import Served, key, served
from services.approval.app import service as approval_service
from services.scoring.app import create_scoring
from services.scoring.tests.requests import request
from services.scoring.tests.test_card_life import NAME, second_version

DAY = date(2026, 12, 1)
APPLICATIONS = 40


class Both:
    """Two services; what happens in one reaches the other."""

    def __init__(self, scoring: Served, approval: Served) -> None:
        self.scoring, self.approval = scoring, approval
        self._told = {scoring.runtime.name: 0, approval.runtime.name: 0}

    async def day(self, day: date) -> None:
        opened = BusinessDayOpened.model_validate(BusinessDayOpened.example | {"business_date": day})
        for one in (self.scoring, self.approval):
            await one.publish("businessday-cn", opened)
            await one.settle()

    async def tell(self) -> None:
        for one, other in ((self.scoring, self.approval), (self.approval, self.scoring)):
            await one.settle()
            for stored in await one.runtime.store.read(self._told[one.runtime.name], 10_000):
                self._told[one.runtime.name] = stored.sequence
                [recorded] = await one.runtime.codec.read([stored])
                await other.publish(stored.stream_id, recorded)
            await other.settle()


@pytest.fixture
async def both(postgres_server: Any, tmp_path: Path) -> AsyncIterator[Both]:
    names = [f"test_{uuid.uuid4().hex[:12]}" for _ in range(2)]
    for name in names:
        postgres_server.create_database(name)
    scoring_url, approval_url = (postgres_server.dsn(name) for name in names)
    async with (
        served(create_scoring(), scoring_url, tmp_path / "scoring") as scoring,
        served(approval_service, approval_url, tmp_path / "approval") as approval,
    ):
        yield Both(scoring, approval)
        assert await scoring.parked() == await approval.parked() == []
    for name in names:
        postgres_server.drop_database(name)


async def test_a_card_becomes_champion_once_its_effect_on_decisions_is_signed_off(both: Both) -> None:
    await both.day(DAY)
    for each in islice(applicants(), APPLICATIONS):
        submitted = ApplicationSubmitted(
            application_id=f"application-{each.number}",
            request=request(each),
            consents=(),
            documents=(),
            submitted_on=DAY,
        )
        await both.scoring.publish(f"application-application-{each.number}", submitted)
    await both.tell()

    maker, card = await both.scoring.client("risk_manager"), f"/scoring/cards/{NAME}"
    second = await both.scoring.client("senior_credit_officer")
    period = {"scored_from": "2026-12-01", "scored_to": "2026-12-01"}
    champion = {"use": "CHAMPION", "effective_from": "2026-12-02", "note": "As compared"}

    async def done(client: Any, path: str, body: dict[str, Any], status: int = 201) -> dict[str, Any]:
        answer = await client.post(path, json=body, headers=key())
        assert answer.status_code == status, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    await done(maker, "/scoring/cards", {"document": second_version()})
    await done(maker, f"{card}/validations", period)
    refused = await done(second, f"{card}/approvals", champion, 409)
    assert refused["type"] == "urn:puhui:problem:comparison-needed"

    told = await done(maker, f"{card}/rescorings", period)
    await both.tell()
    manager = await both.approval.client("risk_manager")
    compared = await done(manager, "/approval/card-comparisons", {"rescoring_id": told["rescoring_id"]})
    assert compared["considered"] == told["applications"] == APPLICATIONS
    assert compared["changed"] > 0
    path = f"/approval/card-comparisons/{compared['comparison_id']}"
    cases = (await manager.get(f"{path}/cases")).json()["items"]
    assert len(cases) == compared["changed"]
    for case in cases:
        assert case["would_be"]["score"] in (case["was"]["score"], case["was"]["score"] - 60)
        assert case["would_be"]["reasons"]
    senior = await both.approval.client("senior_credit_officer")
    await done(senior, f"{path}/sign-off", {"note": "Fewer of the weak ones"}, 200)
    await both.tell()

    life = (await second.get(f"{card}/life")).json()
    assert life["cleared"]["comparison_id"] == compared["comparison_id"]
    await done(second, f"{card}/approvals", champion)
    assert (await manager.get(f"{path}/verification")).json()["equal"] is True
