"""Paying out through a bank that fails in every way banks do: the money moves once, and the ledger finds out."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from libs.contracts import examples as ex
from libs.contracts.contract import CoLender, ContractSigned
from libs.contracts.ledger import LoanCancelled, LoanDisbursed
from libs.contracts.partners import BuyBackProposed, FundsMissing, FundsReserved
from libs.service.testing import Served, key
from services.ledger.tests.conftest import Start
from services.ledger.tests.making import DAY, contract_id, loan_id, outside_bank, signed

ALL = 10_000
"""Every payment meets the fault."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUHUI_BANK_TIMEOUT_S", "0.2")


async def sign(ledger: Served, n: int = 1) -> list[Any]:
    await ledger.publish(f"contract-{contract_id(n)}", signed(n))
    await ledger.settle()
    return await ledger.events(f"loan-{loan_id(n)}")


def names(events: list[Any]) -> list[str]:
    return [type(event).__name__ for event in events]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("accepted", []),
        ("slow", ["DisbursementUnresolved"]),
        ("error_before", ["DisbursementUnresolved"]),
        ("error_after", ["DisbursementUnresolved"]),
        ("duplicate", []),
    ],
)
async def test_money_moves_once_whatever_the_answer(start: Start, fault: str, told: list[str]) -> None:
    bank = outside_bank(**{fault: ALL, "slow_s": 1.0})
    async with start(bank) as ledger:
        events = await sign(ledger)
        assert names(events) == ["LoanBooked", "DisbursementRequested", *told, "LoanDisbursed"]
        totals = await bank.totals()
        assert (totals["payments"], totals["duplicate_disbursements"]) == (1, 0)
        assert totals["paid"] == {"amount": "12000.00", "currency": "CNY"}
        operator = await ledger.client("operator")
        await operator.post("/ledger/day-ends", json={"until": str(DAY)}, headers=key())
        assert names(await ledger.events(f"loan-{loan_id(1)}"))[-1] == "LoanDisbursed"
        assert await ledger.parked() == []


async def test_a_loan_with_co_lenders_is_paid_out_when_their_money_is_there_and_not_before(start: Start) -> None:
    bank = outside_bank()
    async with start(bank) as ledger:
        for n in (1, 2):
            await ledger.publish(f"contract-{contract_id(n)}", shared(n))
        await ledger.settle()
        for n in (1, 2):
            assert names(await ledger.events(f"loan-{loan_id(n)}")) == ["LoanBooked"]
        assert (await bank.totals())["payments"] == 0
        there = FundsReserved.model_validate(FundsReserved.example | {"loan_id": loan_id(1)})
        missing = FundsMissing.model_validate(FundsMissing.example | {"loan_id": loan_id(2)})
        await ledger.publish("funds-harbour-bank", there, missing)
        await ledger.settle()
        paid = ["LoanBooked", "DisbursementRequested", "LoanDisbursed"]
        assert names(await ledger.events(f"loan-{loan_id(1)}")) == paid
        events = await ledger.events(f"loan-{loan_id(2)}")
        assert names(events) == ["LoanBooked", "LoanCancelled"]
        assert events[-1].reason == "co-lender-funds-missing"
        late = FundsReserved.model_validate(FundsReserved.example | {"loan_id": loan_id(2)})
        twice = FundsMissing.model_validate(FundsMissing.example | {"loan_id": loan_id(1)})
        await ledger.publish("funds-harbour-bank", late, twice, there)
        await ledger.settle()
        assert names(await ledger.events(f"loan-{loan_id(1)}")) == paid
        assert names(await ledger.events(f"loan-{loan_id(2)}")) == ["LoanBooked", "LoanCancelled"]
        assert (await bank.totals())["payments"] == 1
        assert await ledger.parked() == []


async def test_where_a_loan_stands_is_said_to_who_proposes_to_buy_a_part_of_it(start: Start) -> None:
    async with start(outside_bank()) as ledger:
        await sign(ledger)
        asked = {"loan_id": loan_id(1), "effective_from": DAY.isoformat(), "proposed_on": DAY.isoformat()}
        proposed = BuyBackProposed.model_validate(BuyBackProposed.example | asked)
        await ledger.publish(f"share-{loan_id(1)}", proposed)
        await ledger.settle()
        event = (await ledger.events(f"loan-{loan_id(1)}"))[-1]
        assert (event.request_id, event.on, event.days_past_due) == (proposed.proposal_id, DAY, 0)
        assert await ledger.parked() == []


def shared(n: int) -> ContractSigned:
    lenders = tuple(CoLender.model_validate(each) for each in ex.CO_LENDERS)
    alone = signed(n)
    return alone.model_copy(update={"agreement": alone.agreement.model_copy(update={"lenders": lenders})})


async def test_a_final_refusal_cancels_the_loan(start: Start) -> None:
    bank = outside_bank(refused=ALL)
    async with start(bank) as ledger:
        events = await sign(ledger)
        assert names(events) == ["LoanBooked", "DisbursementRequested", "DisbursementFailed", "LoanCancelled"]
        assert events[2].reason in ("account-closed", "invalid-account")
        assert (await bank.totals())["payments"] == 0
        officer = await ledger.client("finance_officer")
        body = {"amount": {"amount": "1.00", "currency": "CNY"}, "value_date": str(DAY)}
        answer = await officer.post(f"/ledger/loans/{loan_id(1)}/repayments", json=body, headers=key())
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:puhui:problem:loan-cancelled")


