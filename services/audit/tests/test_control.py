"""Internal control over HTTP: planted violations are found and no others, followed to their end; files are sampled."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from libs.contracts import application as app
from libs.contracts import approval, collections, ledger
from libs.contracts import examples as ex
from libs.contracts.base import DomainEvent
from libs.events.clock import Clock
from libs.events.commands import Cause, CommandHandler
from libs.events.decider import Decider
from libs.events.envelope import Actor
from libs.service.testing import Neighbour, Served, key, served
from services.audit.app import service
from services.audit.tests.given import example


@pytest.fixture
async def audit(database: str, tmp_path: Path) -> AsyncIterator[Served]:
    async with served(service, database, tmp_path) as running:
        yield running
        assert await running.parked() == []


async def act(audit: Served, who: str, role: str, stream: str, *events: DomainEvent) -> None:
    """A person does something in another service, in a role."""
    name = events[0].service
    neighbour = audit.neighbours.setdefault(name, Neighbour(name, audit.log, audit.runtime))
    write: Decider[Any, None, Any] = Decider(stream.partition("-")[0], None, lambda given, _: given, lambda _, __: None)
    commands = CommandHandler(neighbour.store, audit.runtime.codec, Clock())
    await commands.handle(write, stream, events, Cause(Actor(who, role), "test", effective_date="2026-02-01"))
    await neighbour.store.stamp()
    await neighbour._relay.step()


async def an_honest_day(audit: Served) -> None:
    application, loan = f"application-{ex.APPLICATION}", f"loan-{ex.LOAN}"
    await act(audit, "front", "customer", application, example(app.ApplicationStarted))
    await act(audit, "front", "customer", application, example(app.ApplicationSubmitted))
    decided = example(approval.ApplicationApproved, decided_by=["ann"])
    await act(audit, "ann", "credit_officer", f"decision-{ex.APPLICATION}", decided)
    await act(audit, "service:ledger", "service", loan, example(ledger.LoanBooked))
    await act(audit, "service:ledger", "service", loan, example(ledger.LoanDisbursed))
    await act(audit, "bob", "finance_officer", loan, example(ledger.RepaymentReceived))
    await act(audit, "cid", "finance_manager", loan, example(ledger.RepaymentReversed))
    await audit.settle()


async def run(audit: Served, **body: Any) -> dict[str, Any]:
    officer = await audit.client("compliance_officer")
    answer = await officer.post("/audit/control/runs", json=body, headers=key())
    assert answer.status_code == 201, answer.text
    await audit.settle()
    shown: dict[str, Any] = answer.json()
    return shown


async def test_an_honest_day_gives_no_violation(audit: Served) -> None:
    await an_honest_day(audit)
    assert set((await run(audit))["findings"].values()) == {0}


async def test_each_planted_violation_is_found_once_with_the_events_that_show_it(audit: Served) -> None:
    await an_honest_day(audit)
    loan, other = f"loan-{ex.LOAN}", "0197a3f0-0000-7000-8000-00000000aaaa"
    await act(
        audit, "dee", "loan_officer", f"application-{other}", example(app.ApplicationStarted, application_id=other)
    )
    large = {**approval.ApplicationApproved.example["offer"], "amount": ex.cny("120000.00")}
    decided = example(approval.ApplicationApproved, application_id=other, offer=large, decided_by=["dee"])
    await act(audit, "dee", "credit_officer", f"decision-{other}", decided)
    again = example(ledger.RepaymentReceived, repayment_id="repayment-9")
    await act(audit, "cid", "finance_manager", loan, again)
    await act(audit, "cid", "finance_manager", loan, example(ledger.RepaymentReversed, repayment_id="repayment-9"))
    await act(audit, "eve", "finance_officer", loan, example(ledger.WriteOffRequested))
    await act(audit, "eve", "finance_manager", loan, example(ledger.LoanWrittenOff))
    await audit.settle()

    first = await run(audit)
    assert first["findings"] == {
        "decided-own-entry": 1,
        "approved-own-write-off": 1,
        "reversed-own-entry": 1,
        "decided-beyond-authority": 1,
        "one-pair-of-eyes": 1,
        "offices-held-together": 2,
    }
    assert first["new_violations"] == 7
    assert (await run(audit, everything=True))["new_violations"] == 0, "found again, they are the same"
    assert sum((await run(audit))["findings"].values()) == 2, (
        "offices are looked at as a whole, acts since the last run"
    )
    auditor = await audit.client("auditor")
    listed = (await auditor.get("/audit/control/violations", params={"person": "dee"})).json()["items"]
    assert {row["control"] for row in listed} == {
        *("decided-own-entry", "decided-beyond-authority", "one-pair-of-eyes", "offices-held-together")
    }
    own = next(row for row in listed if row["control"] == "decided-own-entry")
    shown = (await auditor.get(f"/audit/control/violations/{own['violation_id']}")).json()
    for event_id in shown["found"]["events"]:
        proof = (await auditor.get(f"/audit/events/{event_id}")).json()
        assert proof["entry"]["actor"] == "dee"


async def test_a_violation_is_followed_to_its_end(audit: Served) -> None:
    loan = f"loan-{ex.LOAN}"
    await act(audit, "cid", "finance_manager", loan, example(ledger.RepaymentReceived))
    await act(audit, "cid", "finance_manager", loan, example(ledger.RepaymentReversed))
    await audit.settle()
    await run(audit)
    officer, manager = await audit.client("compliance_officer"), await audit.client("finance_manager")
    [row] = (await officer.get("/audit/control/violations", params={"control": "reversed-own-entry"})).json()["items"]
    path = f"/audit/control/violations/{row['violation_id']}"
    steps = (
        (officer, "assign", {"assigned_to": "finance-manager", "due": "2026-03-15"}, "ASSIGNED"),
        (manager, "answer", {"answer": "A substitute is named now"}, "ANSWERED"),
        (officer, "close", {"consequence": "Warning", "lesson": "Name substitutes first"}, "CLOSED"),
    )
    for client, step, body, status in steps:
        answer = await client.post(f"{path}/{step}", json=body, headers=key())
        assert (answer.status_code, answer.json()["status"]) == (200, status), answer.text
    await audit.settle()
    [closed] = (await officer.get("/audit/control/violations", params={"status": "CLOSED"})).json()["items"]
    assert closed["violation_id"] == row["violation_id"]
    assert (await officer.post(f"{path}/close", json=steps[2][2], headers=key())).status_code == 409
    assert (await officer.get("/audit/control/violations/nobody")).status_code == 404


async def test_a_sample_has_a_work_paper_for_each_file_and_readers_are_on_record(audit: Served) -> None:
    await an_honest_day(audit)
    auditor = await audit.client("auditor")
    entry = {
        "method": "MONETARY_UNIT",
        "size": 5,
        "seed": "2026-Q1",
        "stratum": "grade",
        "submitted_from": "2026-01-01",
        "submitted_to": "2026-03-31",
    }
    drawn = await auditor.post("/audit/control/samples", json=entry, headers=key())
    assert drawn.status_code == 201, drawn.text
    [file] = drawn.json()["drawn"]["files"]
    assert (file["application_id"], file["hits"]) == (ex.APPLICATION, 5)
    paper_path = f"{drawn.headers['location']}/papers/{ex.APPLICATION}"
    paper = (await auditor.get(paper_path)).json()
    assert [act["who"] for act in paper["acts"] if act["as"] == "credit_officer"] == ["ann"]
    done = await auditor.post(paper_path, json={"satisfactory": True, "note": "Complete"}, headers=key())
    assert (done.status_code, done.json()["open"]) == (200, 0)
    again = await auditor.post("/audit/control/samples", json=entry, headers=key())
    assert again.json()["drawn"]["files"] == drawn.json()["drawn"]["files"]
    assert again.json()["drawn"]["population_sha256"] == drawn.json()["drawn"]["population_sha256"]
    assert (await auditor.get(f"{drawn.headers['location']}/papers/{ex.LOAN}")).status_code == 404
    nobody = {**entry, "submitted_from": "2020-01-01", "submitted_to": "2020-02-01"}
    assert (await auditor.post("/audit/control/samples", json=nobody, headers=key())).status_code == 422

    read = [event.operation for event in await audit.events("access-auditor")]
    assert read == ["/audit/control/samples/{sample_id}/papers/{application_id}"], "what was shown, and nothing else"


async def test_the_regulator_s_figures_come_with_the_queries_that_made_them(audit: Served) -> None:
    await an_honest_day(audit)
    case = example(collections.ComplaintReceived, received_on="2026-02-01")
    await act(audit, "front", "customer", f"conduct-{ex.APPLICANT}", case)
    await audit.settle()
    auditor = await audit.client("auditor")
    answer = await auditor.get("/audit/regulator/portfolio", params={"month": "2026-02"})
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    values = {figure["code"]: figure["value"] for figure in shown["figures"]}
    assert (values["loans-disbursed"], values["amount-disbursed"], values["complaints"]) == (1, 12_000_00, 1)
    assert values["loans-outstanding"] == 1
    parameters = [shown["parameters"][name] for name in ("$1", "$2", "$3")]
    for figure in shown["figures"]:
        asked = (date.fromisoformat(parameters[0]), date.fromisoformat(parameters[1]), int(parameters[2]))
        assert await audit.runtime.store.pool.fetchval(figure["query"], *asked) == figure["value"]
    text = (await auditor.get("/audit/regulator/portfolio", params={"month": "2026-02", "media": "csv"})).text
    assert text.splitlines()[0] == "code,name_zh,name_en,value,unit,query"
    wrong = await auditor.get("/audit/regulator/portfolio", params={"month": "2026-13"})
    assert (wrong.status_code, wrong.json()["errors"][0]["parameter"]) == (422, "month")
