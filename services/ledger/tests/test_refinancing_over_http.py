"""Refinancing and assignment over HTTP, with a bank beside it whose own record says what money moved."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from libs.lending.money import Money
from libs.service.testing import Served, key
from services.ledger.tests.making import OutsideBank, applicant_id, contract_id, loan_id, signed
from services.ledger.tests.test_adjustments_over_http import ask, balances, money, show
from services.ledger.tests.test_day_end import close_until

SIGNED = date(2026, 2, 20)


async def test_a_loan_ends_another(ledger: Served, bank: OutsideBank, lend: Callable[..., Any]) -> None:
    old = await lend(1)
    await close_until(ledger, date(2026, 2, 19))
    body = {"contract_id": contract_id(2), "authorisation": "file 2026-0042"}
    status, agreed = await ask(ledger, "contract_officer", f"/loans/{old}/refinancing", body)
    assert (status, agreed["loan_id"], agreed["refinanced_loan_id"]) == (201, loan_id(2), old)
    status, again = await ask(ledger, "contract_officer", f"/loans/{old}/refinancing", body)
    assert (status, again["type"]) == (409, "urn:puhui:problem:refinancing-agreed")
    client = await ledger.client("auditor")
    assert (await client.get(f"/ledger/loans/{loan_id(2)}")).status_code == 404, "its contract is not signed"

    payoff = (await show(ledger, f"/loans/{old}/payoff?on={SIGNED}"))["total"]
    contract = signed(2, principal=Money.of("15000.00"), disbursed_on=SIGNED)
    request = contract.agreement.request.model_copy(update={"applicant_id": applicant_id(1)})
    agreement = contract.agreement.model_copy(update={"request": request})
    await ledger.publish(f"contract-{contract_id(2)}", contract.model_copy(update={"agreement": agreement}))
    await ledger.settle()
    new = await show(ledger, f"/loans/{loan_id(2)}")
    assert (new["state"], new["refinances"]) == ("ACTIVE", old)
    ended = await show(ledger, f"/loans/{old}")
    assert (ended["state"], ended["refinanced_by"]) == ("SETTLED", loan_id(2))
    assert (await show(ledger, f"/loans/{old}/repayments"))["items"][-1]["amount"] == payoff

    left = Money.of("12000.00") + Money.of("15000.00") - Money.of(payoff["amount"])
    assert (await bank.totals())["paid"] == {"amount": left.amount, "currency": "CNY"}
    await close_until(ledger, SIGNED)
    books = await balances(ledger)
    assert books["1002"] == f"-{left.amount}", "the books know of no other money than the bank"
    assert books["3001"] == "0.00"
    assert books["1303"] == "15000.00"
    path = f"/loans/{old}/repayments/set-off-{loan_id(2)}/reversal"
    status, refused = await ask(ledger, "finance_officer", path, {"reason": "by-hand"})
    assert (status, refused["type"]) == (409, "urn:puhui:problem:repayment-is-set-off")
    then = (await show(ledger, f"/loans/{old}/as-of?effective={SIGNED}&known=2026-02-19"))["position"]
    assert then["outstanding"]["principal"] == money("12000.00"), "as known before it was signed"
    assert await ledger.parked() == []


async def test_refinancing_of_what_is_not_there(ledger: Served, lend: Callable[..., Any]) -> None:
    old = await lend(1)
    body = {"contract_id": "no-uuid", "authorisation": "file 2026-0042"}
    status, refused = await ask(ledger, "contract_officer", f"/loans/{old}/refinancing", body)
    assert (status, refused["errors"][0]["pointer"]) == (422, "#/contract_id")
    body = {"contract_id": contract_id(2), "authorisation": "file 2026-0042"}
    status, _ = await ask(ledger, "contract_officer", f"/loans/{loan_id(9)}/refinancing", body)
    assert status == 404
    status, _ = await ask(ledger, "customer", f"/loans/{old}/refinancing", body)
    assert status == 403


async def test_a_debt_is_assigned(ledger: Served, lend: Callable[..., Any]) -> None:
    """From its day on what the loan earns is the new creditor's; the borrower owes what he owed, and was told."""
    loan = await lend(1)
    await close_until(ledger, date(2026, 1, 9))
    plan = (await show(ledger, f"/loans/{loan}/plan"))["instalments"]
    terms: dict[str, Any] = {"funder": "bank-b"}
    body = {"kind": "ASSIGNMENT", "effective": "2026-01-10", "terms": terms, "reason": "Portfolio sold"}
    for wrong, pointer in (
        ({}, "/terms/notified_on"),
        ({"notified_on": "2026-01-11"}, "/terms/notified_on"),
        ({"notified_on": "2026-01-10", "annual_rate": "0.2"}, "/terms"),
        ({"notified_on": "2026-01-10", "funder": "OWN"}, "/terms/funder"),
    ):
        answer = await ask(ledger, "contract_officer", f"/loans/{loan}/changes", {**body, "terms": {**terms, **wrong}})
        assert (answer[0], answer[1]["errors"][0]["pointer"]) == (422, f"#{pointer}"), wrong
    told = {**body, "terms": {**terms, "notified_on": "2026-01-08"}}
    status, changed = await ask(ledger, "contract_officer", f"/loans/{loan}/changes", told)
    assert (status, changed["funder"]) == (200, "bank-b"), changed
    assert (await show(ledger, f"/loans/{loan}/plan"))["instalments"] == plan
    await close_until(ledger, date(2026, 1, 12))
    await ledger.settle()
    client = await ledger.client("auditor")
    lines = (await client.get("/ledger/journal", params={"account": "6011.01", "limit": 50})).json()["items"]
    by_day = {line["booked_on"]: line["segment"].split("/")[3] for line in lines}
    assert {day: by_day[day] for day in ("2026-01-09", "2026-01-10", "2026-01-12")} == {
        "2026-01-09": "OWN",
        "2026-01-10": "bank-b",
        "2026-01-12": "bank-b",
    }
    answer = await client.post(f"/ledger/loans/{loan}/changes", json=told, headers=key())
    assert answer.status_code == 403
