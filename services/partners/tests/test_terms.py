"""What an agreement says of losses and prices, over a loan's life: from the ledger's word to the settlement that is paid."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from libs.contracts import examples as ex
from libs.contracts import ledger
from libs.contracts.partners import BuyBackProposed, SettlementMade
from libs.lending.money import Money
from libs.service.testing import Served, key
from services.partners.handlers import loan_id_of
from services.partners.tests.world import (
    ANYTHING,
    agreement_with,
    approved,
    day,
    received,
    said,
    says,
    shared_with,
    world,
)

PRINCIPAL = "12000.00"


async def lent(platform: Served, **terms: Any) -> str:
    """A loan of 12,000.00 that was paid out under an agreement with these terms, 70 % of it the partner's."""
    await agreement_with(platform, "harbour-bank", **terms)
    await received(platform, "harbour-bank", "10000.00")
    application_id = await approved(platform)
    partner = await platform.client("partner")
    await said(partner, f"/fundings/{application_id}/answer", {"answer": "ACCEPT"})
    await platform.settle()
    arranged = (await platform.events(f"funding-{application_id}"))[-1]
    loan_id, booked = loan_id_of(application_id), ledger.LoanBooked.model_validate(ledger.LoanBooked.example)
    agreement = booked.agreement.model_copy(update={"lenders": arranged.lenders})
    await says(platform, ledger.LoanBooked, loan_id, application_id=application_id, agreement=agreement)
    await platform.settle()
    plan = [ex.PLAN_ROW | {"principal": ex.cny(PRINCIPAL)}]
    await says(platform, ledger.LoanDisbursed, loan_id, plan=plan, amount=ex.cny(PRINCIPAL))
    await platform.settle()
    return loan_id


async def settlements(platform: Served) -> list[SettlementMade]:
    events = await platform.events("settlement-harbour-bank")
    return [event for event in events if isinstance(event, SettlementMade)]


def lost(principal: str) -> dict[str, Any]:
    zero = ex.cny("0.00")
    return {"principal": ex.cny(principal), "interest": zero, "fee": zero, "penalty": zero}


