"""Money that is entered, placed, set off or sent again by hand: two people from July 2027 on, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from libs.lending.money import Money
from libs.service.testing import Served, key
from services.ledger.tests.conftest import Start
from services.ledger.tests.making import OutsideBank, contract_id, loan_id, outside_bank, signed
from services.ledger.tests.test_acts_over_http import asked, code, second
from services.ledger.tests.test_adjustments_over_http import ask, balances, money, show
from services.ledger.tests.test_day_end import close_until

START = date(2027, 7, 5)
ALL = 10_000
LARGE, SMALL = money("60000.00"), money("50000.00")
HEADING = "loan_id,amount,currency,value_date,bank_reference\n"


@pytest.fixture
async def ledger(start: Start, bank: OutsideBank) -> AsyncIterator[Served]:
    async with start(bank, business_date_start=START) as running:
        yield running
        assert await running.parked() == []


async def lent(ledger: Served, n: int = 1, amount: str = "120000.00") -> str:
    terms = signed(n, disbursed_on=START, annual_rate=Decimal("0.10"), principal=Money.of(amount))
    await ledger.publish(f"contract-{contract_id(n)}", terms)
    await ledger.settle()
    return loan_id(n)


def entry(amount: dict[str, str], reference: str, **more: Any) -> dict[str, Any]:
    return {"amount": amount, "value_date": str(START), "bank_reference": reference, **more}


async def agrees(ledger: Served, directory: Path, act: str) -> httpx.Response:
    async with second(ledger, directory, "finance_manager") as person:
        return await person.post(f"/ledger/acts/{act}/approve", headers=key())


async def repayments(ledger: Served, loan: str) -> list[tuple[str, str]]:
    items = (await show(ledger, f"/loans/{loan}/repayments"))["items"]
    return [(item["amount"]["amount"], item["bank_reference"]) for item in items]


async def test_a_large_repayment_by_hand_waits_and_its_reference_is_free_until_then(
    ledger: Served, tmp_path: Path
) -> None:
    loan, other = await lent(ledger), await lent(ledger, 2)
    act = await asked(ledger, "finance_officer", f"/loans/{loan}/repayments", entry(LARGE, "R-1"))
    assert await repayments(ledger, loan) == []
    twin = await asked(ledger, "finance_officer", f"/loans/{other}/repayments", entry(LARGE, "R-1"))
    done = await agrees(ledger, tmp_path, act)
    assert (done.status_code, done.json()["act"]) == (200, "REPAYMENT"), done.text
    assert await repayments(ledger, loan) == [("60000.00", "R-1")]
    refused = await agrees(ledger, tmp_path, twin)
    assert (refused.status_code, code(refused.json())) == (409, "bank-reference-used")
    assert "stays open" in refused.json()["detail"]
    assert refused.json()["detail"].count("stays open") == 1
    assert await repayments(ledger, other) == []
    for role, amount in (("finance_officer", SMALL), ("service", LARGE)):
        status, found = await ask(ledger, role, f"/loans/{other}/repayments", entry(amount, f"R-{role}"))
        assert status == 201, found
    await balances(ledger)


async def test_large_money_that_is_held_and_placed_waits_each_time(ledger: Served, tmp_path: Path) -> None:
    loan = await lent(ledger)
    act = await asked(ledger, "finance_officer", "/suspense", entry(LARGE, "S-1", text="for whom?"))
    assert (await show(ledger, "/suspense"))["items"] == []
    assert (await agrees(ledger, tmp_path, act)).status_code == 200
    await ledger.settle()
    (held,) = (await show(ledger, "/suspense"))["items"]
    path = f"/suspense/{held['suspense_id']}/match"
    for wrong, expected in (("nobody", (404, "loan-not-found")),):
        status, found = await ask(ledger, "finance_officer", path, {"loan_id": wrong})
        assert (status, code(found)) == expected, "what must fail fails when it is asked for"
    match = await asked(ledger, "finance_officer", path, {"loan_id": loan})
    assert await repayments(ledger, loan) == []
    done = await agrees(ledger, tmp_path, match)
    assert done.status_code == 200, done.text
    assert await repayments(ledger, loan) == [("60000.00", "S-1")]
    assert (await ledger.events(f"suspense-{held['suspense_id']}"))[-1].matched_by == "second-person"
    assert code((await agrees(ledger, tmp_path, match)).json()) == "act-ended"
    status, found = await ask(ledger, "finance_officer", path, {"loan_id": loan})
    assert (status, found["state"]) == (200, "MATCHED"), "it is placed already"
    await balances(ledger)


async def test_what_the_loan_refuses_by_now_leaves_the_money_held(ledger: Served, tmp_path: Path) -> None:
    loan = await lent(ledger, amount="12000.00")
    status, held = await ask(ledger, "finance_officer", "/suspense", entry(money("2000.00"), "S-2", text="?"))
    assert status == 201
    act = await asked(ledger, "finance_officer", f"/suspense/{held['suspense_id']}/match", {"loan_id": loan})
    total = (await show(ledger, f"/loans/{loan}/payoff?on={START}"))["total"]
    status, found = await ask(
        ledger, "finance_officer", f"/loans/{loan}/repayments", entry(total, "S-3", purpose="PAYOFF")
    )
    assert (status, found["loan"]["state"]) == (201, "SETTLED"), found
    refused = await agrees(ledger, tmp_path, act)
    assert (refused.status_code, code(refused.json())) == (409, "loan-settled")
    assert [type(event).__name__ for event in await ledger.events(f"suspense-{held['suspense_id']}")] == [
        "SuspenseReceived"
    ]
    assert (await show(ledger, f"/acts/{act}"))["state"] == "OPEN"


async def test_one_loan_ends_another_by_two_people(ledger: Served, tmp_path: Path) -> None:
    old = await lent(ledger, amount="12000.00")
    body = {"contract_id": contract_id(2), "authorisation": "file 2027-0042"}
    act = await asked(ledger, "contract_officer", f"/loans/{old}/refinancing", body)
    done = await agrees(ledger, tmp_path, act)
    assert (done.status_code, done.json()["loan_id"]) == (200, old), done.text
    (agreed,) = await ledger.events(f"loan-{loan_id(2)}")
    assert (type(agreed).__name__, agreed.agreed_by) == ("RefinancingAgreed", "second-person")
    wrong = {"contract_id": "no-uuid", "authorisation": "x"}
    status, found = await ask(ledger, "contract_officer", f"/loans/{old}/refinancing", wrong)
    assert (status, code(found)) == (422, "contract-id")


async def test_the_bank_is_asked_again_by_two_people(start: Start, tmp_path: Path) -> None:
    async with start(outside_bank(refused_for_now=ALL), business_date_start=START) as ledger:
        loan = await lent(ledger)
        before = len(await ledger.events(f"loan-{loan}"))
        path = f"/loans/{loan}/disbursement-attempts"
        act = await asked(ledger, "finance_officer", path, {"reason": "Liquidity is back"})
        assert len(await ledger.events(f"loan-{loan}")) == before
        assert (await agrees(ledger, tmp_path, act)).status_code == 200
        again = (await ledger.events(f"loan-{loan}"))[before]
        assert (again.attempt, again.reason) == (4, "Liquidity is back")


async def send(client: httpx.AsyncClient, text: str) -> httpx.Response:
    headers = {**key(), "Content-Type": "text/csv"}
    return await client.post("/ledger/repayment-files", content=text.encode(), headers=headers)


async def test_a_large_file_is_entered_once_another_person_has_sent_it_too(ledger: Served, tmp_path: Path) -> None:
    loan, officer = await lent(ledger), await ledger.client("finance_officer")
    lines = "".join(f"{loan},{amount},CNY,{START},F-{n}\n" for n, amount in enumerate(("30000.00", "20000.01", "x")))
    waits = await send(officer, HEADING + lines)
    act = waits.json()
    assert (waits.status_code, act["act"], act["amount"]) == (202, "REPAYMENT_FILE", money("50000.01"))
    assert waits.headers["location"] == f"/ledger/acts/{act['act_id']}"
    assert (act["asked"]["lines"], len(act["asked"]["file_sha256"])) == (3, 64)
    again = await send(officer, HEADING + lines)
    assert (again.status_code, again.json()["act_id"]) == (202, act["act_id"]), "who asked does not agree"
    assert await repayments(ledger, loan) == []
    by_approval = await agrees(ledger, tmp_path, act["act_id"])
    assert (by_approval.status_code, code(by_approval.json())) == (409, "act-by-file")
    async with second(ledger, tmp_path, "finance_officer") as colleague:
        refused = await send(colleague, HEADING + lines)
        assert (refused.status_code, code(refused.json())) == (403, "act-role")
    async with second(ledger, tmp_path, "finance_manager") as manager:
        other = await send(manager, HEADING + lines.replace("20000.01", "20000.02"))
        assert other.status_code == 202, "another file is another request"
        for entered, before in ((2, 0), (0, 2)):
            done = await send(manager, HEADING + lines)
            found = done.json()
            assert (done.status_code, found["entered"], found["entered_before"]) == (200, entered, before), found
    assert (await send(officer, HEADING + lines)).json()["entered_before"] == 2, "it was agreed to"
    assert await repayments(ledger, loan) == [("30000.00", "F-0"), ("20000.01", "F-1")]
    await balances(ledger)


async def test_a_file_that_nobody_agreed_to_may_be_asked_for_again(ledger: Served) -> None:
    loan, officer = await lent(ledger), await ledger.client("finance_officer")
    text = f"{HEADING}{loan},60000.00,CNY,{START},G-1\n"
    first = (await send(officer, text)).json()["act_id"]
    await ledger.settle()  # an act that the view does not show yet would lapse a day later
    await close_until(ledger, START + timedelta(days=4))
    await ledger.settle()
    assert (await show(ledger, f"/acts/{first}"))["state"] == "LAPSED"
    second_time = (await send(officer, text)).json()
    assert (second_time["state"], second_time["act_id"] != first) == ("OPEN", True)


async def test_small_files_mixed_currencies_and_the_banks_own_feed(ledger: Served) -> None:
    loan, officer, feed = await lent(ledger), await ledger.client("finance_officer"), await ledger.client("service")
    small = await send(officer, f"{HEADING}{loan},50000.00,CNY,{START},H-1\n")
    assert (small.status_code, small.json()["entered"]) == (200, 1)
    mixed = await send(officer, f"{HEADING}{loan},1.00,CNY,{START},H-2\n{loan},1.00,USD,{START},H-3\n")
    assert (mixed.status_code, mixed.json()["amount"]) == (202, None)
    large = await send(feed, f"{HEADING}{loan},60000.00,CNY,{START},H-4\n")
    assert (large.status_code, large.json()["entered"]) == (200, 1)
    assert (await send(officer, HEADING)).status_code == 200, "an empty file moves nothing"
