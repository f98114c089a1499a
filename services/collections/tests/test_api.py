"""Collection as its users see it, from the first day of arrears to the end."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from libs.service.testing import Served, key
from services.collections.tests.loans import INSTALMENT, TheLoan, day_opens, position

BEHIND = date(2026, 3, 3)
"""The first day of arrears: the instalment of 2026-03-02 was not paid."""
CALL = {
    "channel": "TELEPHONE",
    "at_local": "2026-03-03T10:00:00",
    "number": "mobile-1",
    "result": "REACHED",
    "note": "Pays on Friday",
}


async def behind(running: Served, loan: TheLoan, on: date = BEHIND, days: int = 1) -> str:
    """A case of a loan that fell behind, on its first business day; its path."""
    await day_opens(running, on)
    await loan.happens(loan.disbursement())
    await loan.happens(loan.delinquency(on, days))
    await running.settle()
    return f"/collections/cases/{loan.case(on)}"


def money(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


async def test_a_case_opens_is_worked_on_and_is_cured(running: Served, loan: TheLoan) -> None:
    path = await behind(running, loan)
    collector = await running.client("collector")
    case: Any = (await collector.get(path)).json()
    assert (case["state"], case["stage"], case["overdue"]) == ("OPEN", "EARLY", money("1100.00"))

    contact = await collector.post(f"{path}/contacts", json=CALL, headers=key())
    assert (contact.status_code, contact.json()["result"]) == (201, "REACHED")
    promise = await collector.post(
        f"{path}/promises", json={"amount": money("1100.00"), "due": "2026-03-06"}, headers=key()
    )
    assert (promise.status_code, promise.json()["promise"]["state"]) == (201, "OPEN")

    paid_on = BEHIND + timedelta(days=2)
    after = position(paid_on, outstanding=INSTALMENT * 2, next_due=date(2026, 4, 2), next_amount=INSTALMENT)
    await loan.happens(loan.repayment(paid_on, INSTALMENT, after))
    await loan.happens(loan.delinquency(paid_on, 0))
    await running.settle()
    case = (await collector.get(path)).json()
    assert (case["state"], case["end"], case["closed_on"]) == ("CLOSED", "CURED", "2026-03-05")
    assert (case["promise"]["state"], case["promise"]["paid"]) == ("KEPT", money("1100.00"))
    timeline = (await collector.get(f"{path}/timeline")).json()["entries"]
    assert [entry["type"].split(".")[2] for entry in timeline] == [
        "collection-case-opened",
        "contact-logged",
        "promise-made",
        "repayment-noted",
        "promise-kept",
        "collection-case-closed",
    ]