async def test_we_bear_the_first_losses_and_recoveries_repay_us_last(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as (platform, _):
        loan_id = await lent(platform, first_loss={"bearer": "OWN", "cap_rate": "0.05"})
        await platform.settle()  # a day that opens overtakes what is still being split
        await day(platform, date(2026, 2, 3))
        await says(platform, ledger.LoanWrittenOff, loan_id, written_off=lost("1600.00"))
        await platform.settle()  # a day that opens overtakes what is still being split
        await day(platform, date(2026, 3, 3))
        await says(platform, ledger.RecoveryReceived, loan_id, amount=ex.cny("1300.00"))
        await platform.settle()  # a day that opens overtakes what is still being split
        await day(platform, date(2026, 3, 4))
        paid_out, written_off, recovered = await settlements(platform)
        assert paid_out.pools["harbour-bank-1/1"].lent.amount == PRINCIPAL
        # We bear the first 5 % of 12,000.00 and 30 % of the other 1,000.00; the partner has borne 1,120.00 of its own.
        assert (written_off.first_loss.amount, written_off.net.amount) == ("420.00", "420.00")
        # 910.00 of what came back is the partner's; of 300.00 that stay lost we bear all, so 210.00 are left of 420.00.
        assert (recovered.first_loss.amount, recovered.net.amount) == ("-210.00", "700.00")
        partner = await platform.client("partner")
        shown = (await partner.get("/partners/settlements")).json()["items"]
        assert [row["first_loss"]["amount"] for row in shown] == ["-210.00", "420.00", "0.00"]
        assert (await (await platform.client("auditor")).get("/partners/books")).json()["equal"]
        assert await platform.parked() == []


async def test_without_an_order_of_losses_each_bears_its_own(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as (platform, _):
        loan_id = await lent(platform)
        await says(platform, ledger.LoanWrittenOff, loan_id, written_off=lost("1600.00"))
        await platform.settle()  # a day that opens overtakes what is still being split
        await day(platform, date(2026, 3, 3))
        (made,) = await settlements(platform)
        assert (made.first_loss.amount, made.pools, made.net.amount) == ("0.00", {}, "0.00")
        assert made.amounts.written_off.amount == "1120.00"
        assert await platform.parked() == []


async def test_the_partner_has_its_own_rate_on_its_part_and_the_rest_of_the_income_is_ours(
    database: str, tmp_path: Path
) -> None:
    async with world(database, tmp_path) as (platform, _):
        loan_id = await lent(platform, price={"annual_rate": "0.06", "shortfall": "OWN"})
        await platform.settle()  # a day that opens overtakes what is still being split
        await day(platform, date(2026, 2, 3))
        await says(platform, ledger.RepaymentReceived, loan_id)
        await platform.settle()  # a day that opens overtakes what is still being split
        await day(platform, date(2026, 3, 3))
        (_, made) = await settlements(platform)
        # 126.00 of 180.00 interest at 18 % are on the partner's part; 6 % of its own are 42.00, less 5 % for servicing.
        assert made.amounts.interest.amount == "126.00"
        assert (made.price_margin.amount, made.servicing_fee.amount) == ("84.00", "2.10")
        assert made.net == made.amounts.principal + made.amounts.interest - made.price_margin - made.servicing_fee
        assert await platform.parked() == []


async def opened_hours_ago(platform: Served, on: date, hours: int) -> None:
    """The business day was opened so long ago, by the clock."""
    statement = "update day_opened set opened_at = now() - make_interval(hours => $2) where business_date = $1"
    assert await platform.runtime.store.pool.execute(statement, on, hours) == "UPDATE 1"


async def test_what_is_recorded_after_the_cut_off_is_settled_with_the_next_day(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as (platform, _):
        an_hour_ago = (datetime.now(UTC) - timedelta(hours=1)).strftime("%H:%MZ")
        await day(platform, date(2026, 2, 2))
        loan_id = await lent(platform, cut_off=an_hour_ago)
        await opened_hours_ago(platform, date(2026, 2, 2), 2)
        await day(platform, date(2026, 2, 3))  # the payout was after the cut-off of the second, and before the third's
        assert await settlements(platform) == []
        await says(platform, ledger.RepaymentReceived, loan_id)
        await platform.settle()
        await day(platform, date(2026, 2, 4))
        (made,) = await settlements(platform)
        assert (made.settled_on, made.movements) == (date(2026, 2, 4), 3), "payout, its funding, repayment"
        assert made.amounts.disbursed == made.funded == Money(8_400_00)
        await says(platform, ledger.RepaymentReceived, loan_id, repayment_id="r-2", bank_reference="R-2")
        await platform.settle()
        await opened_hours_ago(platform, date(2026, 2, 4), 2)
        for on in (date(2026, 2, 5), date(2026, 2, 6), date(2026, 2, 7)):
            await day(platform, on)
        made, late = await settlements(platform)
        assert (late.settled_on, late.movements) == (date(2026, 2, 6), 1)
        partner = await platform.client("partner")
        files = [await partner.get(f"/partners/settlements/{each.settlement_id}/file") for each in (made, late)]
        assert [len(file.text.splitlines()) - 1 for file in files] == [3, 1], "each movement is in one file"
        assert await platform.parked() == []


async def test_a_cut_off_is_a_time_of_day_with_its_offset(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as (platform, _):
        officer, today = await platform.client("finance_officer"), platform.runtime.today.isoformat()
        for wrong in ("17:00", "24:00Z", "5pm"):
            terms = ANYTHING | {"cut_off": wrong}
            body = {"agreement": "a", "partner": "harbour-bank", "effective_from": today, "terms": terms}
            refused = await officer.post("/partners/agreements", json=body, headers=key())
            assert refused.status_code == 422
            assert refused.json()["errors"][0]["pointer"] == "#/terms/cut_off", refused.text


async def stated(platform: Served, loan_id: str, days_past_due: int) -> None:
    """The ledger's word on a loan, for the buy-back that was proposed last."""
    await platform.settle()
    (asked,) = [event for event in await platform.events(f"share-{loan_id}") if isinstance(event, BuyBackProposed)][-1:]
    words = {"request_id": asked.proposal_id, "on": asked.effective_from.isoformat(), "days_past_due": days_past_due}
    await says(platform, ledger.LoanStated, loan_id, **words, interest_earned=ex.cny("846.00"))
    await platform.settle()


async def test_a_partner_s_part_of_a_late_loan_is_bought_told_and_settled(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as (platform, manager):
        terms = {"days_past_due_min": 90, "with_interest": True}
        price = {"annual_rate": "0.06", "shortfall": "OWN"}
        loan_id = await lent(platform, buy_back=terms, price=price)
        await says(platform, ledger.RepaymentReceived, loan_id)
        await platform.settle()
        await day(platform, date(2026, 3, 3))
        await day(platform, date(2026, 7, 2))
        officer = await platform.client("finance_officer")
        path = f"/loans/{loan_id}/buy-back"
        await said(officer, path, {"effective_from": "2026-07-02"}, 201)
        await stated(platform, loan_id, 89)
        refused = (await officer.get(f"/partners{path}")).json()
        assert (refused["status"], refused["days_past_due"], refused["principal"]) == ("REFUSED", 89, None)
        proposal = {"proposal_id": (await said(officer, path, {"effective_from": "2026-07-02"}, 201))["proposal_id"]}
        await stated(platform, loan_id, 91)
        shown = (await officer.get(f"/partners{path}")).json()
        assert (shown["status"], shown["partner"], shown["buyer"]) == ("PRICED", "harbour-bank", "own")
        part = await platform.client("partner")
        held = (await part.get(f"/partners/loans/{loan_id}/holdings")).json()["holdings"][0]
        assert (shown["principal"], shown["interest"]["amount"]) == (held["outstanding"], "466.20")
        done = await said(manager, f"{path}/approve", proposal)
        assert done["status"] == "DONE"
        await says(platform, ledger.RepaymentReceived, loan_id, repayment_id="r-9", value_date="2026-07-02")
        await platform.settle()
        await day(platform, date(2026, 7, 3))
        (*_, made) = await settlements(platform)
        # Of 466.20 that was earned at 18 % the partner's is what 6 % are of it, less 5 % for servicing.
        assert (made.price_margin.amount, made.servicing_fee.amount) == ("310.80", "7.77")
        assert made.net.minor == minor(held["outstanding"]) + 466_20 - 310_80 - 7_77
        assert made.movements == 1, "what was paid on that date is no longer its"
        file = await part.get(f"/partners/settlements/{made.settlement_id}/file")
        assert file.text.splitlines()[0].endswith(",funded,transferred_interest")
        assert sha256(file.content).hexdigest() == made.file_sha256
        told = (await part.get("/partners/partners/harbour-bank/events")).json()["items"]
        (event,) = [each["event"]["data"] for each in told if "shares-transferred" in each["event"]["type"]]
        assert (event["kind"], event["your_part"]["transferred_interest"]["amount"]) == ("BUY_BACK", "-466.20")
        assert (await part.get(f"/partners/loans/{loan_id}/holdings")).json()["holdings"][0]["share_ppm"] == 0
        assert (await (await platform.client("auditor")).get("/partners/books")).json()["equal"]
        assert await platform.parked() == []


async def test_a_buy_back_that_no_agreement_allows_is_refused_and_says_why(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as (platform, _):
        officer, body = await platform.client("finance_officer"), {"effective_from": "2026-02-02"}
        loan_id = await lent(platform)
        for loan, status, code in (
            (await shared_with(platform, "harbour-bank"), 404, "loan-without-agreement"),
            (loan_id, 409, "buy-back-not-agreed"),
        ):
            refused = await officer.post(f"/partners/loans/{loan}/buy-back", json=body, headers=key())
            assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (status, code), refused.text
        assert (await officer.get(f"/partners/loans/{loan_id}/buy-back")).status_code == 404


async def test_costs_are_borne_as_the_agreement_says_told_and_settled(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as (platform, manager):
        await day(platform, date(2026, 2, 2))
        costs = [{"kind": "LEGAL"}, {"kind": "COLLECTION", "partner_ppm": 500_000}]
        loan_id = await lent(platform, costs=costs)
        await day(platform, date(2026, 2, 3))
        officer, path = await platform.client("finance_officer"), f"/loans/{loan_id}/costs"
        body = {"amount": ex.cny("100.00"), "incurred_on": "2026-02-03", "reference": "Invoice 1"}
        legal, collection, _ = [
            await said(officer, path, body | {"kind": kind}, 201) for kind in ("LEGAL", "COLLECTION", "SERVICING")
        ]
        assert [(each["funder"], each["amount"]["amount"]) for each in collection["parts"]] == [
            ("harbour-bank", "50.00"),
            ("own", "50.00"),
        ]
        await platform.settle()
        await day(platform, date(2026, 2, 4))
        (_, made) = await settlements(platform)
        assert (made.movements, made.net.amount) == (2, "-120.00"), "70.00 and 50.00; the third is ours"
        part = await platform.client("partner")
        file = await part.get(f"/partners/settlements/{made.settlement_id}/file")
        assert file.text.splitlines()[0].endswith(",funded,cost")
        await said(manager, f"{path}/{legal['cost_id']}/reversal", {"reason": "Remitted"})
        await platform.settle()
        await day(platform, date(2026, 2, 5))
        assert [each.net.amount for each in await settlements(platform)] == ["0.00", "-120.00", "70.00"]
        told = (await part.get("/partners/partners/harbour-bank/events")).json()["items"]
        costs_told = [each["event"] for each in told if ".cost-" in each["event"]["type"]]
        assert [each["data"]["your_part"]["amounts"]["cost"]["amount"] for each in costs_told] == [
            "70.00",
            "50.00",
            "-70.00",
        ]
        assert all("bearing" not in each["data"] and "recorded_by" not in each["data"] for each in costs_told)
        shown = (await officer.get(f"/partners{path}")).json()
        assert [each["reversed"] for each in shown] == [True, False, False]
        books = (await officer.get("/partners/books")).json()
        assert books["equal"]
        assert books["whole"]["cost"]["amount"] == "200.00"
        statement = {"first": "2026-02-01", "last": "2026-02-28"}
        cash = (await part.get("/partners/partners/harbour-bank/statement", params=statement)).json()
        assert (cash["amounts"]["cost"]["amount"], cash["cash"]["amount"]) == ("50.00", "-8450.00")
        assert await platform.parked() == []


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"amount": ex.cny("0.00")}, 422, "validation-failed"),
        ({"kind": "DINNER"}, 422, "validation-failed"),
        ({"incurred_on": "2999-01-01"}, 422, "validation-failed"),
        ({"incurred_on": "2199-01-01"}, 422, "cost-date-later"),
        ({"reference": " "}, 422, "validation-failed"),
    ],
)
async def test_what_is_no_cost_is_refused(
    database: str, tmp_path: Path, change: dict[str, Any], status: int, code: str
) -> None:
    async with world(database, tmp_path) as (platform, _):
        officer, path = await platform.client("finance_officer"), await shared_with(platform, "harbour-bank")
        body = {"kind": "LEGAL", "amount": ex.cny("1.00"), "incurred_on": "2026-02-02", "reference": "Invoice 1"}
        refused = await officer.post(f"/partners/loans/{path}/costs", json=body | change, headers=key())
        assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (status, code), refused.text


def minor(money: dict[str, str]) -> int:
    return int(money["amount"].replace(".", ""))
