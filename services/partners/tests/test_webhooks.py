"""From an event of the ledger to a partner's receiver, on a real database and over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from libs.contracts import ledger
from libs.service.testing import Served, key, served
from services.partners.app import service
from services.partners.tests.receiver import Receiver, receiving

TYPES = ["puhui.ledger.loan-disbursed.v1", "puhui.ledger.repayment-received.v1"]
PARTNER = {
    "partner": "harbour-bank",
    "legal_name": {"zh": "港湾", "en": "Harbour"},
    "licence": "B1",
    "subject": "partner",
}
OTHER = {"partner": "hill-bank", "legal_name": {"zh": "山", "en": "Hill"}, "licence": "B2", "subject": "somebody-else"}
SHARES = {
    "shares": [{"funder": "harbour-bank", "share_ppm": 700000}, {"funder": "own", "share_ppm": 300000}],
    "effective_from": "2026-02-02",
}


@pytest.fixture(autouse=True)
def _loopback_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUHUI_PARTNERS_WEBHOOK_NETWORKS", '["127.0.0.1/32"]')


@asynccontextmanager
async def running(database: str, directory: Path) -> AsyncIterator[tuple[Served, httpx.AsyncClient]]:
    async with served(service, database, directory) as platform:
        manager = await platform.client("finance_manager")
        for partner in (PARTNER, OTHER):
            made = await manager.post("/partners/partners", json=partner, headers=key())
            assert made.status_code == 201, made.text
        await platform.settle()
        yield platform, manager


async def endpoint(platform: Served, receiver: Receiver, partner: str = "harbour-bank") -> str:
    operator = await platform.client("operator")
    body = {"partner": partner, "url": receiver.url, "types": TYPES}
    made = await operator.post("/partners/endpoints", json=body, headers=key())
    assert made.status_code == 201, made.text
    endpoint_id: str = made.json()["endpoint_id"]
    receiver.secret = (await operator.get(f"/partners/endpoints/{endpoint_id}/secret")).json()["secrets"][0]
    await platform.settle()
    return endpoint_id


async def shared_loan(platform: Served) -> str:
    loan_id = str(uuid4())
    for role, path in (("finance_officer", "shares"), ("finance_manager", "shares/approve")):
        client = await platform.client(role)
        body = SHARES if path == "shares" else None
        done = await client.post(f"/partners/loans/{loan_id}/{path}", json=body, headers=key())
        assert done.status_code in (200, 201), done.text
    return loan_id


async def repaid(platform: Served, loan_id: str, number: int) -> None:
    event = ledger.RepaymentReceived.model_validate(
        ledger.RepaymentReceived.example | {"loan_id": loan_id, "repayment_id": f"r-{number}"}
    )
    await platform.publish(f"loan-{loan_id}", event)


def numbers(receiver: Receiver, loan_id: str) -> list[str]:
    """The repayments of a loan in the order in which they first came."""
    return list(dict.fromkeys(e["data"]["repayment_id"] for _, e in receiver.came if e["subject"] == loan_id))


async def test_a_partner_is_told_of_its_loans_with_its_part_and_of_no_other(database: str, tmp_path: Path) -> None:
    async with running(database, tmp_path) as (platform, manager), receiving() as receiver, receiving() as other:
        await endpoint(platform, receiver)
        await endpoint(platform, other, "hill-bank")
        loan_id = await shared_loan(platform)
        await repaid(platform, str(uuid4()), 0)  # of a loan that is ours alone
        for number in range(3):
            await repaid(platform, loan_id, number)
        await receiver.until(lambda it: len(it.accepted) == 3)
        await platform.settle()
        event = receiver.accepted[0]
        assert event["specversion"] == "1.0"
        assert event["data"]["your_part"]["funder"] == "harbour-bank"
        assert event["data"]["your_part"]["effective_on"] == event["data"]["value_date"]
        held = (await manager.get(f"/partners/loans/{loan_id}/holdings")).json()
        principal = [row["amounts"]["principal"]["amount"] for row in held["holdings"]]
        assert sum(round(float(each) * 100) for each in principal) == 3 * 92016
        assert held["whole"]["principal"]["amount"] == "2760.48"
        told = [e["data"]["your_part"]["amounts"]["principal"]["amount"] for e in receiver.accepted]
        assert round(sum(map(float, told)) * 100) == round(float(principal[0]) * 100)
        assert other.came == []
        assert await platform.parked() == []
        own = await (await platform.client("partner")).get(f"/partners/loans/{loan_id}/holdings")
        assert [row["funder"] for row in own.json()["holdings"]] == ["harbour-bank"]
        assert own.json()["whole"] is None


async def test_a_failure_holds_up_its_loan_and_no_other_and_is_repeated_under_the_same_id(
    database: str, tmp_path: Path
) -> None:
    failing: set[str] = set()

    def answer(_count: int, event: dict[str, Any]) -> tuple[int, dict[str, str]]:
        return (500, {}) if event["subject"] in failing else (204, {})

    async with running(database, tmp_path) as (platform, _), receiving(answer) as receiver:
        endpoint_id = await endpoint(platform, receiver)
        bad, good = await shared_loan(platform), await shared_loan(platform)
        failing.add(bad)
        for number in range(3):
            await repaid(platform, bad, number)
            await repaid(platform, good, number)
        await receiver.until(lambda it: len(it.accepted) == 3 and any(e["subject"] == bad for _, e in it.came))
        assert numbers(receiver, good) == ["r-0", "r-1", "r-2"]
        assert numbers(receiver, bad) == ["r-0"], "what is behind a failure waits"
        failing.clear()
        operator = await platform.client("operator")
        await log_until(operator, endpoint_id, lambda log: any(row["last_status"] == 500 for row in log))
        asked = await operator.post(
            f"/partners/endpoints/{endpoint_id}/redeliver", json={"failed": True}, headers=key()
        )
        assert asked.json() == {"deliveries": 1}, asked.text
        await receiver.until(lambda it: len(it.accepted) == 6)
        assert numbers(receiver, bad) == ["r-0", "r-1", "r-2"]
        ids = [webhook_id for webhook_id, event in receiver.came if event["data"]["repayment_id"] == "r-0"]
        assert len(ids) == 3
        assert len(set(ids)) == 2
        log = await log_until(operator, endpoint_id, lambda log: all(row["status"] == "DELIVERED" for row in log))
        (twice,) = [row for row in log if row["attempts"] == 2]
        attempts = await operator.get(f"/partners/endpoints/{endpoint_id}/deliveries/{twice['position']}/attempts")
        assert attempts.json()[0]["status"] == 500


async def log_until(
    client: httpx.AsyncClient, endpoint_id: str, condition: Callable[[list[dict[str, Any]]], bool]
) -> list[dict[str, Any]]:
    """The delivery log once it says so: an attempt is written down a moment after it was answered."""
    return await _asked_until(client, f"/partners/endpoints/{endpoint_id}/deliveries", condition)


async def _asked_until(
    client: httpx.AsyncClient, path: str, condition: Callable[[list[dict[str, Any]]], bool]
) -> list[dict[str, Any]]:
    async with asyncio.timeout(20):
        while True:
            items: list[dict[str, Any]] = (await client.get(path)).json()["items"]
            if condition(items):
                return items
            await asyncio.sleep(0.02)


async def test_gone_disables_and_resuming_sends_what_was_kept(database: str, tmp_path: Path) -> None:
    gone = [True]

    def answer(_count: int, _event: dict[str, Any]) -> tuple[int, dict[str, str]]:
        return (410, {}) if gone[0] else (204, {})

    async with running(database, tmp_path) as (platform, _), receiving(answer) as receiver:
        endpoint_id = await endpoint(platform, receiver)
        loan_id = await shared_loan(platform)
        await repaid(platform, loan_id, 0)
        await receiver.until(lambda it: len(it.came) == 1)
        operator = await platform.client("operator")
        await _asked_until(operator, "/partners/endpoints", lambda found: found[0]["status"] == "DISABLED")
        await repaid(platform, loan_id, 1)
        await platform.settle()
        gone[0] = False
        body = {"status": "ACTIVE", "reason": "Back"}
        resumed = await operator.post(f"/partners/endpoints/{endpoint_id}/status", json=body, headers=key())
        assert resumed.json()["status"] == "ACTIVE", resumed.text
        await platform.settle()
        await operator.post(f"/partners/endpoints/{endpoint_id}/redeliver", json={"failed": True}, headers=key())
        await receiver.until(lambda it: len(it.accepted) == 2)
        assert numbers(receiver, loan_id) == ["r-0", "r-1"]


async def test_paused_nothing_is_sent_then_everything_and_a_replay_repeats_it(database: str, tmp_path: Path) -> None:
    async with running(database, tmp_path) as (platform, _), receiving() as receiver:
        endpoint_id = await endpoint(platform, receiver)
        loan_id = await shared_loan(platform)
        operator = await platform.client("operator")
        for status in ("PAUSED", "ACTIVE"):
            body = {"status": status, "reason": "Maintenance"}
            await operator.post(f"/partners/endpoints/{endpoint_id}/status", json=body, headers=key())
            await platform.settle()
            if status == "PAUSED":
                for number in range(3):
                    await repaid(platform, loan_id, number)
                await platform.settle()
        await receiver.until(lambda it: len(it.accepted) == 3)
        replay = await operator.post(
            f"/partners/endpoints/{endpoint_id}/redeliver", json={"from_sequence": 2}, headers=key()
        )
        assert replay.json() == {"deliveries": 2}
        await receiver.until(lambda it: len(it.came) == 5)
        assert len({webhook_id for webhook_id, _ in receiver.came}) == 3
        again = await operator.post(f"/partners/endpoints/{endpoint_id}/test", headers=key())
        assert again.status_code == 202
        await receiver.until(lambda it: it.came[-1][1]["type"] == "puhui.partners.test.v1")


async def test_for_a_day_after_a_rotation_both_secrets_sign(database: str, tmp_path: Path) -> None:
    async with running(database, tmp_path) as (platform, _), receiving() as receiver:
        endpoint_id = await endpoint(platform, receiver)
        partner = await platform.client("partner")
        rotated = await partner.post(f"/partners/endpoints/{endpoint_id}/rotate-secret", headers=key())
        assert rotated.status_code == 200, rotated.text
        secrets = (await partner.get(f"/partners/endpoints/{endpoint_id}/secret")).json()["secrets"]
        assert len(secrets) == 2
        assert secrets[1] == receiver.secret
        await platform.settle()
        for number, secret in enumerate(secrets, start=1):
            receiver.secret = secret
            await partner.post(f"/partners/endpoints/{endpoint_id}/test", headers=key())
            await receiver.until(lambda it, wanted=number: len(it.accepted) == wanted)  # type: ignore[misc]
        assert all(len(each.split()) == 2 for each in receiver.signatures)


async def test_a_partner_reaches_nothing_of_another(database: str, tmp_path: Path) -> None:
    async with running(database, tmp_path) as (platform, _), receiving() as receiver:
        theirs = await endpoint(platform, receiver, "hill-bank")
        partner = await platform.client("partner")
        body = {"partner": "hill-bank", "url": receiver.url, "types": TYPES}
        refused = [
            await partner.post("/partners/endpoints", json=body, headers=key()),
            await partner.get(f"/partners/endpoints/{theirs}/secret"),
            await partner.post(f"/partners/endpoints/{theirs}/rotate-secret", headers=key()),
            await partner.post(
                f"/partners/endpoints/{theirs}/status", json={"status": "PAUSED", "reason": "x"}, headers=key()
            ),
            await partner.get(f"/partners/endpoints/{theirs}/deliveries"),
            await partner.get(f"/partners/endpoints/{theirs}/deliveries/1/attempts"),
            await partner.post(f"/partners/endpoints/{theirs}/redeliver", json={"failed": True}, headers=key()),
            await partner.post(f"/partners/endpoints/{theirs}/test", headers=key()),
            await partner.get(f"/partners/loans/{uuid4()}/holdings"),
        ]
        assert [answer.status_code for answer in refused] == [404] * len(refused)
        assert (await partner.get("/partners/endpoints")).json()["items"] == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"url": "http://127.0.0.2/hook"}, "address-refused"),
        ({"url": "https://169.254.169.254/"}, "address-refused"),
        ({"types": ["puhui.ledger.nothing.v1"]}, "event-type-unknown"),
        ({"partner": "nobody"}, "partner-not-found"),
    ],
)
async def test_what_cannot_be_registered_is_refused(
    database: str, tmp_path: Path, change: dict[str, Any], code: str
) -> None:
    async with running(database, tmp_path) as (_, manager):
        body = {"partner": "harbour-bank", "url": "http://127.0.0.1:9/hook", "types": TYPES} | change
        refused = await manager.post("/partners/endpoints", json=body, headers=key())
        assert refused.json()["type"].endswith(code), refused.text
        assert refused.status_code in (404, 422)
