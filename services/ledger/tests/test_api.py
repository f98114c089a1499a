"""What people and front ends can do with loans, and what they cannot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from libs.service.testing import Served, key
from services.ledger.tests.making import DAY, OutsideBank, applicant_id, loan_id

Lend = Callable[..., Any]
PROBLEM = "urn:puhui:problem:"


def cny(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


async def close_until(ledger: Served, day: date) -> None:
    operator = await ledger.client("operator")
    answer = await operator.post("/ledger/day-ends", json={"until": day.isoformat()}, headers=key())
    assert answer.status_code == 200, answer.text
    await ledger.settle()


async def repay(client: httpx.AsyncClient, loan: str, amount: str, on: date, **more: Any) -> httpx.Response:
    headers = more.pop("headers", None) or key()
    body = {"amount": cny(amount), "value_date": on.isoformat(), **more}
    return await client.post(f"/ledger/loans/{loan}/repayments", json=body, headers=headers)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix(PROBLEM)


async def balances(ledger: Served) -> dict[str, str]:
    officer = await ledger.client("finance_officer")
    books = (await officer.get("/ledger/trial-balance")).json()
    assert books["total"] == {"CNY": "0.00"}
    return {row["account"]: row["balance"]["amount"] for row in books["accounts"]}


async def test_eight_repayments_at_once_are_all_accepted_and_add_up(ledger: Served, lend: Lend) -> None:
    loan = await lend()
    officer = await ledger.client("finance_officer")
    answers = await asyncio.gather(
        *[repay(officer, loan, "100.01", DAY, bank_reference=f"R{n}", repayment_id=f"r-{n}") for n in range(8)]
    )
    assert [answer.status_code for answer in answers] == [201] * 8
    shown = (await officer.get(f"/ledger/loans/{loan}")).json()
    assert shown["position"]["credit"] == cny("800.08")
    await ledger.settle()
    assert (await balances(ledger))["2241.01"] == "-800.08"


async def test_a_repeated_key_gets_the_first_answer_and_another_body_is_refused(ledger: Served, lend: Lend) -> None:
    loan = await lend()
    officer = await ledger.client("finance_officer")
    same = key()
    first = await repay(officer, loan, "100.00", DAY, headers=same)
    again = await repay(officer, loan, "100.00", DAY, headers=same)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert code(await repay(officer, loan, "100.01", DAY, headers=same)) == (422, "idempotency-key-reused")
    items = (await officer.get(f"/ledger/loans/{loan}/repayments")).json()["items"]
    assert len(items) == 1


async def test_money_in_advance_is_credit_until_the_due_date(ledger: Served, lend: Lend) -> None:
    loan = await lend()
    officer = await ledger.client("finance_officer")
    answer = (await repay(officer, loan, "1500.00", DAY)).json()
    assert answer["repayment"]["credit"] == cny("1500.00")
    await close_until(ledger, date(2026, 2, 4))
    shown = (await officer.get(f"/ledger/loans/{loan}")).json()
    assert shown["position"]["credit"] == cny("399.84")
    assert shown["position"]["days_past_due"] == 0
    events = await ledger.events(f"loan-{loan}")
    assert type(events[-1]).__name__ == "CreditApplied"
    found = await balances(ledger)
    assert (found["2241.01"], found["1303"], found["1132.01"]) == ("-399.84", "11079.84", "0.00")


async def test_a_payment_returned_after_weeks_is_worked_out_again(ledger: Served, lend: Lend) -> None:
    loan = await lend()
    officer = await ledger.client("finance_officer")
    await close_until(ledger, date(2026, 2, 4))
    assert (await repay(officer, loan, "1100.16", date(2026, 2, 5), repayment_id="r-1")).status_code == 201
    await close_until(ledger, date(2026, 3, 21))
    path = f"/ledger/loans/{loan}/repayments/r-1/reversal"
    answer = await officer.post(path, json={"reason": "returned-by-bank"}, headers=key())
    assert answer.status_code == 200, answer.text
    position = answer.json()["loan"]["position"]
    assert (position["days_past_due"], position["bucket"]) == (45, "M2")
    assert code(await officer.post(path, json={"reason": "again"}, headers=key())) == (409, "repayment-reversed")
    wrong = path.replace("r-1", "r-9")
    assert code(await officer.post(wrong, json={"reason": "x"}, headers=key())) == (404, "repayment-not-found")
    await close_until(ledger, date(2026, 3, 22))
    found = await balances(ledger)
    assert (found["1002"], found["1303"]) == ("-12000.00", "12000.00")
    was = await officer.get(f"/ledger/loans/{loan}/as-of", params={"effective": "2026-03-01", "known": "2026-03-01"})
    now = await officer.get(f"/ledger/loans/{loan}/as-of", params={"effective": "2026-03-01"})
    long_ago = await officer.get(f"/ledger/loans/{loan}/as-of", params={"effective": "2000-01-01"})
    assert (long_ago.status_code, long_ago.json()["position"]) == (200, None), "there was no money out, and no policy"
    assert was.json()["position"]["overdue"]["principal"] == cny("0.00")
    assert now.json()["position"]["overdue"]["principal"] == cny("920.16")
    assert now.json()["position"]["days_past_due"] == 24


async def test_an_early_payoff_ends_the_loan_for_exactly_its_quote(ledger: Served, lend: Lend) -> None:
    loan = await lend(prepayment_fee_rate="0.01")
    officer = await ledger.client("finance_officer")
    await close_until(ledger, date(2026, 1, 19))
    today = date(2026, 1, 20)
    quote = (await officer.get(f"/ledger/loans/{loan}/payoff", params={"on": str(today)})).json()
    assert quote["components"]["fee"] == cny("120.00")
    assert quote["total"] == cny("12207.10")
    short = await repay(officer, loan, "12207.09", today, purpose="PAYOFF")
    assert code(short) == (422, "payoff-too-small")
    assert short.json()["payoff_amount"] == cny("12207.10")
    done = await repay(officer, loan, "12207.10", today, purpose="PAYOFF")
    assert done.json()["loan"]["state"] == "SETTLED"
    assert code(await repay(officer, loan, "1.00", today)) == (409, "loan-settled")
    await close_until(ledger, today)
    found = await balances(ledger)
    assert found["1002"] == "207.10"
    assert (found["1303"], found["1132.01"], found["1122"], found["1304"]) == ("0.00",) * 4
    events = await ledger.events(f"loan-{loan}")
    assert events[-1].kind == "EARLY"
    assert code(await officer.get(f"/ledger/loans/{loan}/payoff", params={"on": str(today)})) == (
        409,
        "loan-not-active",
    )


async def test_a_loan_is_written_off_by_two_people_and_recovered(ledger: Served, lend: Lend) -> None:
    loan = await lend()
    manager, officer = await ledger.client("finance_manager"), await ledger.client("finance_officer")
    request, approval = f"/ledger/loans/{loan}/write-off", f"/ledger/loans/{loan}/write-off/approval"
    body = {"reason": "No means, enforcement ended"}
    assert code(await officer.post(request, json=body, headers=key())) == (409, "loan-performing")
    await close_until(ledger, date(2026, 5, 31))
    assert code(await manager.post(approval, headers=key())) == (409, "write-off-not-requested")
    assert (await officer.post(request, json=body, headers=key())).status_code == 200
    assert code(await officer.post(request, json=body, headers=key())) == (409, "write-off-requested")
    assert (await officer.post(approval, headers=key())).status_code == 403
    rejected = await manager.post(f"{request}/rejection", json={"reason": "Ask the surety"}, headers=key())
    assert rejected.json()["write_off_requested_by"] is None
    await officer.post(request, json=body, headers=key())
    approved = await manager.post(approval, headers=key())
    assert approved.json()["state"] == "WRITTEN_OFF"
    event = (await ledger.events(f"loan-{loan}"))[-1]
    assert event.requested_by != event.approved_by
    assert event.written_off.principal.amount == "12000.00"
    assert event.written_off.penalty.minor > 0
    recovered = await repay(officer, loan, "500.00", date(2026, 6, 1))
    assert recovered.json()["loan"]["recovered"] == cny("500.00")
    assert recovered.json()["repayment"]["recovery"] is True
    reversal = f"/ledger/loans/{loan}/repayments/{recovered.json()['repayment']['repayment_id']}/reversal"
    assert code(await officer.post(reversal, json={"reason": "x"}, headers=key())) == (409, "loan-written-off")
    await close_until(ledger, date(2026, 6, 1))
    found = await balances(ledger)
    assert (found["1002"], found["1303"], found["1304"]) == ("-11500.00", "0.00", "0.00")
    assert (found["1132.01"], found["1132.02"]) == ("0.00", "0.00")


async def test_one_bank_reference_is_one_repayment(ledger: Served, lend: Lend) -> None:
    first, second = await lend(1), await lend(2)
    officer = await ledger.client("finance_officer")
    await repay(officer, first, "100.00", DAY, bank_reference="R1", repayment_id="r-1")
    again = await repay(officer, first, "100.00", DAY, bank_reference="R1")
    assert code(again) == (409, "bank-reference-used")
    assert again.json()["repayment_id"] == "r-1"
    other = await repay(officer, second, "100.00", DAY, bank_reference="R1")
    assert code(other) == (409, "bank-reference-used")
    assert other.json()["loan_id"] == first
    same_id = await repay(officer, first, "5.00", DAY, repayment_id="r-1")
    assert code(same_id) == (409, "repayment-exists")
    path = f"/ledger/loans/{first}/repayments/r-1/reversal"
    await officer.post(path, json={"reason": "entered-on-the-wrong-loan"}, headers=key())
    assert (await repay(officer, second, "100.00", DAY, bank_reference="R1")).status_code == 201


async def test_one_bank_reference_on_two_loans_at_once_is_accepted_once(ledger: Served, lend: Lend) -> None:
    loans = [await lend(n) for n in range(3)]
    officer = await ledger.client("finance_officer")
    answers = await asyncio.gather(*[repay(officer, loan, "100.00", DAY, bank_reference="R1") for loan in loans])
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]


async def test_a_refused_repayment_gives_its_bank_reference_back(ledger: Served, lend: Lend) -> None:
    first, second = await lend(1), await lend(2)
    officer = await ledger.client("finance_officer")
    assert (await repay(officer, first, "1.00", DAY, bank_reference="R1", purpose="PAYOFF")).status_code == 422
    assert (await repay(officer, second, "1.00", DAY, bank_reference="R1")).status_code == 201


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"amount": {"amount": "1.001", "currency": "CNY"}}, "#/amount"),
        ({"amount": {"amount": 1.0, "currency": "CNY"}}, "#/amount/amount"),
        ({"amount": {"amount": "-1.00", "currency": "CNY"}}, "#/amount"),
        ({"amount": {"amount": "0.00", "currency": "CNY"}}, "#/amount"),
        ({"amount": {"amount": "1" + "0" * 30, "currency": "CNY"}}, "#/amount"),
        ({"amount": {"amount": "1.00", "currency": "XXX"}}, "#/amount"),
        ({"amount": "1.00"}, "#/amount"),
        ({"value_date": "2026-02-30"}, "#/value_date"),
        ({"value_date": "2026-01-05T00:00:00Z"}, "#/value_date"),
        ({"value_date": "2026-01-06"}, "#/value_date"),
        ({"value_date": "2026-01-04"}, "#/value_date"),
        ({"amount": {"amount": "1.00", "currency": "USD"}}, "#/amount/currency"),
        ({"purpose": "GIFT"}, "#/purpose"),
        ({"channel": "Bank Transfer"}, "#/channel"),
        ({"repayment_id": "no spaces"}, "#/repayment_id"),
        ({"bank_reference": "R" * 141}, "#/bank_reference"),
        ({"surprise": True}, "#/surprise"),
    ],
)
async def test_a_wrong_repayment_is_refused_where_it_is_wrong(
    ledger: Served, lend: Lend, body: dict[str, Any], pointer: str
) -> None:
    loan = await lend()
    officer = await ledger.client("finance_officer")
    right = {"amount": cny("1.00"), "value_date": str(DAY)}
    answer = await officer.post(f"/ledger/loans/{loan}/repayments", json={**right, **body}, headers=key())
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert (await officer.get(f"/ledger/loans/{loan}/repayments")).json()["items"] == []


async def test_commands_need_a_key_a_role_a_loan_and_its_version(ledger: Served, lend: Lend) -> None:
    loan = await lend()
    officer, collector = await ledger.client("finance_officer"), await ledger.client("collector")
    nobody = await ledger.client(None)
    body = {"amount": cny("1.00"), "value_date": str(DAY)}
    path = f"/ledger/loans/{loan}/repayments"
    assert code(await officer.post(path, json=body)) == (400, "idempotency-key-missing")
    assert (await nobody.post(path, json=body, headers=key())).status_code == 401
    assert (await collector.post(path, json=body, headers=key())).status_code == 403
    assert code(await repay(officer, "no-such-loan", "1.00", DAY)) == (404, "loan-not-found")
    shown = await officer.get(f"/ledger/loans/{loan}")
    etag = shown.headers["etag"]
    assert (await repay(officer, loan, "1.00", DAY, headers={**key(), "If-Match": etag})).status_code == 201
    assert code(await repay(officer, loan, "1.00", DAY, headers={**key(), "If-Match": etag})) == (
        412,
        "precondition-failed",
    )
    unchanged = await officer.get(f"/ledger/loans/{loan}", headers={"If-None-Match": '"v4"'})
    assert unchanged.status_code == 304


async def test_a_closed_month_takes_entries_from_a_finance_manager_only(ledger: Served, lend: Lend) -> None:
    loan = await lend()
    officer, manager = await ledger.client("finance_officer"), await ledger.client("finance_manager")
    await close_until(ledger, date(2026, 2, 4))
    assert (await repay(officer, loan, "10.00", date(2026, 1, 31))).status_code == 201
    await close_until(ledger, date(2026, 2, 5))
    assert code(await repay(officer, loan, "10.00", date(2026, 1, 31))) == (403, "period-closed")
    assert (await repay(manager, loan, "10.00", date(2026, 1, 31))).status_code == 201


async def test_a_borrower_sees_his_own_loans_only(ledger: Served, lend: Lend) -> None:
    first, second = await lend(1), await lend(2)
    customer = await ledger.client("customer", **{"On-Behalf-Of": applicant_id(1)})
    assert [row["loan_id"] for row in (await customer.get("/ledger/loans")).json()["items"]] == [first]
    assert (await customer.get(f"/ledger/loans/{first}/plan")).status_code == 200
    for path in ("", "/plan", "/statement", "/repayments", "/payoff?on=2026-01-05", "/as-of?effective=2026-01-05"):
        assert code(await customer.get(f"/ledger/loans/{second}{path}")) == (404, "loan-not-found")
    assert (await repay(customer, first, "1.00", DAY)).status_code == 403
    assert (await customer.get("/ledger/journal")).status_code == 403


async def test_lists_filter_sort_and_page(ledger: Served, lend: Lend) -> None:
    loans = {await lend(n) for n in range(3)}
    officer = await ledger.client("finance_officer")
    seen: list[str] = []
    cursor = None
    while True:
        query = {"limit": 2, "sort": "-outstanding", **({"cursor": cursor} if cursor else {})}
        page = (await officer.get("/ledger/loans", params=query)).json()
        seen += [row["loan_id"] for row in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert (len(seen), set(seen)) == (3, loans)
    one = (await officer.get("/ledger/loans", params={"applicant_id": applicant_id(2), "state": "ACTIVE"})).json()
    assert [row["loan_id"] for row in one["items"]] == [loan_id(2)]
    assert (await officer.get("/ledger/loans", params={"bucket": "M1"})).json()["items"] == []
    assert (await officer.get("/ledger/loans", params={"colour": "red"})).status_code == 422
    lines = (await officer.get("/ledger/journal", params={"loan_id": loan_id(1), "account": "1303"})).json()["items"]
    assert [(line["debit"], line["rules"]) for line in lines] == [(cny("12000.00"), "posting v1")]
    none = await officer.get("/ledger/journal", params={"booked_from": "2030-01-01", "booked_to": "2030-01-31"})
    assert none.json()["items"] == []
    accounts = (await officer.get("/ledger/accounts")).json()["items"]
    assert {"1002", "1303", "6011.01"} <= {account["code"] for account in accounts}
    earlier = (await officer.get("/ledger/trial-balance", params={"as_of": "2025-12-31"})).json()
    assert (earlier["accounts"], earlier["total"]) == ([], {"CNY": "0.00"})


async def test_a_statement_tells_the_whole_story(ledger: Served, lend: Lend) -> None:
    loan = await lend()
    officer = await ledger.client("finance_officer")
    await close_until(ledger, date(2026, 2, 14))
    await repay(officer, loan, "1100.16", date(2026, 2, 15), repayment_id="r-1")
    await officer.post(f"/ledger/loans/{loan}/repayments/r-1/reversal", json={"reason": "x"}, headers=key())
    told = (await officer.get(f"/ledger/loans/{loan}/statement")).json()
    lines = [(line["on"], line["what"]) for line in told["lines"]]
    assert lines == [
        ("2026-01-05", "disbursement"),
        ("2026-02-05", "interest"),
        ("2026-02-05", "penalty"),
        ("2026-02-15", "repayment"),
        ("2026-02-15", "reversal"),
    ]
    assert told["repayments"][0]["reversed_on"] == "2026-02-15"
    plan = (await officer.get(f"/ledger/loans/{loan}/plan")).json()["instalments"]
    assert [row["state"] for row in plan[:2]] == ["OVERDUE", "COMING"]
    assert plan[0]["penalty"] == cny("6.90")


async def test_a_quote_is_for_a_date_that_can_be(ledger: Served, lend: Lend) -> None:
    loan = await lend()
    officer = await ledger.client("finance_officer")
    for on in ("2025-01-01", "2031-01-01", "2026-02-30"):
        assert (await officer.get(f"/ledger/loans/{loan}/payoff", params={"on": on})).status_code == 422
    ahead = (await officer.get(f"/ledger/loans/{loan}/payoff", params={"on": str(DAY + timedelta(days=5))})).json()
    assert ahead["components"]["interest"] == cny("29.03")


async def test_a_day_that_another_process_has_opened_is_known_to_the_next_command(
    ledger: Served, start: Callable[..., AbstractAsyncContextManager[Served]], bank: OutsideBank, lend: Lend
) -> None:
    loan = await lend()
    async with start(bank) as second:
        officer = await second.client("finance_officer")
        tomorrow = DAY + timedelta(days=1)
        operator = await ledger.client("operator")
        for _ in range(3):
            closed = await operator.post(
                "/ledger/day-ends", json={"until": (tomorrow - timedelta(days=1)).isoformat()}, headers=key()
            )
            assert closed.json()["business_date"] == tomorrow.isoformat()
            answer = await repay(officer, loan, "10.00", tomorrow)
            assert answer.status_code == 201, answer.text
            tomorrow += timedelta(days=1)
