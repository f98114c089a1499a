"""What must hold of the whole platform at any time, whatever has happened."""

from __future__ import annotations

import asyncio

from standalone.demo.report import bank_totals
from standalone.services import SERVICES
from tests.integration.client import Client
from tests.integration.running import PlatformProcess


def assert_sound(process: PlatformProcess, *, seed: str) -> None:
    """Nothing waits for a person, the books balance, no money moved twice, and every read model equals its replay."""
    asyncio.run(_assert_sound(process, seed))


async def _assert_sound(process: PlatformProcess, seed: str) -> None:
    client = Client.of(process, seed=seed)
    try:
        await client.settle()
        for name in SERVICES:
            progress = (await client.get("operator", f"/{name}/operations/progress"))["progress"]
            assert (name, progress["parked"], progress["tasks_failed"]) == (name, 0, 0)
        trial = await client.get("finance-officer", "/ledger/trial-balance")
        assert trial["accounts"]
        assert trial["total"] == {"CNY": "0.00"}
        assert (await bank_totals(process.layout))["duplicate_disbursements"] == 0
        assert process.bank.paid_more_than_once() == []
        for name in SERVICES:
            verified = await client.post(
                "operator", f"/{name}/operations/verifications", key=f"verify/{name}", patient=True
            )
            assert verified, f"{name} has read models"
            for model in verified:
                assert model["equal"], model
    finally:
        await client.close()
