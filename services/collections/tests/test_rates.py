"""A higher rate under the contract's clause, from its proposal over HTTP to what the ledger and the borrower are told."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from libs.contracts.collections import (
    HigherRateAnnounced,
    HigherRateEnded,
    HigherRateTaken,
    WatchMeasureEnded,
)
from libs.contracts.ledger import HigherRateRefused
from libs.service.testing import Served
from services.collections.handlers import WATCH
from services.collections.tests.loans import TheLoan, day_opens
from services.collections.tests.test_watch import LIST, post

DAY = date(2027, 3, 4)
FROM = DAY + timedelta(days=30)
RULE = {"clause": "watched-rate", "increase_max": "0.02", "notice_days": 30}
BODY: dict[str, Any] = {"kind": "HIGHER_RATE", "clause": "watched-rate", "increase": "0.015", "reason": "Arrears"}


async def watched(running: Served, loan: TheLoan, rule: dict[str, Any] | None = None) -> None:
    """The borrower of a loan with such a contract is on the list."""
    await day_opens(running, DAY)
    await loan.happens(loan.booking(rule))
    await loan.happens(loan.disbursement())
    await running.settle()
    entry = {"loan_id": loan.loan_id, "severity": "HIGH", "reason": "Shop closed"}
    entered = await post(await running.client("collection_manager"), LIST, entry)
    assert entered.status_code == 201, entered.text


async def decided(running: Served, loan: TheLoan) -> str:
    """A higher rate by two persons; the measure."""
    manager, risk = await running.client("collection_manager"), await running.client("risk_manager")
    path = f"{LIST}/{loan.applicant_id}/measures"
    proposed = await post(manager, path, BODY | {"loan_id": loan.loan_id})
    assert proposed.status_code == 201, proposed.text
    measure_id: str = proposed.json()["measures"][-1]["measure_id"]
    taken = await post(risk, f"{path}/{measure_id}/decision", {"take": True, "reason": "Agreed"})
    assert taken.status_code == 200, taken.text
    await running.settle()
    return measure_id


async def told(running: Served) -> list[tuple[str, date, str]]:
    rows = await running.runtime.store.pool.fetch("select template, sent_on, text_zh from message order by sent_on")
    return [(row["template"], row["sent_on"], row["text_zh"]) for row in rows]


async def of_kind(running: Served, loan: TheLoan, *kinds: type) -> list[Any]:
    return [event for event in await running.events(WATCH.stream_id(loan.applicant_id)) if isinstance(event, kinds)]


async def shown(running: Served, loan: TheLoan) -> dict[str, Any]:
    auditor = await running.client("auditor")
    measure: dict[str, Any] = (await auditor.get(f"{LIST}/{loan.applicant_id}")).json()["measures"][-1]
    return measure


async def test_the_borrower_is_told_and_the_ledger_from_the_date_he_was_told(running: Served, loan: TheLoan) -> None:
    await watched(running, loan, RULE)
    measure_id = await decided(running, loan)
    ((template, sent_on, text),) = await told(running)
    assert (template, sent_on) == ("higher-rate v1", DAY)
    assert f"自 {FROM} 起上调 1.5%" in text
    (announced,) = await of_kind(running, loan, HigherRateAnnounced)
    assert (announced.told_on, announced.effective_from, announced.increase) == (DAY, FROM, Decimal("0.015"))
    assert (await shown(running, loan))["effective_from"] == str(FROM)
    await day_opens(running, FROM - timedelta(days=1))
    await running.settle()
    assert await of_kind(running, loan, HigherRateTaken) == []
    for late in (1, 2):  # the day itself was passed over
        await day_opens(running, FROM + timedelta(days=late))
        await running.settle()
    (taken,) = await of_kind(running, loan, HigherRateTaken)
    assert (taken.effective_from, taken.taken_on) == (FROM, FROM + timedelta(days=1))
    assert (taken.loan_id, taken.measure_id, taken.decided_by) == (loan.loan_id, measure_id, "risk-manager")
    manager, risk = await running.client("collection_manager"), await running.client("risk_manager")
    path = f"{LIST}/{loan.applicant_id}"
    end = f"{path}/measures/{measure_id}/end"
    assert (await post(risk, end, {"reason": "Paid"})).json()["type"].endswith("review-missing")
    assert (await post(manager, f"{path}/reviews", {"findings": "Paid", "leave": True})).status_code == 200
    assert (await post(risk, f"{path}/exit", {"reason": "Paid"})).json()["type"].endswith("measures-standing")
    assert (await post(risk, end, {"reason": "Paid"})).status_code == 200
    await running.settle()
    (ended,) = await of_kind(running, loan, HigherRateEnded)
    assert (ended.increase, ended.ended_by) == (Decimal("0.015"), "risk-manager")
    assert [template for template, *_ in await told(running)] == ["higher-rate v1", "former-rate v1"]


async def test_a_measure_that_ends_before_its_date_raises_nothing_and_the_borrower_is_told(
    running: Served, loan: TheLoan
) -> None:
    await watched(running, loan, RULE)
    measure_id = await decided(running, loan)
    manager, risk = await running.client("collection_manager"), await running.client("risk_manager")
    path = f"{LIST}/{loan.applicant_id}"
    await post(manager, f"{path}/reviews", {"findings": "Paid", "leave": False})
    assert (await post(risk, f"{path}/measures/{measure_id}/end", {"reason": "Paid"})).status_code == 200
    await running.settle()
    await day_opens(running, FROM + timedelta(days=1))
    await running.settle()
    assert await of_kind(running, loan, HigherRateTaken, HigherRateEnded) == []
    assert [template for template, *_ in await told(running)] == ["higher-rate v1", "former-rate v1"]


async def test_a_loan_that_is_over_bears_no_higher_rate(running: Served, loan: TheLoan) -> None:
    await watched(running, loan, RULE)
    await decided(running, loan)
    await loan.happens(loan.settled(DAY))
    await running.settle()
    await day_opens(running, FROM)
    await running.settle()
    assert await of_kind(running, loan, HigherRateTaken) == []


async def test_what_the_ledger_refuses_ends_the_measure(running: Served, loan: TheLoan) -> None:
    await watched(running, loan, RULE)
    measure_id = await decided(running, loan)
    ids = {"loan_id": loan.loan_id, "applicant_id": loan.applicant_id, "measure_id": measure_id}
    await loan.happens(HigherRateRefused.model_validate(HigherRateRefused.example | ids))
    await running.settle()
    assert (await shown(running, loan))["status"] == "ENDED"
    (ended,) = await of_kind(running, loan, WatchMeasureEnded)
    assert (ended.ended_by, ended.reason) == ("ledger", "not booked: loan-settled")


@pytest.mark.parametrize(
    ("rule", "body", "code", "pointer"),
    [
        (None, {}, "rate-fixed", "#/clause"),
        (RULE | {"clause": "other"}, {}, "rate-fixed", "#/clause"),
        (RULE, {"clause": "7.2"}, "rate-fixed", "#/clause"),
        (RULE, {"increase": "0.021"}, "increase-not-agreed", "#/increase"),
        (RULE, {"increase": None}, "increase-not-agreed", "#/increase"),
        (RULE, {"increase": 0.01}, "validation-failed", "#/increase"),
        (RULE, {"loan_id": ""}, "measure-incomplete", "#/loan_id"),
    ],
)
async def test_what_the_contract_does_not_say_is_refused(
    running: Served, loan: TheLoan, rule: dict[str, Any] | None, body: dict[str, Any], code: str, pointer: str
) -> None:
    await watched(running, loan, rule)
    manager = await running.client("collection_manager")
    answer = await post(manager, f"{LIST}/{loan.applicant_id}/measures", BODY | {"loan_id": loan.loan_id} | body)
    assert (answer.status_code, answer.json()["type"]) == (422, f"urn:puhui:problem:{code}")
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_a_notice_is_given_once_however_often_its_task_runs(running: Served, loan: TheLoan) -> None:
    await watched(running, loan, RULE)
    await decided(running, loan)
    assert (
        await running.runtime.store.pool.execute("update es.task set status = 'pending', lease_until = null")
        != "UPDATE 0"
    )
    await running.settle()
    assert len(await told(running)) == 1
    assert len(await of_kind(running, loan, HigherRateAnnounced)) == 1
