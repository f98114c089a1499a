"""A person's data over HTTP: read on record, restricted, erased; and every proof that was made before still holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from libs.contracts import application as app
from libs.contracts import contract, ledger, partners
from libs.contracts import examples as ex
from libs.events.envelope import Actor
from libs.keys import KeyState
from libs.service.testing import Served, key, served
from services.audit.app import service
from services.audit.tests.given import example

NAME, NUMBER, ACCOUNT = "张三", "11010519491231002X", "6222020200012345678"
PERSON = f"/audit/persons/{ex.APPLICANT}"
STORIES: dict[str, list[tuple[str, Any]]] = {
    "applicant": [
        (f"applicant-{ex.APPLICANT}", app.ApplicantRegistered),
        (f"application-{ex.APPLICATION}", app.ApplicationStarted),
    ],
    "customer": [
        (f"applicant-{ex.APPLICANT}", app.ApplicantRegistered),
        (f"application-{ex.APPLICATION}", app.ApplicationStarted),
        (f"application-{ex.APPLICATION}", app.ApplicationSubmitted),
        (f"contract-{ex.CONTRACT}", contract.ContractOffered),
        (f"contract-{ex.CONTRACT}", contract.ContractAccepted),
        (f"contract-{ex.CONTRACT}", contract.ContractSigned),
        (f"application-{ex.APPLICATION}", app.ApplicationConcluded),
        (f"loan-{ex.LOAN}", ledger.LoanBooked),
        (f"loan-{ex.LOAN}", ledger.LoanDisbursed),
    ],
}


@pytest.fixture
async def audit(database: str, tmp_path: Path) -> AsyncIterator[Served]:
    async with served(service, database, tmp_path) as running:
        yield running
        assert await running.parked() == []


async def tell(audit: Served, story: str) -> None:
    for stream, event in STORIES[story]:
        await audit.publish(stream, example(event))
    await audit.settle()


async def day(audit: Served, today: date, previous: date | None = None) -> None:
    opened = ledger.BusinessDayOpened(business_date=today, previous=previous)
    await audit.publish("businessday-cn", opened)
    await audit.settle()


async def settle_loan(audit: Served) -> None:
    await audit.publish(f"loan-{ex.LOAN}", example(ledger.LoanSettled, settled_on="2027-02-02"))
    await audit.settle()


async def erase(officer: httpx.AsyncClient) -> dict[str, Any]:
    answer = await officer.post(f"{PERSON}/erasure", json={"ground": "consent-withdrawn"}, headers=key())
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def report(client: httpx.AsyncClient) -> dict[str, Any]:
    asked = await client.post(f"{PERSON}/reports", json={"purpose": "His own request"}, headers=key())
    assert asked.status_code == 201, asked.text
    answer = await client.get(asked.json()["location"])
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def leaves(audit: Served) -> dict[str, bytes]:
    events = await audit.runtime.store.read(0, 1000)
    return {str(event.event_id): event.leaf_hash for event in events}


async def test_an_applicant_is_erased_at_once_and_every_leaf_stays_what_it_was(audit: Served) -> None:
    await tell(audit, "applicant")
    await audit.publish(f"application-{ex.APPLICATION}", example(app.ApplicationWithdrawn))
    await audit.settle()
    officer = await audit.client("privacy_officer")
    before, seen = await leaves(audit), await report(officer)
    assert seen["personal_data"][0]["values"]["name"] == NAME
    assert (await erase(officer))["status"] == "ERASED"
    await audit.settle()
    after = await leaves(audit)
    assert {event_id: after[event_id] for event_id in before} == before
    assert await audit.runtime.persons.state(ex.APPLICANT) is KeyState.DESTROYED
    [registered] = await audit.events(f"applicant-{ex.APPLICANT}")
    assert (registered.name, registered.identity_number, registered.birth_date) == ("[erased]", "[erased]", None)
    refused = await officer.post(f"{PERSON}/reports", json={"purpose": "Again"}, headers=key())
    assert (refused.status_code, refused.json()["type"]) == (410, "urn:puhui:problem:person-erased")
    verified = await (await audit.client("operator")).post("/audit/operations/verifications", headers=key())
    assert all(model["equal"] for model in verified.json()), "read models equal their replay, after as before"


async def test_a_contact_person_of_a_partner_is_read_on_record_and_erased_as_others_are(audit: Served) -> None:
    person_id = partners.CONTACT["person_id"]
    by = Actor("partner", "partner")
    await audit.publish("contacts-harbour-bank", example(partners.ContactNamed))
    await audit.publish("contacts-harbour-bank", example(partners.ContactChanged), actor=by)
    await audit.settle()
    officer, path = await audit.client("privacy_officer"), f"/audit/persons/{person_id}"
    asked = await officer.post(f"{path}/reports", json={"purpose": "Its own request"}, headers=key())
    held = (await officer.get(asked.json()["location"])).json()
    assert [entry["values"]["telephone"] for entry in held["personal_data"]] == [partners.CONTACT["telephone"]] * 2
    assert held["retention_rule"]["code"] == "contact-of-a-partner"
    auditor = await audit.client("auditor")
    trail = (await auditor.get("/audit/trail", params={"kind": "contact", "subject": person_id})).json()["items"]
    assert {(row["type"].rpartition(".")[0], row["actor"]) for row in trail} == {
        ("puhui.partners.contact-named", "service:partners"),
        ("puhui.partners.contact-changed", "partner"),
    }
    erased = await officer.post(f"{path}/erasure", json={"ground": "purpose-achieved"}, headers=key())
    assert (erased.json()["status"], erased.json()["rule"]) == ("ERASED", "contact-of-a-partner")
    assert await audit.runtime.persons.state(person_id) is KeyState.DESTROYED


async def test_a_customer_is_restricted_until_the_law_ends_and_erased_on_the_day_after(audit: Served) -> None:
    await day(audit, date(2027, 3, 1))
    await tell(audit, "customer")
    officer = await audit.client("privacy_officer")
    refused = await officer.post(f"{PERSON}/erasure", json={"ground": "consent-withdrawn"}, headers=key())
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:puhui:problem:relationship-running")
    await settle_loan(audit)
    shown = await erase(officer)
    assert (shown["status"], shown["until"], shown["rule"]) == ("RESTRICTED", "2037-02-02", "customer-identity")
    await audit.settle()

    page = (await (await audit.client("operator")).get(f"/audit/loans/{ex.LOAN}")).json()
    accounts = [event["data"]["account"] for event in page["events"] if "account" in event["data"]]
    assert {account["number"] for account in accounts} == {"[restricted]"}
    assert ACCOUNT not in str(page)
    seen = await report(await audit.client("auditor"))
    assert {ACCOUNT, NUMBER} <= {value for entry in seen["personal_data"] for value in entry["values"].values()}
    assert seen["retention_rule"] == {"code": "customer-identity", "years": 10, "source": "反洗钱法 (2024) 34"}

    await day(audit, date(2037, 2, 2), date(2027, 3, 1))
    assert (await officer.get(PERSON)).json()["status"] == "RESTRICTED"
    await day(audit, date(2037, 2, 3), date(2037, 2, 2))
    person = (await officer.get(PERSON)).json()
    assert (person["status"], person["erased_on"]) == ("ERASED", "2037-02-03")
    page = (await (await audit.client("auditor")).get(f"/audit/loans/{ex.LOAN}")).json()
    accounts = [event["data"]["account"] for event in page["events"] if "account" in event["data"]]
    assert {account["number"] for account in accounts} == {"[erased]"}


async def test_retention_ends_by_itself_and_a_legal_hold_stops_it(audit: Served) -> None:
    await tell(audit, "customer")
    await settle_loan(audit)
    officer = await audit.client("privacy_officer")
    body = {"reason": "A dispute", "authority": "Court, case 118"}
    hold_id = (await officer.post(f"{PERSON}/holds", json=body, headers=key())).json()["hold_id"]
    await audit.settle()
    await day(audit, date(2037, 3, 2), date(2037, 2, 28))
    assert (await officer.get(PERSON)).json()["status"] == "IN_USE"
    release = f"{PERSON}/holds/{hold_id}/release"
    assert (await officer.post(release, json={"reason": "Closed"}, headers=key())).json()["holds"] == []
    await audit.settle()
    await day(audit, date(2037, 4, 1), date(2037, 3, 31))
    assert (await officer.get(PERSON)).json()["status"] == "ERASED"
    requested = (await audit.events(f"person-{ex.APPLICANT}"))[-3]
    assert requested.ground == "retention-ended"


async def test_a_report_is_for_the_one_who_asked_and_on_the_day(audit: Served) -> None:
    await tell(audit, "customer")
    officer, other = await audit.client("privacy_officer"), await audit.client("auditor")
    asked = await officer.post(f"{PERSON}/reports", json={"purpose": "His own request"}, headers=key())
    location = asked.json()["location"]
    assert (await other.get(location)).status_code == 404
    pdf = await officer.get(location, params={"media": "pdf"})
    assert (pdf.headers["content-type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")
    await audit.settle()
    trail = (await other.get("/audit/trail", params={"type": "puhui.audit.personal-data-read.v1"})).json()["items"]
    assert [entry["actor"] for entry in trail] == ["privacy-officer"]
    await day(audit, date(2026, 6, 1))
    assert (await officer.get(location)).status_code == 404


async def test_what_was_begun_and_not_finished_is_finished_by_the_sweep(audit: Served) -> None:
    """As if the service was killed between the decision and the key."""
    await tell(audit, "customer")
    await settle_loan(audit)
    await erase(await audit.client("privacy_officer"))
    await audit.settle()
    await audit.runtime.persons.set_state(ex.APPLICANT, KeyState.ACTIVE)
    await day(audit, date(2026, 6, 1), date(2026, 5, 29))
    assert await audit.runtime.persons.state(ex.APPLICANT) is KeyState.HELD


async def test_who_may_not_and_what_is_not_there(audit: Served) -> None:
    await tell(audit, "applicant")
    auditor, officer = await audit.client("auditor"), await audit.client("privacy_officer")
    stranger = await audit.client("customer", **{"On-Behalf-Of": "somebody-else"})
    body = {"ground": "consent-withdrawn"}
    assert (await auditor.post(f"{PERSON}/erasure", json=body, headers=key())).status_code == 403
    assert (await stranger.post(f"{PERSON}/erasure", json=body, headers=key())).status_code == 404
    assert (await officer.get("/audit/persons/nobody")).status_code == 404
    assert (await officer.post("/audit/persons/nobody/erasure", json=body, headers=key())).status_code == 404
    bad = await officer.post(f"{PERSON}/erasure", json={"ground": "Because!"}, headers=key())
    assert (bad.status_code, bad.json()["errors"][0]["pointer"]) == (422, "#/ground")
