"""What the simulated sources promise to those who ask."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import httpx
import pytest

from services.sources.app import create_source
from services.sources.faults import SCALE, Behaviour, Faults, behaviour_of
from services.sources.reports import LONG_AGO, REPORTS

QUESTION: dict[str, Any] = {
    "identity_number": "110105199001010001",
    "name": "张三",
    "purpose": "CREDIT_REPORT",
    "authority": "application-1",
    "on": "2026-02-02",
}


@asynccontextmanager
async def source(kind: str = "bureau", token: str | None = None, **faults: int) -> AsyncIterator[httpx.AsyncClient]:
    app = create_source(kind, seed=1, faults=Faults(**faults), token=token)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://source.test") as client:
        yield client


@pytest.mark.parametrize(("kind", "item"), [("bureau", "credit-report"), ("registry", "business-registration")])
@pytest.mark.parametrize("faults", [{}, {"adverse": SCALE}], ids=["clean", "adverse"])
async def test_a_report_has_every_fact_that_is_looked_at(kind: str, item: str, faults: dict[str, int]) -> None:
    async with source(kind, **faults) as client:
        first = await client.post("/reports", json=QUESTION)
        assert (await client.post("/reports", json=QUESTION)).json() == first.json(), "the same question"
    answer = first.json()
    assert (first.status_code, answer["name"], answer["as_of"]) == (200, "张三", "2026-02-02")
    kinds = import_module("services.scoring.library").library().kinds  # who asks; a service knows no other
    taken = kinds[item].taken(answer["facts"])
    assert [name for name, value in taken.items() if value is None] == []


@pytest.mark.parametrize(
    ("faults", "status"),
    [({"no_hit": SCALE}, 404), ({"down": SCALE}, 503), ({"broken_once": SCALE}, 500), ({"garbled": SCALE}, 200)],
)
async def test_faults_show_as_such(faults: dict[str, int], status: int) -> None:
    async with source(**faults) as client:
        answers = [await client.post("/reports", json=QUESTION) for _ in range(2)]
    assert answers[0].status_code == status
    assert answers[1].status_code == (200 if "broken_once" in faults else status)


async def test_stale_partial_and_conflicting_reports_are_told_from_good_ones() -> None:
    async with source(stale=SCALE) as client:
        assert (await client.post("/reports", json=QUESTION)).json()["as_of"] == LONG_AGO
    async with source(partial=SCALE) as client:
        assert len((await client.post("/reports", json=QUESTION)).json()["facts"]) == 1
    async with source(conflicting=SCALE) as client:
        assert (await client.post("/reports", json=QUESTION)).json()["name"] != "张三"


async def test_strangers_and_wrong_questions_are_refused() -> None:
    async with source(token="shared") as client:
        assert (await client.post("/reports", json=QUESTION)).status_code == 401
        bearer = {"Authorization": "Bearer shared"}
        assert (await client.post("/reports", json=QUESTION, headers=bearer)).status_code == 200
        assert (await client.post("/reports", json=QUESTION | {"why": "?"}, headers=bearer)).status_code == 422


def test_rates_are_what_they_say() -> None:
    faults = Faults(adverse=2000, no_hit=1000)
    found = [behaviour_of(3, faults, str(number)) for number in range(4000)]
    assert abs(found.count(Behaviour.ADVERSE) - 800) < 120
    assert abs(found.count(Behaviour.NO_HIT) - 400) < 90
    with pytest.raises(ValueError, match="basis points"):
        Faults(down=SCALE, slow=1)
    with pytest.raises(ValueError, match="no source"):
        create_source("oracle")
    assert set(REPORTS) == {"bureau", "registry"}
