"""What channels bring and cost: by hand over HTTP, and shares of days for any amounts and dates."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from libs.contracts.application import AcquisitionCostKind, AcquisitionCostRecorded, AcquisitionCostWithdrawn
from libs.contracts.contract import ContractSigned
from libs.contracts.problems import Rejected
from libs.contracts.values import Channel
from libs.events.testing import Scenario
from libs.lending.money import Money
from libs.service.testing import Served, key
from services.application.domain.acquisition import DAYS_MOST, RecordCost, WithdrawCost, part_within
from services.application.handlers import ACQUISITION
from services.application.tests.intake import completed, registered, started, submitted
from services.application.tests.numbers import person_number

FIRST, LAST, TODAY = date(2026, 1, 1), date(2026, 1, 31), date(2026, 2, 2)
RECORD = RecordCost(
    cost_id="cost-1", channel=Channel.ONLINE, source="app-store", kind=AcquisitionCostKind.ADVERTISING,
    amount=Money.of("3100.00"), first_day=FIRST, last_day=LAST, document="invoice 1", today=TODAY,
)  # fmt: skip
RECORDED = AcquisitionCostRecorded(
    cost_id="cost-1", channel=Channel.ONLINE, source="app-store", kind=AcquisitionCostKind.ADVERTISING,
    amount=Money.of("3100.00"), first_day=FIRST, last_day=LAST, document="invoice 1", recorded_on=TODAY,
)  # fmt: skip
WITHDRAWN = AcquisitionCostWithdrawn(cost_id="cost-1", reason="twice", withdrawn_on=TODAY)
WITHDRAW = WithdrawCost(reason="twice", today=TODAY)


def test_a_cost_is_recorded_once_and_withdrawn_once() -> None:
    Scenario(ACQUISITION).given().when(RECORD).then(RECORDED)
    Scenario(ACQUISITION).given(RECORDED).when(RECORD).then()
    Scenario(ACQUISITION).given(RECORDED).when(WITHDRAW).then(WITHDRAWN)
    Scenario(ACQUISITION).given(RECORDED, WITHDRAWN).when(WITHDRAW).then()
    Scenario(ACQUISITION).given().when(WITHDRAW).refused("cost-unknown")


@pytest.mark.parametrize(("days", "fits"), [(-1, False), (0, True), (DAYS_MOST - 1, True), (DAYS_MOST, False)])
def test_a_cost_is_of_one_day_to_a_year(days: int, fits: bool) -> None:
    last = FIRST + timedelta(days=days)
    command = RecordCost(**{**{name: getattr(RECORD, name) for name in RECORD.__slots__}, "last_day": last})
    attempt = Scenario(ACQUISITION).given().when(command)
    if fits:
        attempt.then(RECORDED.model_copy(update={"last_day": last}))
    else:
        error = attempt.refused("cost-days")
        assert isinstance(error, Rejected)
        assert (error.status, error.field) == (422, "/last_day")


DAYS = st.integers(0, 400).map(lambda days: FIRST + timedelta(days=days))


@for_any(st.integers(1, 10**12), DAYS, st.integers(0, 365), st.lists(DAYS, max_size=6))
def test_parts_of_days_that_follow_one_another_are_the_whole(
    minor: int, first: date, days: int, cuts: list[date]
) -> None:
    last, day = first + timedelta(days=days), timedelta(days=1)
    edges = [date(2025, 1, 1), *sorted(set(cuts)), date(2029, 1, 1)]
    ranges = [(edge, following - day) for edge, following in pairwise(edges)]
    parts = [part_within(minor, (first, last), each) for each in ranges]
    assert sum(parts) == minor
    for part, (start, end) in zip(parts, ranges, strict=True):
        within = max((min(end, last) - max(start, first)).days + 1, 0)
        assert abs(part * (days + 1) - minor * within) < days + 1, "its share by days, to the fen"


async def cost(client: httpx.AsyncClient, amount: str, first: str, last: str, **other: Any) -> dict[str, Any]:
    body = {
        "channel": "ONLINE", "source": "spring-campaign", "kind": "ADVERTISING",
        "amount": {"amount": amount, "currency": "CNY"}, "first_day": first, "last_day": last, "document": "invoice 1",
        **other,
    }  # fmt: skip
    answer = await client.post("/application/acquisition-costs", json=body, headers=key())
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def shown(client: httpx.AsyncClient, day: date, by: str = "source") -> list[dict[str, Any]]:
    answer = await client.get(f"/application/acquisition?started_from={day}&started_to={day}&by={by}")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["rows"])


async def test_what_a_channel_brings_and_costs_by_hand(running: Served, customer: httpx.AsyncClient) -> None:
    finance = await running.client("finance_officer")
    day = running.runtime.today
    ids = []
    for number in range(3):
        applicant = await registered(customer, identity_number=person_number(sequence=number * 2))
        ids.append(await started(customer, applicant, **({"source": ""} if number == 2 else {})))
    for application_id in ids[:2]:
        await completed(customer, application_id)
        await submitted(customer, application_id)
    signed = ContractSigned.model_validate({**ContractSigned.example, "application_id": ids[0]})
    await running.publish("contract-1", signed)
    tenth = day + timedelta(days=9)
    await cost(finance, "1000.00", str(day), str(tenth))
    wrong = await cost(finance, "77.00", str(day), str(day))
    await cost(finance, "30.00", str(day), str(day), source="", kind="STAFF")
    await cost(finance, "5.00", str(day), str(day), channel="BRANCH", source="")
    path = f"/application/acquisition-costs/{wrong['cost_id']}/withdraw"
    gone = await finance.post(path, json={"reason": "Of another lender"}, headers=key())
    assert gone.json()["withdrawn_on"] == str(day)
    await running.settle()

    rows = {(row["channel"], row["source"]): row for row in await shown(await running.client("risk_manager"), day)}
    campaign = rows["ONLINE", "spring-campaign"]
    assert [campaign[name] for name in ("started", "submitted", "contracted")] == [2, 2, 1]
    amounts = [
        campaign[name]["amount"] for name in ("amount_contracted", "cost", "cost_a_submission", "cost_a_contract")
    ]
    assert (amounts, campaign["cost_share"]) == (["12000.00", "100.00", "50.00", "100.00"], "0.008333")
    assert (rows["ONLINE", ""]["started"], rows["ONLINE", ""]["cost"]["amount"]) == (1, "30.00")
    branch = rows["BRANCH", ""]
    assert [branch[name] for name in ("started", "cost_a_submission", "cost_a_contract", "cost_share")] == [
        0, None, None, None,
    ]  # fmt: skip
    by_channel = {row["channel"]: row for row in await shown(await running.client("auditor"), day, "channel")}
    assert (by_channel["ONLINE"]["started"], by_channel["ONLINE"]["cost"]["amount"]) == (3, "130.00")
    assert by_channel["ONLINE"]["source"] == ""
    listed = (await finance.get("/application/acquisition-costs?channel=ONLINE&sort=-amount")).json()["items"]
    assert [each["amount"]["amount"] for each in listed] == ["1000.00", "77.00", "30.00"]
    assert [row["cost"]["amount"] for row in await shown(finance, tenth)] == ["100.00"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"channel": "PIGEON"}, "#/channel"),
        ({"amount": {"amount": "0.00", "currency": "CNY"}}, "#/amount"),
        ({"amount": 5.0}, "#/amount"),
        ({"last_day": "2025-12-31"}, "#/last_day"),
        ({"last_day": "2026-02-30"}, "#/last_day"),
        ({"document": ""}, "#/document"),
        ({"source": "x" * 501}, "#/source"),
        ({"sure": True}, "#/sure"),
    ],
)
async def test_a_cost_that_cannot_be_is_refused(running: Served, change: dict[str, Any], pointer: str) -> None:
    body = {
        "channel": "ONLINE", "kind": "OTHER", "amount": {"amount": "1.00", "currency": "CNY"},
        "first_day": "2026-01-01", "last_day": "2026-01-31", "document": "d",
    } | change  # fmt: skip
    finance = await running.client("finance_officer")
    answer = await finance.post("/application/acquisition-costs", json=body, headers=key())
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), answer.text
    found = answer.json()
    assert pointer in {found.get("pointer"), *(each["pointer"] for each in found.get("errors", []))}
    assert (await finance.get("/application/acquisition-costs")).json()["items"] == []


async def test_who_may_not_and_what_is_not_there(running: Served, customer: httpx.AsyncClient) -> None:
    finance = await running.client("finance_officer")
    query = "?started_from=2026-01-02&started_to=2026-01-01"
    assert (await finance.get(f"/application/acquisition{query}")).json()["type"].endswith("period-reversed")
    assert (
        await customer.get("/application/acquisition?started_from=2026-01-01&started_to=2026-01-01")
    ).status_code == 403
    gone = await finance.post("/application/acquisition-costs/none/withdraw", json={"reason": "x"}, headers=key())
    assert (gone.status_code, gone.json()["type"]) == (404, "urn:puhui:problem:cost-unknown")
