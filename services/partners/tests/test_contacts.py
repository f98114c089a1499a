"""Contact persons over HTTP: kept by officers and the partner, needed for an agreement, sealed, and gone when erased."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from libs.contracts.partners import ContactNamed
from libs.keys import KeyState
from libs.service.testing import Served, key
from services.partners.news import TYPES
from services.partners.tests.world import ANYTHING, CONTACT, contacts_of, said, world

PATH = "/partners/harbour-bank/contacts"
URL = f"/partners{PATH}"


async def test_an_agreement_waits_for_the_contact_persons_that_the_policy_needs(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as (platform, manager):
        officer, on = await platform.client("finance_officer"), platform.runtime.today.isoformat()
        body = {"agreement": "harbour-1", "partner": "harbour-bank", "effective_from": on, "terms": ANYTHING}
        await said(officer, "/agreements", body, 201)
        approve = "/partners/agreements/harbour-1/approve"
        await said(officer, PATH, CONTACT | {"role": "BUSINESS"}, 201)
        await said(officer, PATH, CONTACT | {"role": "SETTLEMENT", "valid_until": "2026-01-04"}, 201)
        refused = await manager.post(approve, json={"version": 1}, headers=key())
        problem = refused.json()
        assert (refused.status_code, problem["type"]) == (409, "urn:puhui:problem:contacts-missing")
        assert "SETTLEMENT, COMPLAINTS" in problem["detail"], "BUSINESS is there, SETTLEMENT ended the day before"
        await contacts_of(platform, "harbour-bank")
        assert (await manager.post(approve, json={"version": 1}, headers=key())).status_code == 200


async def test_a_partner_keeps_its_own_and_the_events_say_who_changed_what(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as (platform, manager):
        officer, partner = await platform.client("finance_officer"), await platform.client("partner")
        made = await said(officer, PATH, CONTACT, 201)
        changed = await said(partner, f"{PATH}/{made['person_id']}", CONTACT | {"telephone": "+86 10 1234567"})
        assert changed["telephone"] == "+86 10 1234567"
        for client in (officer, partner, manager, await platform.client("auditor")):
            assert (await client.get(URL)).json() == [changed]
        assert (await (await platform.client("collector")).get(URL)).status_code == 403
        first, second = await platform.events("contacts-harbour-bank")
        assert (first.named_by, first.telephone) == ("finance-officer", CONTACT["telephone"])
        assert (second.changed_by, second.telephone) == ("partner", "+86 10 1234567")
        assert (await partner.get("/partners/partners/hill-bank/contacts")).status_code == 404
        unknown = await partner.post(f"{URL}/contact-nobody", json=CONTACT, headers=key())
        assert unknown.status_code == 404
        assert await platform.runtime.persons.state("contact-nobody") is None, "no key is made for nobody"


async def test_what_is_kept_of_a_person_is_sealed_and_gone_with_its_key(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as (platform, _):
        officer, once = await platform.client("finance_officer"), key()
        made = await officer.post(URL, json=CONTACT, headers=once)
        assert (await officer.post(URL, json=CONTACT, headers=once)).json() == made.json(), "answered once"
        person_id = made.json()["person_id"]
        await _nothing_in_plain_text(platform)
        await platform.runtime.persons.set_state(person_id, KeyState.DESTROYED)
        assert (await officer.get(URL)).json() == []
        gone = await officer.post(f"{URL}/{person_id}", json=CONTACT, headers=key())
        assert gone.status_code == 410
        [event] = await platform.events("contacts-harbour-bank")
        assert (event.name, event.telephone, event.email) == ("[erased]",) * 3
        assert event.role == "SETTLEMENT", "that somebody spoke for the partner stays"


async def _nothing_in_plain_text(platform: Served) -> None:
    pool = platform.runtime.store.pool
    tables = await pool.fetch(
        "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('public', 'es')"
    )
    assert len(tables) > 10
    for table in tables:
        rows = await pool.fetch(f"select t::text as row from {table['name']} t")
        held = "".join(row["row"] for row in rows)
        for value in (CONTACT["name"], CONTACT["telephone"], CONTACT["email"]):
            assert value not in held, table["name"]
            assert value.encode().hex() not in held, table["name"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"role": "CHAIRMAN"}, "/role"),
        ({"name": ""}, "/name"),
        ({"telephone": "call me"}, "/telephone"),
        ({"email": "nobody"}, "/email"),
        ({"valid_from": "2026-13-01"}, "/valid_from"),
        ({"valid_until": "2025-01-01"}, "/valid_until"),
        ({"identity_number": "1"}, "/identity_number"),
    ],
)
async def test_what_is_no_contact_person_is_refused_by_member(
    database: str, tmp_path: Path, change: dict[str, Any], field: str
) -> None:
    async with world(database, tmp_path) as (platform, _):
        officer = await platform.client("finance_officer")
        refused = await officer.post(URL, json=CONTACT | change, headers=key())
        assert refused.status_code == 422, refused.text
        assert field in refused.text


def test_no_webhook_tells_of_contact_persons() -> None:
    assert not {name for name in TYPES if "contact" in name}
    assert ContactNamed.type_name not in TYPES
