"""Personal data are in no file of the platform in plain text: not before an erasure, and after it nowhere at all.

Looked into are the raw files: databases with their logs of changes, topics, the platform's own log, and a backup of every
database, which also unpacks what PostgreSQL has compressed. Left out are the bank, which is not the platform, the
issuer's files, and the key-encryption key.
"""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from standalone.http import Refused
from standalone.postgres import _installation
from standalone.services import SERVICES
from standalone.traces import traces
from tests.integration.borrowers import Borrower
from tests.integration.client import Client
from tests.integration.running import PlatformProcess
from tests.integration.soundness import assert_sound
from tests.integration.town import Story, Town

pytestmark = pytest.mark.integration

NOT_THE_PLATFORM: Final = ("bank", "identity", "keys")
SEED: Final = __name__
CONTACTS: Final = (
    {"name": "欧阳明月", "telephone": "+86 571 8812 3456", "email": "ouyang.mingyue@trace-bank.example"},
    {"name": "司徒清风", "telephone": "+86 571 8865 4321", "email": "situ.qingfeng@trace-bank.example"},
)
STORIES: Final[list[Story]] = []


def story(told: Story) -> Story:
    STORIES.append(told)
    return told


def personal(who: Borrower) -> list[str]:
    registration = who.person.registration()
    return [
        registration["name"],
        registration["identity_number"],
        registration["mobile"],
        who.person.account()["number"],
    ]


@story
async def who_withdraws_is_erased_with_his_contract(town: Town) -> None:
    who = Borrower(town, "erased")
    await who.applies()
    await town.settled()
    path = f"/contract/contracts/{who.contract_id}"
    digest = (await who.contract())["document_sha256"]
    await who.withdraws()
    await town.settled()
    search = {"mobile": who.person.registration()["mobile"]}
    found = await town.client.post("privacy-officer", "/application/applicants/search", search, key="search/before")
    assert found["items"] == [who.applicant_id]
    erased = await town.client.post(
        "customer",
        f"/audit/persons/{who.applicant_id}/erasure",
        {"ground": "consent-withdrawn"},
        key="erase",
        on_behalf_of=who.applicant_id,
    )
    assert erased["status"] == "ERASED"
    await town.settled()
    found = await town.client.post("privacy-officer", "/application/applicants/search", search, key="search/after")
    assert found["items"] == []
    with pytest.raises(Refused) as refused:
        await town.client.get("contract-officer", f"{path}/document")
    assert (refused.value.status, refused.value.problem["type"]) == (410, "urn:puhui:problem:personal-data-erased")
    shown = await town.client.get("loan-officer", f"/application/applicants/{who.applicant_id}")
    assert (shown["name"], shown["identity_number"], shown["mobile"]) == ("[erased]", "[erased]", "[erased]")
    assert (await who.contract())["document_sha256"] == digest, "the fact stays"

    registered = await town.client.post(
        "customer", "/application/applicants", who.person.registration(), key="erased/register-again"
    )
    assert registered["applicant_id"] != who.applicant_id, "who comes again is somebody new"


@story
async def who_has_a_loan_is_not_erased(town: Town) -> None:
    who = Borrower(town, "kept")
    await who.borrows()
    with pytest.raises(Refused) as refused:
        await town.client.post(
            "privacy-officer", f"/audit/persons/{who.applicant_id}/erasure", {"ground": "unlawful"}, key="kept/erase"
        )
    assert refused.value.problem["type"] == "urn:puhui:problem:relationship-running"
    accounts = [event["data"]["account"] for event in (await who.page())["events"] if "account" in event["data"]]
    assert {account["number"] for account in accounts} == {who.person.account()["number"]}, "the auditor reads it"


@story
async def a_contact_person_of_a_partner_is_erased_and_another_stays(town: Town) -> None:
    post, path = town.client.post, "/partners/partners/trace-bank/contacts"
    bank = {
        "partner": "trace-bank",
        "legal_name": {"zh": "迹", "en": "Trace"},
        "licence": "B9",
        "subject": "trace-bank",
    }
    await post("finance-manager", "/partners/partners", bank, key="trace/partner")
    gone, stays = [
        await post(
            "finance-officer", path, {**contact, "role": "BUSINESS", "valid_from": "2026-01-05"}, key=f"trace/{n}"
        )
        for n, contact in enumerate(CONTACTS)
    ]
    await town.settled()
    erasure = f"/audit/persons/{gone['person_id']}/erasure"
    erased = await post("privacy-officer", erasure, {"ground": "purpose-achieved"}, key="trace/erase")
    assert (erased["status"], erased["rule"]) == ("ERASED", "contact-of-a-partner")
    await town.settled()
    assert await town.client.get("finance-officer", path) == [stays]


def test_it_happens_as_told(told: dict[Story, Exception | None], story: Story) -> None:
    if (error := told[story]) is not None:
        raise error


def test_no_file_and_no_backup_holds_any_of_it(
    process: PlatformProcess, told: dict[Story, Exception | None], tmp_path: Path
) -> None:
    assert set(told.values()) == {None}
    people, known = asyncio.run(_looked_for(process))
    _back_up(process, tmp_path)
    for directory in (process.layout.directory, tmp_path):
        assert not list(traces(directory, people, NOT_THE_PLATFORM))
        found = {trace.path.relative_to(directory).parts[0] for trace in traces(directory, [known], NOT_THE_PLATFORM)}
        everywhere = {"postgres"} | ({"broker"} if process.broker == "kafka" else set())
        if directory is tmp_path:
            everywhere = {f"{name}.sql" for name in ("application", "contract", "audit")}
        assert everywhere <= found, "what is there is found"
    assert not list(traces(process.log_path.parent, people, [process.layout.directory.name]))


def test_the_platform_is_sound_after_it(process: PlatformProcess, told: dict[Story, Exception | None]) -> None:
    assert_sound(process, seed=SEED)


async def _looked_for(process: PlatformProcess) -> tuple[list[str], str]:
    """The personal data of all these persons, and an identifier that is stored in plain text on purpose."""
    client = Client.of(process, seed=SEED)
    try:
        town: Any = Town(client, process.bank, None)  # type: ignore[arg-type]
        erased, kept = Borrower(town, "erased"), Borrower(town, "kept")
        contacts = [value for contact in CONTACTS for value in contact.values()]
        return [*personal(erased), *personal(kept), *contacts], erased.application_id
    finally:
        await client.close()


def _back_up(process: PlatformProcess, directory: Path) -> None:
    """Every database as SQL, the superuser's way; what was only in memory is written down first."""
    sockets = next(
        line.partition("=")[2].strip().strip("'")
        for line in (process.layout.postgres / "postgresql.conf").read_text().splitlines()
        if line.startswith("unix_socket_directories")
    )

    async def checkpoint() -> None:
        connection = await asyncpg.connect(host=sockets, user="puhui", database="postgres")
        await connection.execute("checkpoint")
        await connection.close()

    asyncio.run(checkpoint())
    for name in (*SERVICES, "keys"):
        target = directory / f"{name}.sql"
        dump = [
            str(_installation() / "bin" / "pg_dump"),
            "--host",
            sockets,
            "--username",
            "puhui",
            "--file",
            str(target),
        ]
        subprocess.run([*dump, name], check=True, capture_output=True)
