"""Every service as processes of its own: killed, frozen, wiped under load, and a database that moves.

A small version of `make faults` (docs/operations/faults.md), which does it at full size on either broker.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from standalone.fleet import Fleet, fleet
from standalone.platform import Layout
from standalone.postgres import EmbeddedPostgres
from standalone.processes import ServerNotStarted
from standalone.services import SERVICES
from tests.faults.experiment import FIRST_DATE, judge
from tests.faults.inject import Injector
from tests.faults.load import Load, PatientClient, Walked
from tests.faults.moved import adopt, move
from tests.faults.plan import Fault, Kind
from tests.integration.running import BANK_SEED, BankRecord

pytestmark = pytest.mark.integration

SEED: Final = 4
BORROWERS: Final = 2
FAULTS: Final = (
    Fault(Kind.KILL_RELAY_OWNER, "ledger", 0.1, 0.0),
    Fault(Kind.FREEZE_SERVICE, "contract-1", 0.1, 4.0),
    Fault(Kind.KILL_POSTGRES, "postgres", 0.1, 0.2),
    Fault(Kind.WIPE_BROKER, "broker", 0.5, 0.2),
    Fault(Kind.STOP_SERVICE, "application-1", 0.1, 0.0),
    Fault(Kind.KILL_BANK, "bank", 0.1, 0.1),
)


class Silent:
    def stage(self, text: str) -> None: ...

    def fault(self, fault: Fault) -> None: ...

    def walked(self, walked: Walked) -> None: ...


@pytest.fixture(scope="module")
def running() -> Iterator[Fleet]:
    directory = Path(tempfile.mkdtemp(prefix="puhui-test-"))
    try:
        layout = Layout(directory / "fleet")
        with fleet(layout, broker_name="tansu", first_date=FIRST_DATE, bank_seed=BANK_SEED, durable=False) as started:
            yield started
    finally:
        shutil.rmtree(directory)


async def _judged(running: Fleet, load: Load, injector: Injector, stores: dict[str, EmbeddedPostgres]) -> None:
    outcome = await judge(
        running,
        load.client,
        load,
        injector.done,
        broker="tansu",
        seed=SEED,
        began=time.monotonic(),
        watch=Silent(),
        stores=stores,
    )
    assert [verdict for verdict in outcome.verdicts if not verdict.kept] == []


def test_killed_frozen_and_wiped_under_load_and_then_moved_nothing_is_lost_and_nothing_doubled(running: Fleet) -> None:
    asyncio.run(_broken_and_moved(running))


async def _broken_and_moved(running: Fleet) -> None:
    client = PatientClient(running, seed=f"faults-{SEED}")
    load = Load(client, BankRecord(running.layout.bank / "bank.sqlite"), at_once=BORROWERS)
    injector = Injector(running, lambda _fault: None)
    try:
        await load.open()
        walking = asyncio.create_task(load.walk(BORROWERS))
        await injector.run(list(FAULTS), until=time.monotonic() + 600)
        assert injector.done.failures == [], "all runs again, so that walks come to their ends"
        await walking
        await _judged(running, load, injector, {})
        with EmbeddedPostgres(running.layout.directory / "elsewhere", durable=False) as elsewhere:
            try:
                await asyncio.to_thread(_move_the_ledger, running, elsewhere)
                await load.walk(BORROWERS)
                await asyncio.to_thread(running.broker.wipe)
                await asyncio.to_thread(running.broker.start)
                await load.walk(BORROWERS)
                await _judged(running, load, injector, {"ledger": elsewhere})
            finally:
                running.of("ledger")[0].stop()
    finally:
        load.stop()
        await client.close()


def _move_the_ledger(running: Fleet, elsewhere: EmbeddedPostgres) -> None:
    """It is refused where it was restored, until it is adopted: then the service goes on, and nobody notices."""
    [ledger] = running.of("ledger")
    ledger.kill()
    move("ledger", running.postgres, elsewhere)
    ledger.point_at(elsewhere.dsn("ledger"))
    with pytest.raises(ServerNotStarted):
        ledger.start()
    assert "restored from another cluster; with its service stopped, run `puhui adopt` once" in ledger.log
    assert "is this cluster's own now" in adopt("ledger", elsewhere.dsn("ledger"), "Moved to a new server")
    assert "nothing was done" in adopt("ledger", elsewhere.dsn("ledger"), "Again")
    ledger.start()
    assert set(SERVICES) == {member.service for member in running.members if member.runs}
