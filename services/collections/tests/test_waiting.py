"""`Prefer: wait`: what is understood, and that a query which waits is answered as soon as there is something new."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from libs.service import waiting
from libs.service.testing import Served
from libs.service.waiting import WAIT_MOST_S, wait_preferred
from services.collections.tests.loans import TheLoan
from services.collections.tests.test_watch import BEHIND, LIST, falls

PATIENT = {"Prefer": "wait=8"}
SOON_S = 5.0
"""Far more than an answer takes, and less than the wait."""


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ([], 0),
        (["wait=5"], 5),
        (['wait="5"'], 5),
        (["WAIT = 5"], 5),
        (["respond-async, wait=3"], 3),
        (["wait=3; x=1"], 3),
        (["return=minimal", "wait=2"], 2),
        (["wait=0"], 0),
        (["wait=999"], WAIT_MOST_S),
        (["wait=-1"], 0),
        (["wait=1.5"], 0),
        (["wait"], 0),
        (["await=5"], 0),
        (["wait=" + "9" * 400], 0),
        ([""], 0),
    ],
)
async def test_a_preference_that_is_not_understood_is_none(values: list[str], seconds: int) -> None:
    request = Request({"type": "http", "headers": [(b"prefer", value.encode()) for value in values]})
    assert await wait_preferred(request) == seconds


@pytest.fixture
def never_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what this process tells itself of."""
    monkeypatch.setattr(waiting, "LOOK_S", 60.0)


async def asked(client: httpx.AsyncClient, path: str, **headers: str) -> asyncio.Task[httpx.Response]:
    """A query that waits already when this returns."""
    task = asyncio.create_task(client.get(path, headers=PATIENT | headers))
    before = waiting._waiting
    while waiting._waiting == before:
        await asyncio.sleep(0)
    return task


async def soon(task: asyncio.Task[httpx.Response]) -> httpx.Response:
    async with asyncio.timeout(SOON_S):
        return await task


@pytest.mark.usefixtures("never_looks")
async def test_who_waits_is_answered_as_soon_as_there_is_something(running: Served, loan: TheLoan) -> None:
    auditor, path = await running.client("auditor"), f"{LIST}/{loan.applicant_id}"
    assert (await auditor.get(path)).status_code == 404
    waits = [await asked(auditor, path) for _ in range(3)]
    await falls(running, loan)
    answers = [await soon(task) for task in waits]
    assert {(answer.status_code, answer.headers["preference-applied"]) for answer in answers} == {(200, "wait")}
    known = answers[0].headers["etag"]
    task = await asked(auditor, path, **{"If-None-Match": known})
    assert not task.done()
    await loan.happens(loan.delinquency(BEHIND, 0))
    answer = await soon(task)
    assert (answer.status_code, answer.headers["etag"] != known) == (200, True)
    assert waiting._waiting == 0
    assert running.runtime.commands._watched == {}


async def test_what_another_process_appends_is_found_by_looking(
    running: Served, loan: TheLoan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "LOOK_S", 0.02)
    monkeypatch.setattr(type(running.runtime.commands), "_moved", lambda *_: None)
    auditor = await running.client("auditor")
    task = await asked(auditor, f"{LIST}/{loan.applicant_id}")
    await falls(running, loan)
    assert (await soon(task)).status_code == 200


async def test_who_waits_in_vain_is_answered_as_things_are(running: Served, loan: TheLoan) -> None:
    await falls(running, loan)
    auditor, path = await running.client("auditor"), f"{LIST}/{loan.applicant_id}"
    known = (await auditor.get(path)).headers["etag"]
    for of, headers, status in ((path, {"If-None-Match": known}, 304), (f"{LIST}/nobody", {}, 404)):
        began = asyncio.get_running_loop().time()
        answer = await auditor.get(of, headers={"Prefer": "wait=1", **headers})
        assert (answer.status_code, answer.headers["preference-applied"]) == (status, "wait")
        assert asyncio.get_running_loop().time() - began >= 1.0
    there = await auditor.get(path, headers=PATIENT)
    assert (there.status_code, "preference-applied" in there.headers) == (200, False), "what is there is there at once"


async def test_nobody_waits_for_what_he_may_not_read_or_beside_too_many(
    running: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "WAITING_MOST", 0)
    for role, status in ((None, 401), ("customer", 403), ("auditor", 404)):
        client = await running.client(role)
        async with asyncio.timeout(SOON_S):
            assert (await client.get(f"{LIST}/nobody", headers=PATIENT)).status_code == status


async def test_the_preference_is_described(running: Served) -> None:
    paths: dict[str, Any] = running.app.openapi()["paths"]
    shown = paths[f"{LIST}/{{applicant_id}}"]["get"]["parameters"]
    assert [each["example"] for each in shown if each["name"] == "Prefer"] == ["wait=5"]
