"""What is agreed, let off, charged or corrected, over HTTP: the loan, the journal and the refusals."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError
from pypdf import PdfReader

from libs.contracts.values import AllocationDirection, AllocationRule, AllocationStep
from libs.lending.allocation import Component, Timing
from libs.lending.terms import RepaymentMethod
from libs.service.testing import Served, key
from services.ledger.tests.making import DAY, loan_id, signed
from services.ledger.tests.test_day_end import close_until

CNY = "CNY"


def money(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": CNY}


async def ask(ledger: Served, role: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    client = await ledger.client(role)
    answer = await client.post(f"/ledger{path}", json=body, headers=key())
    return answer.status_code, answer.json()


async def show(ledger: Served, path: str) -> dict[str, Any]:
    client = await ledger.client("auditor")
    answer = await client.get(f"/ledger{path}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def repay(ledger: Served, loan: str, amount: str, on: str, **more: str) -> dict[str, Any]:
    body = {"amount": money(amount), "value_date": on, **more}
    status, found = await ask(ledger, "finance_manager", f"/loans/{loan}/repayments", body)
    assert status == 201, found
    return found


async def balances(ledger: Served) -> dict[str, str]:
    await ledger.settle()
    found = await show(ledger, "/trial-balance")
    assert found["total"] == {CNY: "0.00"}
    return {row["account"]: row["balance"]["amount"] for row in found["accounts"]}


def total(row: dict[str, Any]) -> str:
    amount: str = row["total"]["amount"]
    return amount


async def plan(ledger: Served, loan: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await show(ledger, f"/loans/{loan}/plan"))["instalments"]
    return found


async def test_prepayment_by_the_borrowers_choice(ledger: Served, lend: Callable[..., Any]) -> None:
    smaller, fewer, next_first = await lend(1), await lend(2), await lend(3)
    await close_until(ledger, date(2026, 2, 4))
    for loan, purpose in ((smaller, "SMALLER_INSTALMENTS"), (fewer, "FEWER_INSTALMENTS"), (next_first, "INSTALMENT")):
        await repay(ledger, loan, "5100.16", "2026-02-05", purpose=purpose)
    ahead = {loan: [row for row in await plan(ledger, loan) if row["state"] == "COMING"] for loan in (smaller, fewer)}
    assert len(ahead[smaller]) == 11
    assert total(ahead[smaller][0]) == total(ahead[smaller][5]) == "702.98"
    assert len(ahead[fewer]) == 7
    assert total(ahead[fewer][0]) == "1100.16"
    position = (await show(ledger, f"/loans/{next_first}"))["position"]
    assert position["credit"] == money("4000.00")
    assert position["outstanding"]["principal"]["amount"] == "11079.84"
    assert (await show(ledger, f"/loans/{smaller}"))["position"]["outstanding"]["principal"]["amount"] == "7079.84"
    assert (await balances(ledger))["2241.01"] == "-4000.00"


async def test_credit_is_refunded_and_never_more_than_there_is(ledger: Served, lend: Callable[..., Any]) -> None:
    loan = await lend()
    await repay(ledger, loan, "300.00", str(DAY))
    status, problem = await ask(ledger, "finance_officer", f"/loans/{loan}/refunds", {"amount": money("300.01")})
    assert (status, problem["type"]) == (422, "urn:puhui:problem:more-than-credit")
    status, found = await ask(ledger, "finance_officer", f"/loans/{loan}/refunds", {"amount": money("100.00")})
    assert (status, found["position"]["credit"]) == (200, money("200.00"))
    status, found = await ask(ledger, "finance_officer", f"/loans/{loan}/refunds", {})
    assert (status, found["position"]["credit"]) == (200, money("0.00"))
    status, problem = await ask(ledger, "finance_officer", f"/loans/{loan}/refunds", {})
    assert (status, problem["type"]) == (409, "urn:puhui:problem:no-credit")
    assert "2241.01" not in {a: b for a, b in (await balances(ledger)).items() if b != "0.00"}


async def test_a_returned_payment_that_was_good_after_all(ledger: Served, lend: Callable[..., Any]) -> None:
    loan = await lend()
    await close_until(ledger, date(2026, 2, 4))
    await repay(ledger, loan, "1100.16", "2026-02-05", repayment_id="r-1")
    await close_until(ledger, date(2026, 3, 21))
    reversal = f"/loans/{loan}/repayments/r-1/reversal"
    status, _ = await ask(ledger, "finance_officer", reversal, {"reason": "returned-by-bank"})
    assert status == 200
    late = await show(ledger, f"/loans/{loan}")
    assert late["position"]["days_past_due"] == 45
    assert late["bucket"] == "M2"
    status, again = await ask(
        ledger, "finance_officer", f"/loans/{loan}/repayments/r-1/reinstatement", {"reason": "returned-in-error"}
    )
    assert status == 200
    assert again["position"]["days_past_due"] == 17, "the March instalment alone"
    status, problem = await ask(
        ledger, "finance_officer", f"/loans/{loan}/repayments/r-1/reinstatement", {"reason": "returned-in-error"}
    )
    assert (status, problem["type"]) == (409, "urn:puhui:problem:repayment-not-reversed")
    await close_until(ledger, date(2026, 3, 22))
    auditor = await ledger.client("auditor")
    for effective, known, overdue in (("2026-03-20", "2026-03-20", "0.00"), ("2026-02-20", "2026-03-21", "0.00")):
        seen = (await auditor.get(f"/ledger/loans/{loan}/as-of?effective={effective}&known={known}")).json()
        assert seen["position"]["overdue"]["interest"]["amount"] in (overdue, "166.20")
    await balances(ledger)


async def test_a_changed_agreement_keeps_both_plans(ledger: Served, lend: Callable[..., Any]) -> None:
    loan = await lend()
    await close_until(ledger, date(2026, 2, 4))
    await repay(ledger, loan, "1100.16", "2026-02-05")
    await close_until(ledger, date(2026, 2, 19))
    changed = {"kind": "RATE", "effective": "2026-02-15", "terms": {"annual_rate": "0.12"}, "reason": "agreed"}
    status, found = await ask(ledger, "finance_manager", f"/loans/{loan}/changes", changed)
    assert status == 200, found
    (entry,) = (await show(ledger, f"/loans/{loan}/changes"))["items"]
    assert (len(entry["previous_plan"]), entry["agreed_by"]) == (12, "finance-manager")
    assert [row["due"] for row in entry["plan"][:3]] == ["2026-02-05", "2026-03-05", "2026-03-05"]
    assert entry["plan"][1]["interest"]["amount"] == "59.36", "interest up to the change, due with the next instalment"
    for kind, terms, instalments, last in (
        ("EXTENSION", {"more_instalments": 3}, 14, "2027-04-05"),
        ("HOLIDAY", {"skipped_instalments": 1}, 14, "2027-05-05"),
        ("DUE_DATE", {"first_due": "2026-04-20"}, 14, "2027-05-20"),
    ):
        body = {"kind": kind, "effective": "2026-02-20", "terms": terms, "reason": "agreed"}
        status, found = await ask(ledger, "contract_officer", f"/loans/{loan}/changes", body)
        assert status == 200, found
        coming = [
            row for row in await plan(ledger, loan) if row["state"] == "COMING" and row["principal"]["amount"] != "0.00"
        ]
        assert (len(coming), coming[-1]["due"]) == (instalments, last), kind
    link = {"lpr": {"tenor": "1Y", "margin": "0.09", "reset_month": 3, "reset_day": 1}}
    body = {"kind": "RATE", "effective": "2026-02-20", "terms": link, "reason": "follows the LPR"}
    status, found = await ask(ledger, "contract_officer", f"/loans/{loan}/changes", body)
    assert status == 200, found
    await close_until(ledger, date(2026, 3, 2))
    resets = [
        item for item in (await show(ledger, f"/loans/{loan}/changes"))["items"] if item["agreed_by"] == "lpr-reset"
    ]
    assert [(item["effective"], item["terms"]["annual_rate"]) for item in resets] == [("2026-03-01", "0.12")]
    await balances(ledger)


async def test_arrears_are_restructured_paused_judged_and_let_off(ledger: Served, lend: Callable[..., Any]) -> None:
    loan, other = await lend(1), await lend(2)
    await close_until(ledger, date(2026, 3, 9))
    waiver = {"penalty": money("10.00"), "value_date": "2026-03-10", "reason": "flood"}
    status, found = await ask(ledger, "finance_officer", f"/loans/{loan}/waivers", waiver)
    assert status == 200, found
    status, problem = await ask(
        ledger, "finance_officer", f"/loans/{loan}/waivers", {**waiver, "interest": money("190.01")}
    )
    assert (status, problem["type"]) == (403, "urn:puhui:problem:waiver-beyond-authority")
    status, problem = await ask(
        ledger, "finance_manager", f"/loans/{loan}/waivers", {**waiver, "penalty": money("9999.00")}
    )
    assert (status, problem["type"]) == (422, "urn:puhui:problem:waiver-too-much")
    charge = {"code": "court-fee", "amount": money("20.00"), "value_date": "2026-03-10", "reason": "court"}
    status, found = await ask(ledger, "finance_officer", f"/loans/{loan}/charges", charge)
    assert status == 200, found
    status, problem = await ask(
        ledger, "finance_officer", f"/loans/{loan}/charges", {**charge, "amount": money("900.00")}
    )
    assert (status, problem["type"]) == (422, "urn:puhui:problem:all-in-cost-max")
    assert float(problem["all_in_cost"]) > 0.24
    pause = {"start": "2026-03-10", "end": "2026-03-19", "reason": "flood"}
    status, found = await ask(ledger, "risk_manager", f"/loans/{other}/pauses", pause)
    assert status == 200, found
    status, found = await ask(
        ledger, "risk_manager", f"/loans/{other}/overlay", {"tier": "SUBSTANDARD", "reason": "closed"}
    )
    assert (status, found["tier"]) == (200, "SUBSTANDARD")
    again = {"kind": "RESTRUCTURING", "effective": "2026-03-10", "reason": "agreed"}
    again["terms"] = {"with_arrears": True, "more_instalments": 6}  # type: ignore[assignment]
    status, found = await ask(ledger, "finance_manager", f"/loans/{loan}/changes", again)
    assert status == 200, found
    assert (found["position"]["days_past_due"], found["bucket"]) == (0, "CURRENT")
    await close_until(ledger, date(2026, 3, 24))
    shown = await show(ledger, f"/loans/{other}")
    assert shown["position"]["days_past_due"] == 48 - 10
    books = await balances(ledger)
    assert (books["6011.09"], books["1304"]) == ("10.00", "-3120.00"), "what was let off; 1 % and 25 % of 12,000"


async def test_from_the_91st_day_on_interest_is_no_income(ledger: Served, lend: Callable[..., Any]) -> None:
    loan = await lend()
    await close_until(ledger, date(2026, 2, 5) + timedelta(days=92))
    books = await balances(ledger)
    income, receivable = books["6011.01"], books["1132.01"]
    overdue = books["6011.02"]
    held = -float(books["1132.09"])
    assert held == pytest.approx(float(receivable) + float(books["1132.02"]))
    assert float(income) + float(overdue) == 0.0, "nothing was paid yet, so nothing is income"
    await repay(ledger, loan, "5000.00", "2026-05-09")
    await close_until(ledger, date(2026, 5, 9))
    books = await balances(ledger)
    assert books.get("1132.09", "0.00") == "0.00"
    assert float(books["6011.01"]) < 0


async def test_a_late_disbursement_date_works_the_loan_out_anew(ledger: Served, lend: Callable[..., Any]) -> None:
    loan = await lend()
    await close_until(ledger, DAY + timedelta(days=4))
    body = {"value_date": "2026-01-07", "reason": "credited later"}
    status, found = await ask(ledger, "finance_officer", f"/loans/{loan}/disbursement-date", body)
    assert (status, found["disbursed_on"], found["matures_on"]) == (200, "2026-01-07", "2027-01-07")
    await close_until(ledger, DAY + timedelta(days=5))
    assert (await balances(ledger))["6011.01"] == "-23.23", "four days' interest, not six"
    for wrong, code in (("2026-01-07", "same-date"), ("2026-02-01", "value-date"), ("2025-12-31", "value-date")):
        body = {"value_date": wrong, "reason": "credited later"}
        status, problem = await ask(ledger, "finance_officer", f"/loans/{loan}/disbursement-date", body)
        assert status in (409, 422)
        assert problem["type"] == f"urn:puhui:problem:{code}"


FILE = """loan_id,amount,currency,value_date,bank_reference
{loan},1100.16,CNY,2026-02-05,F-1
{loan},-5.00,CNY,2026-02-05,F-2
{loan},100.00,USD,2026-02-05,F-3
{loan},100.00,CNY,2026-02-30,F-4
unknown-loan,55.00,CNY,2026-02-05,F-5
{loan},100.00,CNY,2027-01-01,F-6
{loan},100.00,CNY,2026-02-05
{loan},100.00,CNY,2026-02-05,F-1
{loan},100.005,CNY,2026-02-05,F-8
"""


async def test_a_file_is_answered_line_by_line_and_may_come_again(ledger: Served, lend: Callable[..., Any]) -> None:
    loan = await lend()
    await close_until(ledger, date(2026, 2, 4))
    officer = await ledger.client("finance_officer")

    async def send(text: str) -> Any:
        headers = {**key(), "Content-Type": "text/csv"}
        return await officer.post("/ledger/repayment-files", content=text.encode(), headers=headers)

    answer = await send(FILE.format(loan=loan))
    assert answer.status_code == 200, answer.text
    lines = [(line["line"], line["outcome"], line["code"]) for line in answer.json()["lines"]]
    assert lines == [
        (2, "ENTERED", ""),
        (3, "REFUSED", "amount-not-positive"),
        (4, "REFUSED", "wrong-currency"),
        (5, "REFUSED", "line-value"),
        (6, "HELD", "loan-not-found"),
        (7, "REFUSED", "value-date-in-future"),
        (8, "REFUSED", "line-columns"),
        (9, "REFUSED", "repayment-exists"),
        (10, "REFUSED", "line-amount"),
    ]
    again = (await send(FILE.format(loan=loan))).json()
    assert (again["entered"], again["entered_before"], again["held"]) == (0, 1, 1)
    assert (await send("amount,loan\n1,2\n")).json()["type"] == "urn:puhui:problem:file-heading"
    assert (await send("")).status_code == 422
    await ledger.settle()
    (held,) = (await officer.get("/ledger/suspense")).json()["items"]
    assert (held["suspense_id"], held["amount"]) == ("sF-5", money("55.00"))
    books = await balances(ledger)
    assert (books["2241.02"], books["1002"]) == ("-55.00", "-10844.84")
    status, problem = await ask(ledger, "finance_officer", "/suspense/sF-5/match", {"loan_id": "nobody"})
    assert (status, problem["type"]) == (404, "urn:puhui:problem:loan-not-found")
    status, found = await ask(ledger, "finance_officer", "/suspense/sF-5/match", {"loan_id": loan})
    assert (status, found["state"]) == (200, "MATCHED")
    status, problem = await ask(ledger, "finance_officer", "/suspense/sF-5/return", {"reason": "no"})
    assert (status, problem["type"]) == (409, "urn:puhui:problem:suspense-closed")
    books = await balances(ledger)
    assert (books["2241.02"], books["2241.01"], books["1002"]) == ("0.00", "-55.00", "-10844.84")
    body = {"amount": money("7.00"), "value_date": "2026-02-05", "text": "who is this"}
    status, found = await ask(ledger, "finance_officer", "/suspense", body)
    assert status == 201
    status, found = await ask(
        ledger, "finance_officer", f"/suspense/{found['suspense_id']}/return", {"reason": "not ours"}
    )
    assert (status, found["state"]) == (200, "RETURNED")


async def test_lines_of_many_loans_keep_the_order_of_their_references(ledger: Served, lend: Callable[..., Any]) -> None:
    """Lines are entered several at once: the first with a reference has it, and a loan hears of its lines in order."""
    loans = [await lend(n) for n in (1, 2, 3)]
    await close_until(ledger, date(2026, 2, 4))
    officer = await ledger.client("finance_officer")
    heading = "loan_id,amount,currency,value_date,bank_reference"
    lines = [f"{loan},{number}.00,CNY,2026-02-05,O-{number}" for number in range(1, 9) for loan in loans]
    headers = {**key(), "Content-Type": "text/csv"}
    answer = await officer.post(
        "/ledger/repayment-files", content="\n".join([heading, *lines]).encode(), headers=headers
    )
    assert answer.status_code == 200, answer.text
    found = [(line["line"], line["loan_id"], line["outcome"], line["code"]) for line in answer.json()["lines"]]
    won, lost = ("ENTERED", ""), ("REFUSED", "bank-reference-used")
    assert found == [
        (2 + 3 * at + which, loan, *(won if which == 0 else lost))
        for at in range(8)
        for which, loan in enumerate(loans)
    ]
    entered = (await officer.get(f"/ledger/loans/{loans[0]}/repayments")).json()["items"]
    assert [item["amount"]["amount"] for item in entered] == [f"{number}.00" for number in range(1, 9)]


async def test_what_cannot_be_is_refused_with_the_field(ledger: Served, lend: Callable[..., Any]) -> None:
    loan = await lend()
    await close_until(ledger, date(2026, 2, 9))
    wrong: list[tuple[str, str, dict[str, Any], int, str]] = [
        ("changes", "contract_officer", {"kind": "RATE", "terms": {"annual_rate": "0.25"}}, 422, "annual-rate-max"),
        ("changes", "contract_officer", {"kind": "RATE", "terms": {}}, 422, "change-incomplete"),
        (
            "changes",
            "contract_officer",
            {"kind": "EXTENSION", "terms": {"more_instalments": 120}},
            422,
            "term-months-max",
        ),
        ("changes", "contract_officer", {"kind": "DUE_DATE", "terms": {"first_due": "2026-02-01"}}, 422, "first-due"),
        (
            "changes",
            "contract_officer",
            {"kind": "EXTENSION", "terms": {"more_instalments": 1, "with_arrears": True}},
            422,
            "with-arrears",
        ),
        (
            "changes",
            "contract_officer",
            {"kind": "RATE", "effective": "2026-03-01", "terms": {"annual_rate": "0.1"}},
            422,
            "value-date-in-future",
        ),
        (
            "changes",
            "contract_officer",
            {"kind": "RATE", "effective": "2026-01-04", "terms": {"annual_rate": "0.1"}},
            422,
            "value-date-too-early",
        ),
        (
            "changes",
            "contract_officer",
            {"kind": "RATE", "effective": "2026-01-30", "terms": {"annual_rate": "0.1"}},
            403,
            "period-closed",
        ),
        ("waivers", "finance_officer", {"value_date": "2026-02-10"}, 422, "waiver-amounts"),
        (
            "charges",
            "finance_officer",
            {"code": "fee", "amount": {"amount": "1.00", "currency": "USD"}, "value_date": "2026-02-10"},
            422,
            "wrong-currency",
        ),
        ("pauses", "risk_manager", {"start": "2026-02-10", "end": "2026-02-09"}, 422, "pause-end"),
        ("overlay", "risk_manager", {"tier": "NORMAL"}, 422, "overlay-not-worse"),
        ("overlay", "risk_manager", {"tier": None}, 409, "no-overlay"),
    ]
    for path, role, body, expected, code in wrong:
        body = {"reason": "agreed", **({"effective": "2026-02-10"} if path == "changes" else {}), **body}
        status, problem = await ask(ledger, role, f"/loans/{loan}/{path}", body)
        assert (status, problem["type"]) == (expected, f"urn:puhui:problem:{code}"), (path, body, problem)
    status, _ = await ask(ledger, "collector", f"/loans/{loan}/waivers", {"value_date": "2026-02-10", "reason": "x"})
    assert status == 403


async def test_the_books_are_closed_under_a_hash_that_events_give_again(
    ledger: Served, lend: Callable[..., Any]
) -> None:
    first, second = await lend(1), await lend(2, instalments=2, method=RepaymentMethod.EQUAL_PRINCIPAL)
    manager = await ledger.client("finance_manager")
    assert (await manager.post("/ledger/periods/2026-01/seal", headers=key())).json()["type"].endswith("period-open")
    await close_until(ledger, date(2026, 2, 4))
    await repay(ledger, first, "1500.00", "2026-02-05", repayment_id="r-1")
    for amount in ("6180.00", "6090.00"):
        await repay(ledger, second, amount, str(ledger.runtime.today))
        await close_until(ledger, date(2026, 3, 4))
    await ledger.settle()
    controls = await show(ledger, "/control-accounts")
    assert controls["equal"], controls
    assert {item["role"] for item in controls["items"]} >= {
        "loans",
        "interest-receivable",
        "loss-allowance",
        "suspense",
    }
    sealed = (await manager.post("/ledger/periods/2026-01/seal", headers=key())).json()
    assert (sealed["entries"], sealed["previous_sha256"]) == (29, ""), "27 days and two payouts"
    assert (await manager.post("/ledger/periods/2026-01/seal", headers=key())).json() == sealed
    assert (await manager.post("/ledger/periods/2026-03/seal", headers=key())).status_code == 409
    after = (await manager.post("/ledger/periods/2026-02/seal", headers=key())).json()
    assert after["previous_sha256"] == sealed["sha256"]
    for month in ("2026-01", "2026-02"):
        found = await show(ledger, f"/periods/{month}/verification")
        assert found["equal"], found
    assert (await manager.get("/ledger/periods/2025-12/seal")).status_code == 404
    assert (await manager.post("/ledger/periods/2026-13/seal", headers=key())).status_code == 422
    income = await show(ledger, "/income-statement?booked_from=2026-01-01&booked_to=2026-03-04&by=product")
    trial = {row["account"]: row["balance"]["amount"] for row in (await show(ledger, "/trial-balance"))["accounts"]}
    (line,) = income["lines"]
    assert line["value"] == "consumer-standard"
    assert line["accounts"]["6011.01"]["amount"] == trial["6011.01"].removeprefix("-")
    assert line["accounts"]["6702"]["amount"] == f"-{trial['6702']}"
    text = (await manager.get("/ledger/journal.csv?booked_from=2026-01-01&booked_to=2026-03-04")).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert sum(Decimal(row["debit"]) - Decimal(row["credit"]) for row in rows) == 0
    assert {row["channel"] for row in rows} == {"", "ONLINE"}


async def test_what_a_borrower_holds_in_his_hands(ledger: Served, lend: Callable[..., Any]) -> None:
    loan = await lend(1, instalments=1)
    officer = await ledger.client("finance_officer")
    answer = await officer.get(f"/ledger/loans/{loan}/settlement-certificate.pdf")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:puhui:problem:loan-not-settled")
    await close_until(ledger, date(2026, 2, 4))
    await repay(ledger, loan, "12180.00", "2026-02-05", repayment_id="r-1", bank_reference="B-1")
    papers = {
        "statement.pdf": ("贷款对账单", "Loan statement", "12180.00"),
        "plan.pdf": ("还款计划表", "Repayment plan", "2026-02-05"),
        "settlement-certificate.pdf": ("贷款结清证明", "Settlement certificate", "2026-02-05"),
        "repayments/r-1/receipt.pdf": ("还款回单", "Repayment receipt", "B-1"),
    }
    for name, (chinese, english, figure) in papers.items():
        for language, title in (("zh-CN", chinese), ("en", english)):
            answer = await officer.get(f"/ledger/loans/{loan}/{name}?language={language}")
            assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
            text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages)
            assert title in text.replace("\n", "")
            assert figure in text
            again = await officer.get(f"/ledger/loans/{loan}/{name}?language={language}")
            assert again.content == answer.content
    assert (await officer.get(f"/ledger/loans/{loan}/repayments/r-2/receipt.pdf")).status_code == 404
    assert (await officer.get(f"/ledger/loans/{loan}/plan.pdf?language=fr")).status_code == 422


async def test_eight_who_repay_one_loan_at_once_are_all_heard(ledger: Served, lend: Callable[..., Any]) -> None:
    loan = await lend()
    client = await ledger.client("finance_officer")

    async def pay(n: int) -> int:
        body = {"amount": money(f"{n + 1}.00"), "value_date": str(DAY), "bank_reference": f"P-{n}"}
        answer = await client.post(f"/ledger/loans/{loan}/repayments", json=body, headers=key())
        return answer.status_code

    assert await asyncio.gather(*map(pay, range(40))) == [201] * 40
    assert (await show(ledger, f"/loans/{loan}"))["position"]["credit"] == money("820.00")


async def test_a_products_order_of_allocation_decides_what_is_paid_first(ledger: Served) -> None:
    steps = [(t, c) for t in ("PAST_DUE", "DUE") for c in ("PRINCIPAL", "INTEREST", "PENALTY", "FEE")]
    rule = AllocationRule(
        direction=AllocationDirection.HORIZONTAL,
        steps=tuple(AllocationStep(timing=Timing(t), component=Component(c)) for t, c in steps),
    )
    contract = signed(1)
    request = contract.agreement.request
    product = request.product.model_copy(update={"allocation": rule})
    agreement = contract.agreement.model_copy(update={"request": request.model_copy(update={"product": product})})
    await ledger.publish("contract-1", contract.model_copy(update={"agreement": agreement}))
    await ledger.settle()
    await close_until(ledger, date(2026, 3, 9))
    found = await repay(ledger, loan_id(1), "1000.00", "2026-03-10")
    assert found["repayment"]["allocated"]["principal"] == money("920.16")
    assert found["repayment"]["allocated"]["interest"] == money("79.84")
    with pytest.raises(ValidationError, match="once each as PAST_DUE"):
        AllocationRule(steps=rule.steps[:3])
