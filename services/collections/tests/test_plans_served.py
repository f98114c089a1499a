"""Negotiated plans over HTTP, and what becomes of them with money and days."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from libs.lending.money import Money
from libs.service.testing import Served, key
from services.collections.tests.loans import INSTALMENT, TheLoan, day_opens, position
from services.collections.tests.test_api import behind, money

ON = date(2026, 12, 3)


def body(*parts: tuple[int, str]) -> dict[str, Any]:
    return {"parts": [{"due": str(ON + timedelta(days=days)), "amount": money(amount)} for days, amount in parts]}


async def opens(running: Served, day: date, previous: date) -> None:
    await day_opens(running, day, previous=previous)
    await running.settle()


async def test_a_plan_is_agreed_missed_and_kept_after_all(running: Served, loan: TheLoan) -> None:
    path = await behind(running, loan, ON, 40)
    collector = await running.client("collector")
    agreed = await collector.post(f"{path}/plans", json=body((10, "600.00"), (30, "500.00")), headers=key())
    assert (agreed.status_code, agreed.headers["location"]) == (201, path), agreed.text
    plan = agreed.json()["plan"]
    assert (plan["state"], plan["next_due"], [part["met"] for part in plan["parts"]]) == (
        "OPEN", "2026-12-13", [False, False],
    )  # fmt: skip
    promise = {"amount": money("1100.00"), "due": "2026-12-10"}
    refused = await collector.post(f"{path}/promises", json=promise, headers=key())
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:puhui:problem:plan-open")

    paid_on = ON + timedelta(days=8)
    left = position(paid_on, days=48, overdue=INSTALMENT - Money.of("600.00"))
    await loan.happens(loan.repayment(paid_on, Money.of("600.00"), left))
    await running.settle()
    (shown,) = (await collector.get("/collections/plans?state=OPEN")).json()["items"]
    assert (shown["parts_met"], shown["paid"], shown["next_due"]) == (1, money("600.00"), "2027-01-02")
    (case,) = (await collector.get("/collections/cases")).json()["items"]
    assert (case["plan"], case["plan_due"], case["priority"]) == ("OPEN", "2027-01-02", 5)

    due = ON + timedelta(days=30)
    await opens(running, due, ON)
    assert len((await collector.get("/collections/plans?state=OPEN")).json()["items"]) == 1, "it is the day itself"
    await opens(running, due + timedelta(days=1), due)
    (shown,) = (await collector.get("/collections/plans?state=BROKEN&sort=-last_due")).json()["items"]
    assert (shown["parts_met"], shown["next_due"], shown["ended_on"]) == (1, None, "2027-01-03")
    (case,) = (await collector.get("/collections/cases")).json()["items"]
    assert (case["plan"], case["priority"]) == ("BROKEN", 1)
    warnings = (await collector.get(f"/collections/warnings?applicant_id={loan.applicant_id}")).json()["items"]
    assert [each["rule"] for each in warnings].count("promise-broken") == 1

    late = due + timedelta(days=2)
    await loan.happens(loan.repayment(due, Money.of("500.00"), position(late)))
    await running.settle()
    plan = (await collector.get(path)).json()["plan"]
    assert (plan["state"], plan["paid"], [part["met"] for part in plan["parts"]]) == (
        "KEPT", money("1100.00"), [True, True],
    )  # fmt: skip
    (shown,) = (await (await running.client("auditor")).get("/collections/plans")).json()["items"]
    assert (shown["state"], shown["parts"], shown["amount"]) == ("KEPT", 2, money("1100.00"))


async def test_more_parts_take_a_manager(running: Served, loan: TheLoan) -> None:
    path = await behind(running, loan, ON, 40)
    four = body((10, "300.00"), (20, "300.00"), (30, "300.00"), (40, "200.00"))
    refused = await (await running.client("collector")).post(f"{path}/plans", json=four, headers=key())
    problem = refused.json()
    assert (refused.status_code, problem["type"]) == (422, "urn:puhui:problem:plan-parts")
    assert "a manager agrees" in problem["detail"]
    assert problem["basis"]["rule"] == "plan_parts_alone"
    agreed = await (await running.client("collection_manager")).post(f"{path}/plans", json=four, headers=key())
    assert (agreed.status_code, len(agreed.json()["plan"]["parts"])) == (201, 4)


async def test_before_the_rules_knew_plans_there_are_none(running: Served, loan: TheLoan) -> None:
    path = await behind(running, loan, date(2026, 11, 3), 40)
    collector = await running.client("collector")
    refused = await collector.post(f"{path}/plans", json=body((1, "600.00"), (9, "500.00")), headers=key())
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:puhui:problem:plan-unknown")
