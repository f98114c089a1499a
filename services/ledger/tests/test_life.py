"""One plain loan from the signed contract to its settlement, over HTTP, and the books beside it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from libs.contracts.ledger import LoanDisbursed, LoanSettled
from libs.service.testing import Served, key
from services.ledger.tests.making import DAY, OutsideBank


async def close_until(ledger: Served, day: date) -> dict[str, Any]:
    operator = await ledger.client("operator")
    answer = await operator.post("/ledger/day-ends", json={"until": day.isoformat()}, headers=key())
    assert answer.status_code == 200, answer.text
    await ledger.settle()
    found: dict[str, Any] = answer.json()
    return found


async def test_a_plain_loan_lives_from_contract_to_settlement(
    ledger: Served, bank: OutsideBank, lend: Callable[..., Any]
) -> None:
    loan = await lend()
    officer = await ledger.client("finance_officer")
    shown = (await officer.get(f"/ledger/loans/{loan}")).json()
    assert shown["state"] == "ACTIVE"
    assert (await bank.totals())["payments"] == 1
    plan = (await officer.get(f"/ledger/loans/{loan}/plan")).json()["instalments"]
    for row in plan:
        due = date.fromisoformat(row["due"])
        await close_until(ledger, due - timedelta(days=1))
        body = {"amount": row["total"], "value_date": row["due"], "bank_reference": f"R{row['number']}"}
        answer = await officer.post(f"/ledger/loans/{loan}/repayments", json=body, headers=key())
        assert answer.status_code == 201, answer.text
        assert answer.json()["repayment"]["credit"]["amount"] == "0.00"
    await close_until(ledger, due)
    shown = (await officer.get(f"/ledger/loans/{loan}")).json()
    assert shown["state"] == "SETTLED"
    events = await ledger.events(f"loan-{loan}")
    assert [type(event).__name__ for event in events[:3]] == ["LoanBooked", "DisbursementRequested", "LoanDisbursed"]
    disbursed = events[2]
    assert isinstance(disbursed, LoanDisbursed)
    assert disbursed.value_date == DAY
    assert isinstance(events[-1], LoanSettled)
    assert events[-1].kind == "MATURITY"
    books = (await officer.get("/ledger/trial-balance")).json()
    assert books["total"] == {"CNY": "0.00"}
    balances = {account["account"]: account["balance"]["amount"] for account in books["accounts"]}
    interest = sum(int(row["interest"]["amount"].replace(".", "")) for row in plan)
    assert balances["1303"] == balances["1132.01"] == balances["1304"] == "0.00"
    assert balances["1002"] == f"{interest // 100}.{interest % 100:02d}"
    assert balances["6011.01"] == f"-{interest // 100}.{interest % 100:02d}"
    assert await ledger.parked() == []
