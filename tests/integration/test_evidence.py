"""Evidence from the whole platform: complete, sound by its anchors, and telling what the services' own stores hold."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Final

import pytest

from libs.evidence.anchored import anchored_in
from libs.evidence.bundle import parse
from libs.evidence.container import unpack
from libs.evidence.verify import verify
from tests.integration.borrowers import Borrower, fen, of_fen
from tests.integration.client import Client
from tests.integration.running import PlatformProcess
from tests.integration.town import Story, Town

pytestmark = pytest.mark.integration

STORIES: Final[list[Story]] = []
PROVED: Final[list[str]] = []
"""The loans of which evidence is asked."""
OF_THE_BORROWER: Final = "watch-"
"""Streams that name the loan and are not its own: the watch list follows a borrower over all his loans."""


def story(told: Story) -> Story:
    STORIES.append(told)
    return told


@story
async def a_loan_in_arrears_is_proved_with_its_case_and_nothing_left_out(town: Town) -> None:
    who = Borrower(town, "proved")
    await who.borrows()
    await town.until((await who.due_dates())[0] + timedelta(days=10))
    [case] = await who.cases()
    contact = {
        "channel": "TELEPHONE",
        "result": "REACHED",
        "at_local": f"{town.today}T10:30:00",
        "number": "mobile-1",
        "note": "Called",
    }
    await town.client.post("collector", f"/collections/cases/{case['case_id']}/contacts", contact, key="proved/contact")
    due = (await who.loan())["position"]["due"]
    await who.repays(of_fen(sum(fen(part) for part in due.values())), key="proved/repays")
    await town.settled()

    PROVED.append(who.loan_id)


def test_story(told: dict[Story, Exception | None], story: Story) -> None:
    if (error := told[story]) is not None:
        raise error


def test_the_bundle_holds_all_that_names_the_loan_and_is_sound_by_its_anchors(
    told: dict[Story, Exception | None], process: PlatformProcess
) -> None:
    assert told
    loan_id = PROVED[-1]
    bundle, named = asyncio.run(_asked(process, loan_id))
    report = verify(bundle, anchored=anchored_in(process.layout.anchors))
    assert report.findings == []
    assert not [note for note in report.notes if "witness" in note], report.notes
    events = [json.loads(line) for line in parse(unpack(bundle)).events]
    assert {event["id"] for event in events} >= named, (
        "every event on the trail of the loan is in its bundle, but the watch on its borrower"
    )
    assert json.loads(report.state)["loan"]["loan_state"] == "ACTIVE"
    assert [case["contacts"] for case in json.loads(report.state)["cases"].values()] == [1]


async def _asked(process: PlatformProcess, loan_id: str) -> tuple[bytes, set[str]]:
    client = Client.of(process, seed=__name__)
    try:
        bundle = await client.download("auditor", f"/audit/loans/{loan_id}/evidence")
        trail = await client.pages("auditor", "/audit/trail", loan=loan_id)
    finally:
        await client.close()
    return bundle, {entry["event_id"] for entry in trail if not entry["stream_id"].startswith(OF_THE_BORROWER)}