async def test_a_passing_refusal_is_tried_again_under_another_id_and_then_by_a_person(start: Start) -> None:
    bank = outside_bank(refused_for_now=ALL)
    async with start(bank) as ledger:
        events = await sign(ledger)
        assert names(events) == ["LoanBooked", *["DisbursementRequested", "DisbursementFailed"] * 3]
        attempts = [event.payment_id for event in events if hasattr(event, "attempt")]
        assert len(set(attempts)) == 3
        officer = await ledger.client("finance_officer")
        path = f"/ledger/loans/{loan_id(1)}/disbursement-attempts"
        answer = await officer.post(path, json={"reason": "Liquidity is back"}, headers=key())
        assert answer.status_code == 200, answer.text
        assert answer.json()["payment"]["attempt"] == 4
        await ledger.settle()
        events = await ledger.events(f"loan-{loan_id(1)}")
        assert events[7].reason == "Liquidity is back"
        assert (await bank.totals())["payments"] == 0


async def test_nobody_pays_again_while_the_bank_has_not_said(start: Start) -> None:
    async with start(outside_bank()) as ledger:
        await sign(ledger)
        officer = await ledger.client("finance_officer")
        path = f"/ledger/loans/{loan_id(1)}/disbursement-attempts"
        answer = await officer.post(path, json={"reason": "Impatience"}, headers=key())
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:puhui:problem:loan-not-booked")


async def test_a_returned_payment_ends_the_loan_on_the_day_it_came_back(start: Start) -> None:
    bank = outside_bank(returned=ALL, return_days=3)
    async with start(bank) as ledger:
        await sign(ledger)
        officer, operator = await ledger.client("finance_officer"), await ledger.client("operator")
        body = {"amount": {"amount": "500.00", "currency": "CNY"}, "value_date": str(DAY)}
        await officer.post(f"/ledger/loans/{loan_id(1)}/repayments", json=body, headers=key())
        until = DAY + timedelta(days=10)
        answer = await operator.post("/ledger/day-ends", json={"until": str(until)}, headers=key())
        assert answer.json()["days_closed"] == 11
        await ledger.settle()
        events = await ledger.events(f"loan-{loan_id(1)}")
        assert names(events)[-2:] == ["DisbursementReturned", "LoanCancelled"]
        assert events[-2].value_date == events[-1].cancelled_on == DAY + timedelta(days=3)
        books = (await officer.get("/ledger/trial-balance")).json()
        assert books["total"] == {"CNY": "0.00"}
        balances = {row["account"]: row["balance"]["amount"] for row in books["accounts"]}
        assert balances.pop("1002") == "500.00"
        assert balances.pop("2241.01") == "-500.00"
        assert set(balances.values()) == {"0.00"}


async def test_a_contract_beyond_the_limits_is_not_booked(start: Start) -> None:
    bank = outside_bank()
    async with start(bank) as ledger:
        await ledger.publish(f"contract-{contract_id(1)}", signed(1, irr="0.2401"))
        await ledger.settle()
        events = await ledger.events(f"loan-{loan_id(1)}")
        assert names(events) == ["BookingRefused"]
        assert (events[0].rule, events[0].limit, events[0].found) == ("all-in-cost-max", "0.24", "0.2401")
        assert (await bank.totals())["payments"] == 0


async def test_a_contract_heard_twice_is_one_loan(start: Start) -> None:
    bank = outside_bank()
    async with start(bank) as ledger:
        await ledger.publish(f"contract-{contract_id(1)}", signed(1), signed(1))
        await ledger.settle()
        assert names(await ledger.events(f"loan-{loan_id(1)}")).count("LoanBooked") == 1
        assert (await bank.totals())["payments"] == 1


async def test_many_loans_through_every_fault(start: Start) -> None:
    """The same seed meets the same faults; the bank's own record is the judge."""
    bank = outside_bank(
        seed=11,
        accepted=1000,
        slow=500,
        error_before=1000,
        error_after=1000,
        duplicate=1000,
        refused=1000,
        refused_for_now=1500,
        returned=1000,
        slow_s=0.5,
    )
    async with start(bank) as ledger:
        for n in range(40):
            await ledger.publish(f"contract-{contract_id(n)}", signed(n))
        await ledger.settle()
        operator = await ledger.client("operator")
        await operator.post("/ledger/day-ends", json={"until": str(DAY + timedelta(days=7))}, headers=key())
        await ledger.settle()
        ends: Counter[str] = Counter()
        for n in range(40):
            events = await ledger.events(f"loan-{loan_id(n)}")
            assert names(events).count("LoanDisbursed") <= 1
            last = events[-1]
            ends[last.reason if isinstance(last, LoanCancelled) else type(last).__name__] += 1
        totals = await bank.totals()
        assert totals["duplicate_disbursements"] == 0
        assert totals["returned"] == ends["disbursement-returned"] > 0
        assert totals["payments"] == ends[LoanDisbursed.__name__] + ends["disbursement-returned"]
        assert ends["disbursement-failed"] > 0
        assert len(totals["faults"]) == 9
        assert await ledger.parked() == []
