"""A loan in several parts, each through the bank, over HTTP and across day-ends."""

from __future__ import annotations

from datetime import date, timedelta
from importlib import import_module
from typing import Any

import pytest

from libs.contracts.ledger import TrancheDisbursed, TrancheReturned
from libs.lending.money import Money
from libs.lending.terms import Tranche
from libs.service.testing import Served
from services.ledger.domain.payouts import payment_id_of
from services.ledger.tests.conftest import Start
from services.ledger.tests.making import DAY, contract_id, loan_id, outside_bank, signed
from services.ledger.tests.test_adjustments_over_http import balances, repay, show
from services.ledger.tests.test_day_end import close_until

ON = DAY + timedelta(days=20)
LOAN = loan_id(1)
ALL = 10_000


async def sign(ledger: Served) -> None:
    await ledger.publish(f"contract-{contract_id(1)}", signed(1, tranches=(Tranche(ON, Money.of("3000.00")),)))
    await ledger.settle()


def seed_for(second_does: str, first_does: str = "confirmed", **faults: int) -> int:
    """A bank that does so with the two parts."""
    bank = import_module("services.bank.faults")
    first, second = payment_id_of(LOAN, 1), payment_id_of(LOAN, 1, 1)
    rates = bank.Faults(**faults)
    return next(
        seed
        for seed in range(1000)
        if bank.outcome_of(seed, rates, first) == first_does and bank.outcome_of(seed, rates, second) == second_does
    )


@pytest.mark.parametrize(("outcome", "fault"), [("confirmed", "accepted"), ("error-after", "error_after")])
async def test_each_part_is_paid_out_once(
    start: Start, monkeypatch: pytest.MonkeyPatch, outcome: str, fault: str
) -> None:
    monkeypatch.setenv("PUHUI_BANK_TIMEOUT_S", "0.2")
    bank = outside_bank(seed_for(outcome, **{fault: ALL // 2}), **{fault: ALL // 2})
    async with start(bank) as ledger:
        await sign(ledger)
        shown = await show(ledger, f"/loans/{LOAN}")
        assert (shown["principal"]["amount"], shown["undrawn"]["amount"]) == ("12000.00", "3000.00")
        assert shown["position"]["outstanding"]["principal"]["amount"] == "9000.00"
        await close_until(ledger, ON)
        await ledger.settle()
        assert (await show(ledger, f"/loans/{LOAN}"))["undrawn"]["amount"] == "0.00"
        await close_until(ledger, date(2026, 2, 4))
        plan = (await show(ledger, f"/loans/{LOAN}/plan"))["instalments"]
        await repay(ledger, LOAN, plan[0]["total"]["amount"], "2026-02-05")
    async with start(bank) as ledger:  # rows as the last close left them, the loan asked itself
        await close_until(ledger, date(2026, 3, 4))
        books = await balances(ledger)
        assert books["1303"] == (Money.of("12000.00") - Money.of(plan[0]["principal"]["amount"])).amount
        assert (await show(ledger, "/control-accounts"))["equal"]
        totals = await bank.totals()
        assert (totals["payments"], totals["duplicate_disbursements"]) == (2, 0)
        assert totals["paid"]["amount"] == "12000.00"
        lines = (await show(ledger, f"/loans/{LOAN}/statement"))["lines"]
        paid_out = [(line["on"], line["charged"]["amount"]) for line in lines if line["what"] == "disbursement"]
        assert paid_out == [(str(DAY), "9000.00"), (str(ON), "3000.00")]
        assert await ledger.parked() == []


async def test_a_part_that_comes_back_leaves_the_rest(start: Start) -> None:
    faults: dict[str, Any] = {"returned": ALL // 2}
    bank = outside_bank(seed_for("returned", **faults), return_days=3, **faults)
    async with start(bank) as ledger:
        await sign(ledger)
        await close_until(ledger, ON)
        await ledger.settle()
        await close_until(ledger, ON + timedelta(days=10))
        await ledger.settle()
        events = await ledger.events(f"loan-{LOAN}")
        assert isinstance(events[-2], TrancheDisbursed)
        assert isinstance(events[-1], TrancheReturned)
        books = await balances(ledger)
        assert (books["1303"], books["1002"]) == ("9000.00", "-9000.00")
        assert (await show(ledger, "/control-accounts"))["equal"]
        assert (await show(ledger, f"/loans/{LOAN}"))["undrawn"]["amount"] == "3000.00"
        assert await ledger.parked() == []


async def test_a_first_part_that_comes_back_after_a_later_one_is_held_and_stops_no_day(start: Start) -> None:
    faults: dict[str, Any] = {"returned": ALL // 2}
    bank = outside_bank(seed_for("confirmed", "returned", **faults), return_days=18, **faults)
    async with start(bank) as ledger:
        await sign(ledger)
        await close_until(ledger, ON)
        await ledger.settle()
        await close_until(ledger, ON + timedelta(days=10))
        await ledger.settle()
        assert (await show(ledger, f"/loans/{LOAN}"))["undrawn"]["amount"] == "0.00"
        (held,) = (await show(ledger, "/suspense"))["items"]
        assert (held["state"], held["amount"]["amount"], held["channel"]) == ("HELD", "9000.00", "returned-payout")
        assert payment_id_of(LOAN, 1) in held["text"]
        books = await balances(ledger)
        assert (books["1303"], books["1002"]) == ("12000.00", "-3000.00")
        assert (await show(ledger, "/control-accounts"))["equal"]
        await close_until(ledger, ON + timedelta(days=12))
        assert len((await show(ledger, "/suspense"))["items"]) == 1
        assert await ledger.parked() == []
