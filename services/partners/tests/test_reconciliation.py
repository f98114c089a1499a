"""Files over HTTP beside what the ledger said: what is planted is found, shown, worked on and over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from libs.service.testing import key, served
from services.partners.app import service
from services.partners.tests.world import everything, paid_out, repaid, shared_with, world

FILES = "/partners/partners/harbour-bank/files"


async def lines(client: httpx.AsyncClient, partner: str = "harbour-bank") -> list[dict[str, Any]]:
    """The file of a partner that agrees in everything: what it was told."""
    flows = await everything(client, f"/partners/partners/{partner}/cash-flows")
    return [{"reference": row["reference"], "value_date": row["effective_on"], "amount": row["cash"]} for row in flows]


async def sent(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post(path, json=body, headers=key())
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def test_a_partner_s_file_finds_what_is_planted_and_a_later_one_closes_it(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as (platform, manager):
        loan_id = await shared_with(platform, "harbour-bank")
        await paid_out(platform, loan_id)
        for number in range(4):
            await repaid(platform, loan_id, number)
        await platform.settle()
        partner = await platform.client("partner")
        right = await lines(partner)
        assert len(right) == 5
        loans = await everything(partner, "/partners/partners/harbour-bank/loans", on="2026-03-02")
        theirs = [{"loan_id": loan_id, "status": "ACTIVE", "outstanding": loans[0]["outstanding"]}]
        less = {"amount": "0.01", "currency": "CNY"}
        extra = {"reference": "unknown", "value_date": "2026-03-02", "amount": less}
        wrong = [right[0], {**right[1], "amount": less}, {**right[2], "value_date": "2026-03-03"}, right[3], extra]
        found = await sent(
            partner, FILES, {"file_date": "2026-03-02", "items": wrong, "loans": [{**theirs[0], "status": "SETTLED"}]}
        )
        assert (found["ours"], found["theirs"], found["matched"], found["found"]) == (5, 5, 4, 5)
        await platform.settle()
        breaks = await everything(manager, "/partners/breaks")
        assert {(one["kind"], one["reference"]) for one in breaks} == {
            ("AMOUNT", right[1]["reference"]),
            ("TIMING", right[2]["reference"]),
            ("MISSING_THERE", right[4]["reference"]),
            ("MISSING_HERE", "unknown"),
            ("STATUS", f"loan/{loan_id}"),
        }
        await _worked_on(manager, partner, {one["kind"]: one["break_id"] for one in breaks})
        later = await sent(partner, FILES, {"file_date": "2026-03-03", "items": [right[4]], "loans": theirs})
        assert (later["found"], later["closed"], later["open"]) == (0, 2, 2), "late, and the loan agrees again"
        await platform.settle()
        assert await platform.parked() == []
        over = {one["kind"]: one for one in await everything(manager, "/partners/breaks", state="OVER")}
        assert over["MISSING_THERE"]["outcome"] == over["STATUS"]["outcome"] == "MATCHED_LATER"
        assert over["AMOUNT"]["outcome"] == "CORRECTED_THERE"
        ages = (await partner.get("/partners/breaks/ages")).json()
        assert {band["kind"] for band in ages} == {"TIMING", "MISSING_HERE"}


async def _worked_on(manager: httpx.AsyncClient, partner: httpx.AsyncClient, ids: dict[str, str]) -> None:
    path = f"/partners/breaks/{ids['AMOUNT']}"
    await sent(manager, f"{path}/assign", {"assignee": "finance-2"})
    await sent(partner, f"{path}/answer", {"answer": "Rounded twice."})
    await sent(manager, f"{path}/resolve", {"outcome": "CORRECTED_THERE", "reason": "They corrected it."})
    again = await manager.post(f"{path}/resolve", json={"outcome": "ACCEPTED", "reason": "Twice."}, headers=key())
    assert again.status_code == 404, again.text
    refused = await partner.post(f"{path}/resolve", json={"outcome": "ACCEPTED", "reason": "x"}, headers=key())
    assert refused.status_code == 403, "a partner does not resolve"


async def test_what_the_bank_says_beside_payouts_and_repayments(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as (platform, manager):
        loan_id = "loan-of-ours-alone"
        await paid_out(platform, loan_id)
        for number in range(2):
            await repaid(platform, loan_id, number)
        await platform.settle()
        amount = {"amount": "1100.16", "currency": "CNY"}
        paid = {
            "reference": f"PAID/p-{loan_id}",
            "value_date": "2026-02-02",
            "amount": {"amount": "-12000.00", "currency": "CNY"},
        }
        first = {"reference": f"RECEIVED/R-{loan_id}-0", "value_date": "2026-03-02", "amount": amount}
        body = {"file_date": "2026-03-02", "items": [paid, paid, first]}
        found = await sent(manager, "/partners/bank/statements", body)
        assert (found["ours"], found["matched"], found["found"]) == (3, 2, 2)
        await platform.settle()
        breaks = await everything(manager, "/partners/breaks", counterparty="bank:main")
        assert {(one["kind"], one["reference"]) for one in breaks} == {
            ("MISSING_HERE", f"PAID/p-{loan_id}#2"),
            ("MISSING_THERE", f"RECEIVED/R-{loan_id}-1"),
        }
        partner = await platform.client("partner")
        assert await everything(partner, "/partners/breaks") == [], "the bank's are not a partner's to know"
        for path, body in (("assign", {"assignee": "x"}), ("answer", {"answer": "x"})):
            refused = await partner.post(f"/partners/breaks/{breaks[0]['break_id']}/{path}", json=body, headers=key())
            assert refused.status_code in (403, 404), refused.text


@pytest.mark.parametrize(
    ("settings", "status", "says"), [({}, 422, "#/items"), ({"body_bytes_max": 9999}, 413, "9999")]
)
async def test_the_largest_file_is_read_unless_a_setting_says_less(
    database: str, tmp_path: Path, settings: dict[str, Any], status: int, says: str
) -> None:
    """One line more than there may be: who is told that has been read."""
    amount = {"amount": "123456789012.00", "currency": "CNY"}
    item = {"reference": "r" * 150, "value_date": "2026-03-02", "amount": amount}
    loan = {"loan_id": "l" * 80, "status": "WRITTEN_OFF", "outstanding": amount}
    async with served(service, database, tmp_path, **settings) as platform:
        partner = await platform.client("partner")
        body = {"file_date": "2026-03-02", "items": [item] * 5001, "loans": [loan] * 5000}
        refused = await partner.post(FILES, json=body, headers=key())
        assert refused.status_code == status, refused.text[:500]
        assert says in refused.text


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"file_date": "2026-03-32"}, 422, "#/file_date"),
        ({"items": [{"reference": "r", "value_date": "2026-03-02", "amount": "1.00"}]}, 422, "#/items/0/amount"),
        (
            {"items": [{"reference": "r", "value_date": "2026-03-02", "amount": {"amount": "1", "currency": "JPY"}}]},
            422,
            "#/items/0/amount",
        ),
        ({"items": [{"reference": "r e", "value_date": "2026-03-02"}]}, 422, "#/items/0/reference"),
        ({"loans": [{"loan_id": "l", "status": "GONE"}]}, 422, "#/loans/0/status"),
        ({"unknown": 1}, 422, "#/unknown"),
    ],
)
async def test_what_is_no_file_is_refused(
    database: str, tmp_path: Path, change: dict[str, Any], status: int, says: str
) -> None:
    async with world(database, tmp_path) as (platform, _):
        partner = await platform.client("partner")
        body = {"file_date": "2026-03-02", "items": []} | change
        refused = await partner.post(FILES, json=body, headers=key())
        assert refused.status_code == status, refused.text
        assert says in refused.text
