"""Every stage of an application is measured from its events alone."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from datetime import date as day
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from libs.contracts import application as app
from libs.contracts import approval, scoring
from libs.contracts import examples as ex
from libs.events.envelope import Actor
from libs.service.testing import Served, served
from services.audit.app import service
from services.audit.domain.service_levels import ServiceLevels
from services.audit.process_map import BOX, PLACES, process_map, told
from services.audit.stages import Asked, Edge, stages
from services.audit.tests.given import example
from services.audit.tests.life import application_id, tell

PERIOD = "submitted_from=2026-01-01&submitted_to=2026-12-31"
LEVELS: dict[str, Any] = {
    "version": 1,
    "effective_from": "2020-01-01",
    "source": "test",
    "decision_within_s": {"automatic": 60, "by_people": 3600},
    "stage_within_s": {"referred": 60},
}


@pytest.fixture
async def audit(database: str, tmp_path: Path) -> AsyncIterator[Served]:
    """An audit that has heard of nothing yet."""
    async with served(service, database, tmp_path, data_dir=tmp_path / "data") as running:
        yield running
        assert await running.parked() == []


async def tell_referred(audit: Served, number: int) -> None:
    """An application that two officers work on, and that is declined."""
    own = application_id(number)
    request = ex.REQUEST | {"applicant_id": f"applicant-{number}"}
    decision = f"decision-{own}"
    first, second = (Actor(f"officer-{number}", "credit_officer") for number in (1, 2))
    machine = None
    steps: tuple[tuple[str, type[Any], Actor | None, dict[str, Any]], ...] = (
        (f"application-{own}", app.ApplicationStarted, machine, {}),
        (f"application-{own}", app.ApplicationSubmitted, machine, {}),
        (f"assessment-{own}", scoring.ApplicationScored, machine, {}),
        (decision, approval.ApplicationReferred, machine, {}),
        (decision, approval.CaseClaimed, first, {}),
        (decision, approval.DecisionRecommended, first, {}),
        (decision, approval.CaseClaimed, second, {}),
        (decision, approval.ApplicationDeclined, second, {"decided_by": ["officer-1", "officer-2"]}),
    )
    for stream, event, actor, changes in steps:
        ids: dict[str, Any] = {"application_id": own, "applicant_id": f"applicant-{number}", "request": request}
        known = {name: value for name, value in ids.items() if name in event.model_fields}
        await audit.publish(stream, example(event, **{**known, **changes}), actor=actor)


async def test_every_stage_is_measured_and_the_straight_through_share_told(audit: Served) -> None:
    await tell(audit, 1, 2)
    await tell_referred(audit, 3)
    await audit.settle()
    client = await audit.client("auditor")
    answer = await client.get(f"/audit/stages?{PERIOD}")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    edges = {(edge["before"], edge["after"]): edge for edge in body["edges"]}
    assert {pair: edge["applications"] for pair, edge in edges.items()} == {
        ("submitted", "scored"): 3,
        ("scored", "approved"): 2,
        ("approved", "contract offered"): 2,
        ("contract offered", "contract signed"): 2,
        ("contract signed", "booked"): 2,
        ("booked", "paid out"): 2,
        ("scored", "referred"): 1,
        ("referred", "claimed"): 1,
        ("claimed", "recommended"): 1,
        ("recommended", "claimed"): 1,
        ("claimed", "declined"): 1,
    }
    assert (body["decided"], body["straight_through"]) == (3, 2)
    assert {pair for pair, edge in edges.items() if edge["worked"]} == {
        ("claimed", "recommended"),
        ("claimed", "declined"),
    }
    for edge in edges.values():
        assert 0 <= edge["median_ms"] <= edge["p90_ms"] <= edge["longest_ms"] <= edge["total_ms"]
    totals = [edge["total_ms"] for edge in body["edges"]]
    assert totals == sorted(totals, reverse=True)

    cycles = [(cycle["automatic"], cycle["applications"], cycle["breaches"]) for cycle in body["cycles"]]
    assert cycles == [(True, 2, 0), (False, 1, 0)]

    nobody, drawn, other = await asyncio.gather(
        client.get(f"/audit/stages?{PERIOD}&officer=nobody"),
        client.get(f"/audit/stages.svg?{PERIOD}"),
        client.get(f"/audit/stages?{PERIOD}&product=no-such"),
    )
    assert nobody.json()["edges"] == other.json()["edges"] == []
    assert other.json()["decided"] == 0
    assert drawn.headers["content-type"].startswith("image/svg+xml")
    assert "contract offered" in drawn.text


async def test_times_are_told_apart_by_product_channel_and_officer(audit: Served) -> None:
    await tell(audit, 1)
    await tell_referred(audit, 2)
    await audit.settle()
    client = await audit.client("risk_manager")
    by_officer = (await client.get(f"/audit/stages?{PERIOD}&by=officer")).json()
    assert {(edge["group"], edge["before"], edge["after"]) for edge in by_officer["edges"] if edge["group"]} == {
        ("officer-1", "referred", "claimed"),
        ("officer-1", "claimed", "recommended"),
        ("officer-2", "recommended", "claimed"),
        ("officer-2", "claimed", "declined"),
    }
    assert {cycle["group"] for cycle in by_officer["cycles"]} == {"", "officer-1, officer-2"}
    for by, value in (("product", "consumer-standard"), ("channel", "ONLINE")):
        told_apart = (await client.get(f"/audit/stages?{PERIOD}&by={by}")).json()
        assert {edge["group"] for edge in told_apart["edges"]} == {value}
    mine = (await client.get(f"/audit/stages?{PERIOD}&officer=officer-2")).json()["edges"]
    assert [edge["after"] for edge in sorted(mine, key=lambda edge: edge["after"])] == ["claimed", "declined"]


async def test_what_took_longer_than_it_should_is_counted(audit: Served) -> None:
    """The recorded times are moved apart, since no test waits for an hour."""
    await tell_referred(audit, 1)
    await audit.settle()
    later = "update trail set recorded_at = recorded_at + interval '2 hours' where type = any($1)"
    after_referral = [e.type_name for e in (approval.CaseClaimed, approval.DecisionRecommended)]
    await audit.runtime.store.pool.execute(later, [*after_referral, approval.ApplicationDeclined.type_name])
    asked = Asked(day.fromisoformat("2026-01-01"), day.fromisoformat("2026-12-31"))
    found = await stages(audit.runtime, asked, ServiceLevels.from_json(LEVELS))
    slowest = found.edges[0]
    assert (slowest.before, slowest.after, slowest.breaches, slowest.within_ms) == ("referred", "claimed", 1, 60_000)
    assert {edge.within_ms for edge in found.edges[1:]} == {None}
    (cycle,) = found.cycles
    assert (cycle.automatic, cycle.breaches, cycle.within_ms) == (False, 1, 3_600_000)
    assert 7_200_000 <= cycle.median_ms < 7_260_000


@pytest.mark.parametrize(
    "fault",
    [{"stage_within_s": {"napping": 3}}, {"stage_within_s": {"scored": 0}}, {"stage_within_s": {"scored": 1.5}}],
)
def test_service_levels_that_cannot_be_meant_are_refused(fault: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"steps that there are not|whole number of seconds"):
        ServiceLevels.from_json(LEVELS | fault)


async def test_a_date_before_any_service_level_is_refused(audit: Served) -> None:
    client = await audit.client("auditor")
    answer = await client.get("/audit/stages?submitted_from=1999-02-02&submitted_to=1999-02-03")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/submitted_to")


async def test_a_period_that_ends_before_it_begins_is_refused(audit: Served) -> None:
    client = await audit.client("auditor")
    answer = await client.get("/audit/stages?submitted_from=2026-02-02&submitted_to=2026-02-01")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/submitted_to")


async def test_customers_see_no_stages(audit: Served) -> None:
    client = await audit.client("customer")
    assert (await client.get(f"/audit/stages?{PERIOD}")).status_code == 403


@pytest.mark.parametrize(
    ("ms", "text"), [(0, "0 ms"), (999, "999 ms"), (1500, "1.5 s"), (90_000, "1.5 min"), (5_400_000, "1.5 h")]
)
def test_a_duration_is_told_as_people_say_it(ms: int, text: str) -> None:
    assert told(ms) == text


def edge(before: str, after: str, total_ms: int = 100, breaches: int = 0) -> Edge:
    return Edge("", before, after, 9, 10, 20, 30, total_ms, None, breaches)


def test_the_bottleneck_is_drawn_in_red_and_only_it() -> None:
    edges = [edge("scored", "referred"), edge("referred", "claimed", 9000, 3), edge("claimed", "declined", 900)]
    picture = process_map(edges)
    lines = ET.fromstring(picture).findall("{*}path")
    assert [line.get("stroke") for line in lines] == ["#768390", "#2e86c1", "#c0392b"]
    assert float(lines[-1].get("stroke-width", "0")) > float(lines[0].get("stroke-width", "0"))
    assert "3 late" in picture
    assert ET.fromstring(process_map([])).findall("{*}path") == []


def test_no_two_steps_stand_in_one_place() -> None:
    for (one, (x0, y0)), (two, (x1, y1)) in combinations(PLACES.items(), 2):
        assert abs(x0 - x1) >= BOX[0] or abs(y0 - y1) >= BOX[1], f"{one} and {two} overlap"
