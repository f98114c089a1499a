"""`puhui adopt` and `puhui rebuild` on a service's database, as an operator calls them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from libs.contracts.operations import ReadModelSwitched, StoreAdopted
from libs.contracts.scoring import ApplicationScored
from libs.events.clock import Clock
from libs.events.commands import Cause, CommandHandler
from libs.events.decider import Decider
from libs.events.envelope import Actor
from libs.events.postgres import PostgresStore, connect
from libs.events.signals import Signal
from libs.events.subscribers import ProjectionSubscriber
from libs.events.tail import Tail
from libs.service.host import published_codec
from libs.service.migrations import migrate
from standalone.services import service_named

pytestmark = pytest.mark.integration

T = TypeVar("T")
ROOT: Final = Path(__file__).parents[2]
MODEL: Final = "assessments.v1"
SCORED: Final = 5


def puhui(*arguments: str, url: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "standalone.cli", *arguments, "--database-url", url]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def on(url: str, work: Callable[[PostgresStore], Coroutine[Any, Any, T]]) -> T:
    async def connected() -> T:
        store = await connect(url)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(connected())


@pytest.fixture
def scoring(database: str) -> str:
    """The scoring service's database with some assessments, projected."""

    async def prepare() -> None:
        engine = create_async_engine(database.replace("postgresql://", "postgresql+asyncpg://", 1))
        await migrate(engine, ROOT / "services" / "scoring" / "migrations")
        await engine.dispose()

    asyncio.run(prepare())

    async def fill(store: PostgresStore) -> None:
        handler = CommandHandler(store, published_codec(), Clock())
        write: Decider[Any, None, Any] = Decider("assessment", None, lambda event, _: [event], lambda state, _: state)
        for number in range(SCORED):
            event = ApplicationScored.model_validate({**ApplicationScored.example, "application_id": f"a-{number}"})
            await handler.handle(write, f"assessment-{number}", event, Cause(Actor("tester"), "c-1"))
        await store.stamp()
        [projection] = [one for one in service_named("scoring").projections if one.consumer == MODEL]
        await Tail(store, ProjectionSubscriber(projection), published_codec(), "/puhui/scoring", Signal()).step()

    on(database, fill)
    return database


async def acts(store: PostgresStore) -> list[Any]:
    stored = await store.load("operations-scoring")
    return [published_codec().decode(event.type, event.data) for event in stored]


def test_a_read_model_is_built_again_compared_and_switched_on_record(scoring: str) -> None:
    async def damage(store: PostgresStore) -> None:
        await store.pool.execute("update assessment_v1 set score = -1 where application_id = 'a-3'")

    on(scoring, damage)
    built = puhui("rebuild", "scoring", MODEL, url=scoring)
    assert built.returncode == 0, built.stderr
    assert f"1 of {SCORED} rows differ" in built.stderr
    assert on(scoring, acts) == [], "building alone changes nothing"
    switched = puhui("rebuild", "scoring", MODEL, "--switch", "--reason", "A row was changed by hand", url=scoring)
    assert switched.returncode == 0, switched.stderr
    [act] = on(scoring, acts)
    assert isinstance(act, ReadModelSwitched)
    assert (act.read_model, act.rows, act.differing_rows, act.sequence) == (MODEL, SCORED, 1, SCORED)

    async def wrong(store: PostgresStore) -> Any:
        return await store.pool.fetchval("select count(*) from assessment_v1 where score = -1")

    assert on(scoring, wrong) == 0


def test_a_switch_needs_a_reason_and_a_read_model_its_name(scoring: str) -> None:
    assert "--reason" in puhui("rebuild", "scoring", MODEL, "--switch", url=scoring).stderr
    unknown = puhui("rebuild", "scoring", "nothing.v1", url=scoring)
    assert unknown.returncode == 2
    assert MODEL in unknown.stderr
    assert "scoring" in puhui("rebuild", "bank", MODEL, url=scoring).stderr


def test_a_store_of_another_cluster_is_adopted_once_with_what_had_no_place(scoring: str) -> None:
    async def come_from_elsewhere(store: PostgresStore) -> None:
        handler = CommandHandler(store, published_codec(), Clock())
        write: Decider[Any, None, Any] = Decider("assessment", None, lambda event, _: [event], lambda state, _: state)
        event = ApplicationScored.model_validate(ApplicationScored.example)
        await handler.handle(write, "assessment-late", event, Cause(Actor("tester"), "c-1"))
        await store.pool.execute("update es.sequencer set system_identifier = 1")

    on(scoring, come_from_elsewhere)
    adopted = puhui("adopt", "scoring", "--reason", "Moved", url=scoring)
    assert adopted.returncode == 0, adopted.stderr
    [act] = on(scoring, acts)
    assert isinstance(act, StoreAdopted)
    assert (act.sequence, act.unstamped, act.reason) == (SCORED, 1, "Moved")

    async def whole(store: PostgresStore) -> list[str]:
        await store.verify_cluster()
        return [event.stream_id for event in await store.read(SCORED, 10)]

    assert on(scoring, whole) == ["assessment-late", "operations-scoring"]
    assert "nothing was done" in puhui("adopt", "scoring", "--reason", "Again", url=scoring).stderr


def test_a_database_that_is_away_is_said_so() -> None:
    away = puhui("adopt", "scoring", "--reason", "Moved", url="postgresql://nobody@127.0.0.1:1/nothing")
    assert away.returncode == 2
    assert "does not answer" in away.stderr
