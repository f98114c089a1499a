"""Acts to which a second person must agree, from 2027 on, over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from libs.service.issuer import Issuer, User
from libs.service.testing import ISSUER, Served, key
from services.ledger.tests.conftest import Start
from services.ledger.tests.making import OutsideBank, contract_id, loan_id, signed
from services.ledger.tests.test_adjustments_over_http import ask, money, repay, show
from services.ledger.tests.test_day_end import close_until

START = date(2027, 1, 28)


@pytest.fixture
async def ledger(start: Start, bank: OutsideBank) -> AsyncIterator[Served]:
    """A ledger whose first day is in the year in which the policy takes effect."""
    async with start(bank, business_date_start=START) as running:
        yield running


async def lent(ledger: Served, n: int = 1, on: date = START) -> str:
    """A loan that is paid out on a day; its id. It may cost more before it reaches the cap."""
    terms = signed(n, disbursed_on=on, annual_rate=Decimal("0.10"))
    await ledger.publish(f"contract-{contract_id(n)}", terms)
    await ledger.settle()
    return loan_id(n)


async def over(ledger: Served, on: date = START) -> str:
    """A loan on which 1,500.00 is over, all of one repayment."""
    loan = await lent(ledger, on=on)
    await repay(ledger, loan, "1500.00", str(on), repayment_id="r-1")
    return loan


async def asked(ledger: Served, role: str, path: str, body: dict[str, Any] | None = None) -> str:
    """Asks for an act and finds that it waits; its id."""
    status, found = await ask(ledger, role, path, body) if body is not None else await post(ledger, role, path)
    assert (status, found.get("state")) == (202, "OPEN"), found
    act_id: str = found["act_id"]
    return act_id


async def post(ledger: Served, role: str, path: str) -> tuple[int, dict[str, Any]]:
    client = await ledger.client(role)
    answer = await client.post(f"/ledger{path}", headers=key())
    return answer.status_code, answer.json()


def code(found: dict[str, Any]) -> str:
    return str(found["type"]).removeprefix("urn:puhui:problem:")


def second(ledger: Served, directory: Path, role: str) -> httpx.AsyncClient:
    """Another person in a role than the one whom the other tests know."""
    user = User("second-person", (role,), "Second person")
    token = Issuer.open(directory / "identity", issuer=ISSUER, audience="puhui", users=[user]).token("second-person")
    transport = httpx.ASGITransport(ledger.app)
    return httpx.AsyncClient(
        transport=transport, base_url="http://service.test", headers={"Authorization": f"Bearer {token}"}
    )


async def credit(ledger: Served, loan: str) -> str:
    amount: str = (await show(ledger, f"/loans/{loan}"))["position"]["credit"]["amount"]
    return amount


async def test_what_one_asks_another_agrees_to_is_done_once(ledger: Served) -> None:
    loan = await over(ledger)
    officer, manager, again = await ledger.client("finance_officer"), await ledger.client("finance_manager"), key()
    body = {"amount": money("1200.00"), "bank_reference": "P-1"}
    waiting = await officer.post(f"/ledger/loans/{loan}/refunds", json=body, headers=again)
    act = waiting.json()
    assert (waiting.status_code, waiting.headers["location"]) == (202, f"/ledger/acts/{act['act_id']}")
    assert act == {
        "act_id": act["act_id"],
        "act": "REFUND",
        "state": "OPEN",
        "loan_id": loan,
        "repayment_id": "",
        "suspense_id": "",
        "period": "",
        "asked": body,
        "amount": money("1200.00"),
        "agreed_by": ["finance_manager"],
        "open_until": str(START + timedelta(days=5)),
        "requested_by": "finance-officer",
        "requested_on": str(START),
        "ended_by": None,
        "ended_on": None,
        "reason": "",
    }
    assert await credit(ledger, loan) == "1500.00"
    await ledger.settle()
    assert (await show(ledger, "/acts"))["items"] == [act]

    path = f"/ledger/acts/{act['act_id']}"
    answers = await asyncio.gather(*(manager.post(f"{path}/approve", headers=key()) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    assert {code(answer.json()) for answer in answers if answer.status_code == 409} == {"act-ended"}
    [done] = [answer.json() for answer in answers if answer.status_code == 200]
    assert (done["state"], done["ended_by"], done["ended_on"]) == ("APPROVED", "finance-manager", str(START))
    assert await credit(ledger, loan) == "300.00"

    _, approved = await ledger.runtime.store.load(f"act-{act['act_id']}")
    refunded = (await ledger.runtime.store.load(f"loan-{loan}"))[-1]
    assert refunded.type == "puhui.ledger.credit-refunded.v1"
    assert refunded.circumstances.causation_id == str(approved.event_id)
    assert refunded.circumstances.actor.subject == "finance-manager"
    assert refunded.circumstances.recorded_at > approved.circumstances.recorded_at

    repeated = await officer.post(f"/ledger/loans/{loan}/refunds", json=body, headers=again)
    assert (repeated.status_code, repeated.json(), repeated.headers["idempotency-replayed"]) == (202, act, "true")
    other = await officer.post(f"/ledger/loans/{loan}/refunds", json={}, headers=again)
    assert (other.status_code, code(other.json())) == (422, "idempotency-key-reused")
    await ledger.settle()
    assert (await show(ledger, "/acts"))["items"] == []
    assert (await show(ledger, f"/acts?state=APPROVED&loan_id={loan}&act=REFUND"))["items"] == [done]
    assert (await show(ledger, path.removeprefix("/ledger"))) == done
    assert await ledger.parked() == []


async def test_an_approval_sent_again_under_its_key_is_one(ledger: Served) -> None:
    loan, manager = await over(ledger), await ledger.client("finance_manager")
    await repay(ledger, loan, "6000.00", str(START))
    refund = {"amount": money("1200.00")}
    for done in range(1, 6):
        act, once = await asked(ledger, "finance_officer", f"/loans/{loan}/refunds", refund), key()
        path = f"/ledger/acts/{act}/approve"
        answers = await asyncio.gather(*(manager.post(path, headers=once) for _ in range(25)))
        answers.append(await manager.post(path, headers=once))
        assert {(answer.status_code, answer.text) for answer in answers} == {(200, answers[0].text)}
        assert answers[-1].headers["idempotency-replayed"] == "true"
        types = [event.type for event in await ledger.runtime.store.load(f"loan-{loan}")]
        assert types.count("puhui.ledger.credit-refunded.v1") == done


async def test_who_asked_and_who_has_not_the_role_do_not_agree(ledger: Served) -> None:
    loan = await over(ledger)
    act = await asked(ledger, "finance_manager", f"/loans/{loan}/refunds", {})
    for role, problem in (
        ("finance_manager", "four-eyes"),
        ("finance_officer", "act-role"),
        ("risk_manager", "act-role"),
        ("collector", "forbidden"),
        ("service", "forbidden"),
    ):
        status, found = await post(ledger, role, f"/acts/{act}/approve")
        assert (status, code(found)) == (403, problem), role
    for role, problem in (("risk_manager", "act-role"), ("auditor", "forbidden")):
        status, found = await ask(ledger, role, f"/acts/{act}/reject", {"reason": "no"})
        assert (status, code(found)) == (403, problem), role
    client = await ledger.client("customer")
    assert (await client.get("/ledger/acts")).status_code == 403
    assert (await client.get(f"/ledger/acts/{act}")).status_code == 403
    assert await credit(ledger, loan) == "1500.00"
    assert (await show(ledger, f"/acts/{act}"))["state"] == "OPEN"


async def test_what_is_turned_down_or_taken_back_is_not_done(ledger: Served) -> None:
    loan = await over(ledger)
    for role in ("finance_manager", "finance_officer"):
        act = await asked(ledger, "finance_officer", f"/loans/{loan}/refunds", {})
        status, found = await ask(ledger, role, f"/acts/{act}/reject", {"reason": "He wants to pay ahead"})
        assert (status, found["state"], found["reason"]) == (200, "REJECTED", "He wants to pay ahead")
        status, found = await post(ledger, "finance_manager", f"/acts/{act}/approve")
        assert (status, code(found)) == (409, "act-ended")
    assert await credit(ledger, loan) == "1500.00"
    await ledger.settle()
    rejected = (await show(ledger, "/acts?state=REJECTED"))["items"]
    assert sorted(item["ended_by"] for item in rejected) == ["finance-manager", "finance-officer"]
    first = await show(ledger, "/acts?state=REJECTED&limit=1")
    rest = await show(ledger, f"/acts?state=REJECTED&limit=1&cursor={first['next_cursor']}")
    assert [*first["items"], *rest["items"]] == rejected


async def test_what_nobody_agreed_to_lapses_when_its_last_day_is_over(ledger: Served) -> None:
    loan = await over(ledger)
    act = await asked(ledger, "finance_officer", f"/loans/{loan}/refunds", {})
    last = START + timedelta(days=5)
    await close_until(ledger, last - timedelta(days=1))
    assert ledger.runtime.today == last
    assert (await show(ledger, f"/acts/{act}"))["state"] == "OPEN"
    await close_until(ledger, last)
    await ledger.settle()
    [lapsed] = (await show(ledger, "/acts?state=LAPSED"))["items"]
    assert (lapsed["act_id"], lapsed["ended_on"]) == (act, str(last + timedelta(days=1)))
    status, found = await post(ledger, "finance_manager", f"/acts/{act}/approve")
    assert (status, code(found)) == (409, "act-ended")
    assert await credit(ledger, loan) == "1500.00"
    assert await ledger.parked() == []


async def test_what_is_refused_by_now_is_not_done_and_stays_open(ledger: Served) -> None:
    loan = await over(ledger)
    act = await asked(ledger, "finance_officer", f"/loans/{loan}/refunds", {"amount": money("1500.00")})
    status, _ = await ask(ledger, "finance_officer", f"/loans/{loan}/refunds", {"amount": money("0.01")})
    assert status == 200
    status, found = await post(ledger, "finance_manager", f"/acts/{act}/approve")
    assert (status, code(found)) == (422, "more-than-credit")
    assert "1499.99 CNY is over" in found["detail"]
    assert "stays open until 2027-02-02" in found["detail"]
    assert "errors" not in found, "no member of the approval is wrong"
    assert (await show(ledger, f"/acts/{act}"))["state"] == "OPEN"
    assert len(await ledger.events(f"act-{act}")) == 1
    await repay(ledger, loan, "0.01", str(START))
    status, found = await post(ledger, "finance_manager", f"/acts/{act}/approve")
    assert (status, found["state"]) == (200, "APPROVED")
    assert await credit(ledger, loan) == "0.00"


async def test_what_must_fail_fails_at_once(ledger: Served) -> None:
    loan = await over(ledger)
    for role, path, body, expected in (
        ("finance_officer", f"/loans/{loan}/refunds", {"amount": money("1500.01")}, (422, "more-than-credit")),
        ("finance_officer", f"/loans/{loan}/refunds", {"amount": money("-1.00")}, (422, "validation-failed")),
        ("finance_officer", "/loans/nothing/refunds", {}, (404, "loan-not-found")),
        ("finance_officer", f"/loans/{loan}/repayments/r-2/reversal", {"reason": "x"}, (404, "repayment-not-found")),
        ("finance_officer", "/suspense/nothing/return", {"reason": "x"}, (404, "suspense-not-found")),
        ("collector", f"/loans/{loan}/refunds", {}, (403, "forbidden")),
    ):
        status, found = await ask(ledger, role, path, body)
        assert (status, code(found)) == expected, path
    status, found = await post(ledger, "finance_manager", "/periods/2027-01/seal")
    assert (status, code(found)) == (409, "period-open")
    officer = await ledger.client("finance_officer", **{"If-Match": '"v1"'})
    stale = await officer.post(f"/ledger/loans/{loan}/refunds", json={}, headers=key())
    assert stale.status_code == 412
    await ledger.settle()
    assert (await show(ledger, "/acts"))["items"] == []
    known = (await officer.get(f"/ledger/loans/{loan}")).headers["etag"]
    assert known != '"v1"'
    fresh = await officer.post(f"/ledger/loans/{loan}/refunds", json={}, headers=key() | {"If-Match": known})
    assert fresh.status_code == 202, "the version is that of the loan"


async def test_up_to_the_amount_and_by_a_system_it_is_done_at_once(ledger: Served) -> None:
    loan = await over(ledger)
    status, found = await ask(ledger, "finance_officer", f"/loans/{loan}/refunds", {"amount": money("1000.00")})
    assert (status, found["position"]["credit"]) == (200, money("500.00"))
    status, found = await ask(ledger, "service", f"/loans/{loan}/repayments/r-1/reversal", {"reason": "returned"})
    assert status == 200, found
    assert found["repayment"]["reversed_on"] == str(START)


async def test_before_the_policy_one_person_is_enough(start: Start, bank: OutsideBank) -> None:
    eve = date(2026, 12, 31)
    async with start(bank, business_date_start=eve) as ledger:
        loan = await over(ledger, eve)
        path = f"/loans/{loan}/refunds"
        assert (await ask(ledger, "finance_officer", path, {"amount": money("1500.00")}))[0] == 200
        await close_until(ledger, eve)
        await repay(ledger, loan, "1500.00", "2027-01-01")
        assert (await ask(ledger, "finance_officer", path, {"amount": money("1500.00")}))[0] == 202


async def test_who_agrees_needs_the_authority_himself(ledger: Served) -> None:
    loan = await lent(ledger)
    fee = {"code": "court-fee", "amount": money("150.00"), "value_date": str(START), "reason": "court"}
    for _ in range(2):
        assert (await ask(ledger, "finance_officer", f"/loans/{loan}/charges", fee))[0] == 200
    waiver = {"fee": money("300.00"), "value_date": str(START), "reason": "flood"}
    status, found = await ask(ledger, "finance_officer", f"/loans/{loan}/waivers", waiver)
    assert (status, code(found)) == (403, "waiver-beyond-authority")
    act = await asked(ledger, "collection_manager", f"/loans/{loan}/waivers", waiver)
    status, found = await post(ledger, "finance_officer", f"/acts/{act}/approve")
    assert (status, code(found)) == (403, "act-role")
    assert (await post(ledger, "finance_manager", f"/acts/{act}/approve"))[0] == 200
    waived = (await ledger.events(f"loan-{loan}"))[-1]
    assert (waived.waived_by, waived.authority) == ("finance-manager", "finance_manager, without limit")
    assert (await post(ledger, "finance_manager", f"/acts/{act}/approve"))[0] == 409


async def test_every_act_waits_for_a_second_person(ledger: Served, tmp_path: Path) -> None:
    loan, moved, day = await over(ledger), await lent(ledger, 2), str(START)
    held = {"amount": money("700.00"), "value_date": day, "text": "for whom?"}
    status, found = await ask(ledger, "finance_officer", "/suspense", held)
    assert status == 201
    suspense = found["suspense_id"]
    await close_until(ledger, date(2027, 1, 31))
    on, agreed = "2027-02-01", {"value_date": "2027-02-01", "reason": "agreed"}
    rate = {"kind": "RATE", "effective": on, "terms": {"annual_rate": "0.08"}, "reason": "agreed"}
    finance = "finance_officer"
    acts: tuple[tuple[str, str, str, dict[str, Any] | None, str, str], ...] = (
        (finance, "finance_manager", f"/loans/{loan}/repayments/r-1/reversal", {"reason": "x"}, loan, "RepaymentReversed"),
        (finance, "finance_manager", f"/loans/{loan}/repayments/r-1/reinstatement", {"reason": "x"}, loan, "RepaymentReinstated"),
        (finance, "finance_manager", f"/loans/{loan}/refunds", {}, loan, "CreditRefunded"),
        ("contract_officer", "finance_manager", f"/loans/{loan}/changes", rate, loan, "LoanChanged"),
        (finance, "finance_manager", f"/loans/{moved}/disbursement-date", {"value_date": "2027-01-29", "reason": "late"}, moved, "DisbursementRedated"),
        (finance, "finance_manager", f"/loans/{moved}/charges", {"code": "court-fee", "amount": money("300.00")} | agreed, moved, "FeeCharged"),
        ("collection_manager", "finance_manager", f"/loans/{moved}/waivers", {"fee": money("300.00")} | agreed, moved, "ChargeWaived"),
        ("risk_manager", "collection_manager", f"/loans/{loan}/pauses", {"start": on, "end": on, "reason": "flood"}, loan, "DelinquencyPaused"),
        ("risk_manager", "risk_manager", f"/loans/{loan}/overlay", {"tier": "LOSS", "reason": "closed"}, loan, "ClassificationOverlaid"),
        (finance, "finance_manager", f"/suspense/{suspense}/return", {"reason": "x"}, "", "SuspenseReturned"),
        ("finance_manager", "finance_manager", "/periods/2027-01/seal", None, "", "PeriodSealed"),
    )  # fmt: skip
    for maker, checker, path, body, of, event in acts:
        stream = f"loan-{of}" if of else "period-cn" if event == "PeriodSealed" else f"suspense-{suspense}"
        before = len(await ledger.events(stream))
        act = await asked(ledger, maker, path, body)
        assert len(await ledger.events(stream)) == before, path
        async with second(ledger, tmp_path, checker) as person:
            done = await person.post(f"/ledger/acts/{act}/approve", headers=key())
        assert (done.status_code, done.json()["loan_id"]) == (200, of), done.text
        assert type((await ledger.events(stream))[before]).__name__ == event
        first = (await ledger.runtime.store.load(stream))[before]
        assert first.circumstances.actor.subject == "second-person"
    status, found = await post(ledger, "finance_manager", "/periods/2027-01/seal")
    assert (status, found["sealed_by"]) == (200, "second-person"), "closed already: there is nothing to agree to"
    assert (await show(ledger, "/periods/2027-01/verification"))["equal"]
    await ledger.settle()
    assert (await show(ledger, "/control-accounts"))["equal"]
    assert len((await show(ledger, "/acts?state=APPROVED"))["items"]) == len(acts)
    assert await ledger.parked() == []


async def test_a_month_that_two_asked_to_close_is_closed_once(ledger: Served, tmp_path: Path) -> None:
    await close_until(ledger, date(2027, 1, 31))
    first, again = [await asked(ledger, "finance_manager", "/periods/2027-01/seal") for _ in range(2)]
    async with second(ledger, tmp_path, "finance_manager") as person:
        assert (await person.post(f"/ledger/acts/{first}/approve", headers=key())).status_code == 200
        refused = await person.post(f"/ledger/acts/{again}/approve", headers=key())
    assert (refused.status_code, code(refused.json())) == (409, "act-done")
    assert len(await ledger.events("period-cn")) == 1
    assert (await show(ledger, f"/acts/{again}"))["state"] == "OPEN"


@pytest.mark.parametrize("verb", ["approve", "reject"])
async def test_bad_input_is_refused_by_name(ledger: Served, verb: str) -> None:
    body = {"reason": "no"} if verb == "reject" else {}
    manager = await ledger.client("finance_manager")
    for act, status, problem in (("nothing", 404, "act-not-found"), ("a b", 422, "validation-failed")):
        answer = await manager.post(f"/ledger/acts/{act}/{verb}", json=body, headers=key())
        assert (answer.status_code, code(answer.json())) == (status, problem)
    unkeyed = await manager.post(f"/ledger/acts/nothing/{verb}", json=body)
    assert unkeyed.status_code == 400
    nobody = await ledger.client(None)
    assert (await nobody.post(f"/ledger/acts/nothing/{verb}", json=body, headers=key())).status_code == 401


async def test_bad_input_of_lists_and_reasons(ledger: Served) -> None:
    manager = await ledger.client("finance_manager")
    for body, pointer in (({}, "#/reason"), ({"reason": ""}, "#/reason"), ({"reason": "x", "more": 1}, "#/more")):
        answer = await manager.post("/ledger/acts/nothing/reject", json=body, headers=key())
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    for query, status in (
        ("state=DONE", 422),
        ("act=GIFT", 422),
        ("limit=0", 422),
        ("unknown=1", 422),
        ("cursor=x", 400),
    ):
        answer = await manager.get(f"/ledger/acts?{query}")
        assert answer.status_code == status, query
    missing = await manager.get("/ledger/acts/nothing")
    assert (missing.status_code, code(missing.json())) == (404, "act-not-found")
