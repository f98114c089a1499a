"""Who answers for somebody else's loan, or gives a thing for it, is kept as long as the borrower is, and no longer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from libs.contracts import application as app
from libs.contracts import approval, contract, ledger
from libs.contracts import examples as ex
from libs.contracts.base import DomainEvent
from libs.keys import KeyState
from libs.service.testing import Served, key, served
from services.audit.app import service
from services.audit.tests.given import example

UNCLE = "applicant-uncle"
PERSON = f"/audit/persons/{UNCLE}"
NAMED = f"the security security-uncle for application {ex.APPLICATION}"

Told = tuple[str, DomainEvent]


@pytest.fixture
async def audit(database: str, tmp_path: Path) -> AsyncIterator[Served]:
    async with served(service, database, tmp_path) as running:
        await say(running, (f"applicant-{UNCLE}", example(app.ApplicantRegistered, applicant_id=UNCLE)))
        yield running
        verified = await (await running.client("operator")).post("/audit/operations/verifications", headers=key())
        assert all(model["equal"] for model in verified.json()), "read models equal their replay, in any order"
        assert await running.parked() == []


def security(event: type[DomainEvent], **changes: Any) -> Told:
    own = {"security_id": "security-uncle", "provider_id": UNCLE, **changes}
    named = {name: value for name, value in own.items() if name in event.model_fields}
    return f"security-{ex.APPLICATION}", example(event, **named)


OFFERED = security(approval.SecurityOffered, kind="SURETY", asset_class="", amount_max=ex.cny("12000.00"))
CONSENTED = security(approval.SecurityConsented)
RELEASED = security(approval.SecurityReleased)
STARTED = (f"application-{ex.APPLICATION}", example(app.ApplicationStarted))
SUBMITTED = (f"application-{ex.APPLICATION}", example(app.ApplicationSubmitted))
WITHDRAWN = (f"application-{ex.APPLICATION}", example(app.ApplicationWithdrawn))
CONCLUDED = (f"application-{ex.APPLICATION}", example(app.ApplicationConcluded))
CONTRACT_OFFERED = (f"contract-{ex.CONTRACT}", example(contract.ContractOffered))
SIGNED = (f"contract-{ex.CONTRACT}", example(contract.ContractSigned))
BOOKED = (f"loan-{ex.LOAN}", example(ledger.LoanBooked))
PAID_OUT = (f"loan-{ex.LOAN}", example(ledger.LoanDisbursed))
SETTLED = (f"loan-{ex.LOAN}", example(ledger.LoanSettled, settled_on="2027-02-02"))
SECURED = (STARTED, OFFERED, CONSENTED, SUBMITTED)
LENT = (CONTRACT_OFFERED, SIGNED, CONCLUDED, BOOKED, PAID_OUT)


async def say(audit: Served, *told: Told) -> None:
    for stream, event in told:
        await audit.publish(stream, event)
    await audit.settle()


async def day(audit: Served, today: date, previous: date) -> None:
    await say(audit, ("businessday-cn", ledger.BusinessDayOpened(business_date=today, previous=previous)))


async def erase(audit: Served) -> dict[str, Any]:
    officer = await audit.client("privacy_officer")
    answer = await officer.post(f"{PERSON}/erasure", json={"ground": "consent-withdrawn"}, headers=key())
    shown: dict[str, Any] = answer.json()
    return {"http": answer.status_code, **shown}


async def kept_while_it_runs(audit: Served, named: str = NAMED) -> None:
    refused = await erase(audit)
    assert (refused["http"], refused["type"]) == (409, "urn:puhui:problem:relationship-running")
    assert named in refused["detail"]
    assert await audit.runtime.persons.state(UNCLE) is KeyState.ACTIVE


async def test_who_answers_for_a_loan_is_not_erased_while_it_runs_and_kept_as_long_as_its_borrower(
    audit: Served,
) -> None:
    await say(audit, *SECURED)
    await kept_while_it_runs(audit)
    await say(audit, *LENT)
    await kept_while_it_runs(audit)
    await say(audit, SETTLED)
    shown = await erase(audit)
    assert (shown["status"], shown["until"], shown["rule"]) == ("RESTRICTED", "2037-02-02", "customer-identity")
    assert await audit.runtime.persons.state(UNCLE) is KeyState.HELD


@pytest.mark.parametrize(
    "told",
    [
        pytest.param((OFFERED, CONSENTED), id="nothing is heard of the application"),
        pytest.param((*SECURED, CONTRACT_OFFERED, CONCLUDED), id="the contract is heard of late"),
        pytest.param((OFFERED, CONSENTED, BOOKED, PAID_OUT), id="the ledger is heard first"),
        pytest.param((BOOKED, PAID_OUT, *SECURED, CONCLUDED), id="the security is heard of late"),
    ],
)
async def test_nothing_ends_by_what_has_not_been_heard_yet(audit: Served, told: tuple[Told, ...]) -> None:
    await say(audit, *told)
    await kept_while_it_runs(audit)
    rest = [each for each in (*SECURED, *LENT, SETTLED) if each not in told]
    await say(audit, *rest)
    shown = await erase(audit)
    assert (shown["status"], shown["until"]) == ("RESTRICTED", "2037-02-02")


async def test_who_is_released_while_the_loan_runs_is_kept_from_his_own_release_on(audit: Served) -> None:
    await say(audit, *SECURED, *LENT, security(approval.SecurityReleased, released_on="2026-09-30"))
    shown = await erase(audit)
    assert (shown["status"], shown["until"], shown["rule"]) == ("RESTRICTED", "2036-09-30", "customer-identity")


async def test_who_answers_again_is_kept_again(audit: Served) -> None:
    await say(audit, *SECURED, *LENT, RELEASED, security(approval.SecurityReinstated))
    await kept_while_it_runs(audit)


@pytest.mark.parametrize(
    "told",
    [
        pytest.param((STARTED, OFFERED, SUBMITTED, *LENT), id="he never consented"),
        pytest.param((*SECURED, WITHDRAWN), id="nothing was lent"),
        pytest.param((*SECURED, RELEASED), id="he was released before"),
    ],
)
async def test_who_came_to_answer_for_nothing_is_erased_as_an_applicant_is(
    audit: Served, told: tuple[Told, ...]
) -> None:
    await say(audit, *told)
    shown = await erase(audit)
    assert (shown["status"], shown["rule"]) == ("ERASED", "application-without-contract")
    assert await audit.runtime.persons.state(UNCLE) is KeyState.DESTROYED


async def test_an_offer_waits_with_the_application_for_a_consent(audit: Served) -> None:
    await say(audit, STARTED, OFFERED)
    await kept_while_it_runs(audit)


async def test_whoever_gives_a_thing_answers_as_a_guarantor_does(audit: Served) -> None:
    flat = security(approval.SecurityOffered, security_id="flat")
    await say(audit, STARTED, flat, security(approval.SecurityConsented, security_id="flat"), SUBMITTED, *LENT)
    await kept_while_it_runs(audit, f"the security flat for application {ex.APPLICATION}")


async def test_a_loan_that_is_owed_again_is_answered_for_again(audit: Served) -> None:
    await say(audit, *SECURED, *LENT, SETTLED)
    assert (await erase(audit))["until"] == "2037-02-02"
    await say(audit, (f"loan-{ex.LOAN}", example(ledger.RepaymentReversed)))
    await day(audit, date(2037, 2, 3), date(2037, 2, 2))
    assert await audit.runtime.persons.state(UNCLE) is KeyState.HELD, "the loan runs"
    await say(audit, (f"loan-{ex.LOAN}", example(ledger.LoanSettled, settled_on="2037-02-04")))
    await day(audit, date(2037, 2, 5), date(2037, 2, 3))
    shown = (await (await audit.client("privacy_officer")).get(PERSON)).json()
    assert (shown["status"], shown["until"]) == ("RESTRICTED", "2047-02-04")
    await day(audit, date(2047, 2, 5), date(2037, 2, 5))
    assert await audit.runtime.persons.state(UNCLE) is KeyState.DESTROYED


async def test_retention_of_a_guarantor_ends_by_itself_and_not_before_it_has_run_out(audit: Served) -> None:
    unregistered = security(approval.SecurityOffered, security_id="other", provider_id="nobody")
    await say(audit, *SECURED, unregistered, *LENT)
    officer = await audit.client("privacy_officer")
    await day(audit, date(2037, 2, 1), date(2036, 12, 31))
    assert (await officer.get(PERSON)).json()["status"] == "IN_USE", "the loan runs"
    await say(audit, SETTLED, RELEASED)
    await day(audit, date(2037, 2, 2), date(2036, 12, 31))
    assert (await officer.get(PERSON)).json()["status"] == "IN_USE"
    await day(audit, date(2037, 3, 2), date(2037, 2, 2))
    assert (await officer.get(PERSON)).json()["status"] == "ERASED"
    assert await audit.runtime.persons.state(UNCLE) is KeyState.DESTROYED
    assert await audit.events("person-nobody") == [], "of whom nothing is held, nothing is erased"


async def test_a_guarantor_is_shown_what_he_answers_for(audit: Served) -> None:
    assessed = security(approval.GuarantorAssessed)
    await say(audit, STARTED, OFFERED, assessed, CONSENTED, SUBMITTED, *LENT)
    officer = await audit.client("privacy_officer")
    asked = await officer.post(f"{PERSON}/reports", json={"purpose": "His own request"}, headers=key())
    location = asked.json()["location"]
    shown = (await officer.get(location)).json()
    assert shown["securities_given"] == [
        {
            "security_id": "security-uncle",
            "application_id": ex.APPLICATION,
            "kind": "SURETY",
            "offered_on": "2026-02-01",
            "consented_on": "2026-02-01",
            "released_on": None,
        }
    ]
    assert shown["dealings_running"] == [NAMED]
    assert shown["retention_rule"]["code"] == "customer-identity"
    history = [entry["type"].rpartition(".v")[0] for entry in shown["history"]]
    assert history == [
        "puhui.application.applicant-registered",
        "puhui.approval.security-offered",
        "puhui.approval.guarantor-assessed",
        "puhui.approval.security-consented",
    ], "what is said of him, and of the borrower nothing"
    pdf = await officer.get(location, params={"media": "pdf"})
    assert (pdf.headers["content-type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")
    found = await (await audit.client("auditor")).get("/audit/trail", params={"kind": "provider", "subject": UNCLE})
    assert [entry["type"] for entry in found.json()["items"]] == ["puhui.approval.security-offered.v1"]
