"""A borrower pays a cost back: through the ledger or to us, told, settled, in the books, and reversed with its repayment."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from libs.contracts import examples as ex
from libs.contracts import ledger
from libs.lending.money import Money
from libs.service.testing import key
from services.partners.tests.test_terms import lent, settlements
from services.partners.tests.world import day, said, says, shared_with, world

ZERO = ex.cny("0.00")
FEE = {"principal": ZERO, "interest": ZERO, "fee": ex.cny("40.00"), "penalty": ZERO}
BACK = {name: ex.cny(f"-{money['amount']}") if money is not ZERO else ZERO for name, money in FEE.items()}


async def test_what_comes_as_a_fee_goes_from_the_shares_to_who_bore_the_cost(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as (platform, manager):
        await day(platform, date(2026, 2, 2))
        loan_id = await lent(platform, costs=[{"kind": "COLLECTION", "partner_ppm": 500_000}])
        officer, path = await platform.client("finance_officer"), f"/loans/{loan_id}/costs"
        body = {"kind": "COLLECTION", "amount": ex.cny("100.00"), "incurred_on": "2026-02-02", "reference": "Invoice 1"}
        cost = await said(officer, path, body, 201)
        repayments = f"{path}/{cost['cost_id']}/repayments"
        await platform.settle()
        await day(platform, date(2026, 2, 3))

        on = {"value_date": "2026-02-03", "received_on": "2026-02-03"}
        await says(platform, ledger.RepaymentReceived, loan_id, repayment_id="r-1", allocated=FEE, **on)
        await platform.settle()
        paid = {"amount": ex.cny("40.00"), "repayment_id": "r-1", "reference": "Receipt 1"}
        shown = await said(officer, repayments, paid, 201)
        assert (shown["repaid"]["amount"], shown["repayments"][0]["repaid_on"]) == ("40.00", "2026-02-03")
        await platform.settle()
        await day(platform, date(2026, 2, 4))
        # 28.00 of the fee were the partner's; 20.00 of the cost come back to it, and no servicing fee is taken.
        made = (await settlements(platform))[-1]
        assert (made.amounts.fee.amount, made.amounts.cost.amount) == ("0.00", "-20.00")
        assert (made.servicing_fee.amount, made.net.amount, made.movements) == ("0.00", "20.00", 2)

        otherwise = {"amount": ex.cny("10.00"), "received_on": "2026-02-03", "reference": "The court's refund"}
        await said(officer, repayments, otherwise, 201)
        undone = {"difference": BACK, "reversed_on": "2026-02-04"}
        await says(platform, ledger.RepaymentReversed, loan_id, repayment_id="r-1", **undone)
        await platform.settle()
        await day(platform, date(2026, 2, 5))
        made = (await settlements(platform))[-1]
        assert (made.net.amount, made.movements) == ("-15.00", 3), "5.00 of the refund, and 20.00 are borne again"
        (shown,) = (await officer.get(f"/partners{path}")).json()
        assert (shown["repaid"]["amount"], [each["reversed"] for each in shown["repayments"]]) == (
            "10.00",
            [True, False],
        )
        second = shown["repayments"][1]["cost_repayment_id"]
        await said(manager, f"{repayments}/{second}/reversal", {"reason": "Of another case"})
        await platform.settle()

        books = (await officer.get("/partners/books")).json()
        assert books["equal"]
        assert (books["whole"]["cost"]["amount"], books["whole"]["fee"]["amount"]) == ("100.00", "0.00")
        partner = await platform.client("partner")
        told = (await partner.get("/partners/partners/harbour-bank/events")).json()["items"]
        of_cost = [each["event"] for each in told if ".cost-rep" in each["event"]["type"]]
        amounts = [each["data"]["your_part"]["amounts"] for each in of_cost]
        assert [(each["cost"]["amount"], each["fee"]["amount"]) for each in amounts] == [
            ("-20.00", "-28.00"),
            ("-5.00", "0.00"),
            ("20.00", "28.00"),
            ("5.00", "0.00"),
        ]
        assert {each["data"]["your_part"]["effective_on"] for each in of_cost} == {"2026-02-03"}
        assert all("parts" not in each["data"] and "recorded_by" not in each["data"] for each in of_cost)
        flows = (await partner.get("/partners/partners/harbour-bank/cash-flows", params={"limit": "50"})).json()[
            "items"
        ]
        assert sum(Money.of(each["amounts"]["cost"]["amount"]).minor for each in flows) == 50_00
        assert await platform.parked() == []


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"amount": ZERO}, 422, "validation-failed"),
        ({"amount": ex.cny("1.01")}, 422, "more-than-the-cost"),
        ({"received_on": None}, 422, "repayment-ambiguous"),
        ({"repayment_id": "r-1"}, 422, "repayment-ambiguous"),
        ({"received_on": "2199-01-01"}, 422, "repayment-date-outside"),
        ({"received_on": None, "repayment_id": "nobody"}, 422, "fee-not-paid"),
        ({"reference": " "}, 422, "validation-failed"),
    ],
)
async def test_what_was_not_paid_back_is_refused(
    database: str, tmp_path: Path, change: dict[str, Any], status: int, code: str
) -> None:
    async with world(database, tmp_path) as (platform, _):
        officer, loan_id = await platform.client("finance_officer"), await shared_with(platform, "harbour-bank")
        cost = {"kind": "LEGAL", "amount": ex.cny("1.00"), "incurred_on": "2026-01-02", "reference": "Invoice 1"}
        made = await said(officer, f"/loans/{loan_id}/costs", cost, 201)
        body = {"amount": ex.cny("1.00"), "received_on": "2026-01-03", "reference": "Receipt 1"}
        path = f"/partners/loans/{loan_id}/costs/{made['cost_id']}/repayments"
        refused = await officer.post(path, json=body | change, headers=key())
        assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (status, code), refused.text
        assert (await officer.post(path.replace(made["cost_id"], "x"), json=body, headers=key())).status_code == 404
