"""Fixed fees from the agreement to the settlement that is paid: with its file, in the books, and back when a loan is undone."""

from __future__ import annotations

import csv
import io
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

from libs.contracts import examples as ex
from libs.contracts import ledger
from libs.service.testing import Served
from services.partners.tests.test_terms import PRINCIPAL, lent, settlements
from services.partners.tests.world import day, opened, says, world

FEES = [
    {"per": "LOAN", "payer": "PARTNER", "amount": ex.cny("30.00")},
    {"per": "MONTH", "payer": "OWN", "amount": ex.cny("200.00")},
    {"per": "SETTLEMENT", "payer": "PARTNER", "amount": ex.cny("5.00")},
]


async def file_of(platform: Served, settlement_id: str) -> tuple[bytes, list[dict[str, str]]]:
    partner = await platform.client("partner")
    answer = await partner.get(f"/partners/settlements/{settlement_id}/file")
    return answer.content, list(csv.DictReader(io.StringIO(answer.text)))


async def books(platform: Served) -> dict[str, str]:
    shown = (await (await platform.client("auditor")).get("/partners/books")).json()
    assert shown["equal"]
    return {row["funder"]: row["fixed_fees"]["amount"] for row in shown["lenders"]}


async def test_fees_of_a_loan_a_month_and_a_settlement_are_netted_filed_and_in_the_books(
    database: str, tmp_path: Path
) -> None:
    async with world(database, tmp_path) as (platform, _):
        await day(platform, date(2026, 1, 6))
        loan_id = await lent(platform, fixed_fees=FEES)
        await day(platform, date(2026, 1, 7))
        (made,) = await settlements(platform)
        assert (made.fixed_fee.amount, made.net.amount, made.movements) == ("35.00", "-35.00", 3)
        content, lines = await file_of(platform, made.settlement_id)
        assert sha256(content).hexdigest() == made.file_sha256
        assert [(row["type"].rpartition(".")[2], row["loan_id"], row["fixed_fee"]) for row in lines] == [
            ("v1", loan_id, "30.00"),
            ("v1", loan_id, "0.00"),
            ("settlement", "harbour-bank-1/1", "5.00"),
        ]
        assert await books(platform) == {"harbour-bank": "35.00", "own": "-35.00"}

        both = opened(date(2026, 1, 31)), opened(date(2026, 2, 2))
        await platform.publish("businessday-cn", *both)  # heard at once; nothing moved, and January is over
        await platform.settle()
        (_, made) = await settlements(platform)
        assert (made.fixed_fee.amount, made.net.amount, made.movements) == ("-195.00", "195.00", 2)
        content, lines = await file_of(platform, made.settlement_id)
        assert sha256(content).hexdigest() == made.file_sha256
        assert [(row["type"], row["effective_on"], row["fixed_fee"]) for row in lines] == [
            ("fixed-fee.month", "2026-01-31", "-200.00"),
            ("fixed-fee.settlement", "2026-02-02", "5.00"),
        ]
        await day(platform, date(2026, 2, 3))
        assert len(await settlements(platform)) == 2, (
            "a month is charged once, and without anything else nothing is settled"
        )

        back: dict[str, Any] = {"principal": ex.cny(PRINCIPAL), "amount": ex.cny(PRINCIPAL), "value_date": "2026-02-03"}
        await says(platform, ledger.DisbursementReturned, loan_id, **back)
        await platform.settle()
        await day(platform, date(2026, 2, 4))
        made = (await settlements(platform))[-1]
        assert made.fixed_fee.amount == "-25.00", "the loan's 30.00 are given back, less the settlement's"
        assert await books(platform) == {"harbour-bank": "-185.00", "own": "185.00"}
        partner = await platform.client("partner")
        shown = (await partner.get(f"/partners/settlements/{made.settlement_id}")).json()
        assert shown["fixed_fee"]["amount"] == "-25.00"
        assert [each["per"] for each in shown["fixed_fees"]] == ["SETTLEMENT"]
        assert await platform.parked() == []


async def test_without_fixed_fees_a_file_has_no_column_for_them(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as (platform, _):
        await lent(platform)
        await day(platform, date(2026, 2, 3))
        (made,) = await settlements(platform)
        content, lines = await file_of(platform, made.settlement_id)
        assert "fixed_fee" not in lines[0]
        assert sha256(content).hexdigest() == made.file_sha256
