"""Poison over HTTP: parked with all later ones of its stream, seen, mended, skipped, handed over, each act on record."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import BigInteger, Column, MetaData, Table, Text, select

from libs.contracts.ledger import RepaymentReceived
from libs.contracts.operations import ParkedEventHandedOver, ParkedEventRepaired, ParkedEventSkipped
from libs.events.canonical import canonical
from libs.events.codec import Recorded
from libs.events.projection import Add
from libs.events.subscribers import Reaction, Reactions
from libs.service.host import Service
from libs.service.testing import Served, key, served

pytestmark = pytest.mark.integration

POISONED: Final = "unheard-of"
RECEIVED: Final = Table(
    "received",
    MetaData(),
    Column("repayment_id", Text, primary_key=True),
    Column("times", BigInteger, nullable=False, default=0),
)
MIGRATION: Final = """
from alembic import op
from libs.service.migrations import create_kit
revision, down_revision, branch_labels, depends_on = "0001", None, None, None
def upgrade():
    create_kit(op)
    op.execute("create table received (repayment_id text primary key, times bigint not null)")
"""


@dataclass
class Counting:
    """A service that counts repayments, and cannot handle those of one channel."""

    accepts: set[str] = field(default_factory=set)

    def service(self, migrations: Path) -> Service:
        reactions = Reactions("counting")

        @reactions.on(RepaymentReceived)
        async def count(recorded: Recorded[RepaymentReceived], reaction: Reaction) -> None:
            if recorded.event.channel == POISONED and recorded.event.repayment_id not in self.accepts:
                raise KeyError(recorded.event.channel)
            await reaction.apply(Add(RECEIVED, {"repayment_id": recorded.event.repayment_id}, {"times": 1}))

        return Service(
            name="counting",
            title="Counting",
            description="Counts.",
            routers=[],
            migrations=migrations,
            reactions=reactions,
        )


@dataclass
class Town:
    served: Served
    counting: Counting
    operator: httpx.AsyncClient

    async def receive(self, loan: str, number: int, channel: str = "bank-transfer") -> None:
        values = {**RepaymentReceived.example, "loan_id": loan, "repayment_id": f"{loan}-{number}", "channel": channel}
        await self.served.publish(f"loan-{loan}", RepaymentReceived.model_validate(values))

    async def counted(self) -> dict[str, int]:
        return {row["repayment_id"]: row["times"] for row in await self.served.runtime.fetch(select(RECEIVED))}

    async def parked(self, path: str = "") -> Any:
        answer = await self.operator.get(f"/counting/operations/parked{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def act(self, act: str, body: Any = None, stream: str = "loan-a", status: int = 200) -> Any:
        path = f"/counting/operations/parked/counting/{stream}/{act}"
        answer = await self.operator.post(path, json=body, headers=key())
        assert answer.status_code == status, answer.text
        return answer.json()

    async def acts(self) -> list[Any]:
        return await self.served.events("operations-counting")


@pytest.fixture
async def town(database: str, tmp_path: Path) -> AsyncIterator[Town]:
    """Loan a has a repayment that cannot be handled, and two after it; loan b has one."""
    migrations, counting = tmp_path / "migrations", Counting()
    migrations.mkdir()
    (migrations / "0001.py").write_text(MIGRATION)
    async with served(counting.service(migrations), database, tmp_path) as running:
        town = Town(running, counting, await running.client("operator"))
        await town.receive("a", 1)
        await town.receive("a", 2, POISONED)
        await town.receive("a", 3)
        await town.receive("b", 1)
        await town.receive("a", 4)
        await running.settle()
        yield town


async def test_poison_parks_its_stream_and_others_flow(town: Town) -> None:
    assert await town.counted() == {"a-1": 1, "b-1": 1}
    parked = await town.parked()
    assert [(one["stream_id"], one["sequence"], one["attempts"]) for one in parked] == [
        ("loan-a", 2, 4),
        ("loan-a", 3, 0),
        ("loan-a", 5, 0),
    ]
    assert parked[0]["error"] == f"KeyError('{POISONED}')"
    assert parked == await town.parked("/counting")
    metrics = (await town.operator.get("/counting/metrics")).text
    assert 'puhui_parked_keys{consumer="counting"} 1.0' in metrics
    assert 'puhui_parked_events{consumer="counting"} 3.0' in metrics


async def test_an_operator_sees_what_is_wrong_with_an_event(town: Town) -> None:
    first, *_ = await town.parked("/counting/loan-a")
    assert first["data"]["channel"] == POISONED
    assert first["metadata"]["actor"]["subject"] == "service:ledger"
    assert first["repairable"]
    auditor = await town.served.client("auditor")
    assert (await auditor.get("/counting/operations/parked/counting/loan-a")).status_code == 200
    officer = await town.served.client("finance_officer")
    assert (await officer.get("/counting/operations/parked/counting/loan-a")).status_code == 403


async def test_what_fails_again_stays_parked_with_all_behind_it_and_is_no_act(town: Town) -> None:
    refused = await town.act("redrive", status=409)
    assert "KeyError" in refused["detail"]
    assert len(await town.parked()) == 3
    assert await town.acts() == []


async def test_once_the_code_is_mended_all_is_handed_over_in_order(town: Town) -> None:
    town.counting.accepts.add("a-2")
    assert await town.act("redrive") == {"handled": 3}
    assert await town.counted() == {"a-1": 1, "a-2": 1, "a-3": 1, "a-4": 1, "b-1": 1}
    assert await town.parked() == []
    acts = await town.acts()
    assert [type(act) for act in acts] == [ParkedEventHandedOver] * 3
    assert [act.sequence for act in acts] == [2, 3, 5]
    await town.receive("a", 5)
    await town.served.settle()
    assert (await town.counted())["a-5"] == 1, "the stream flows again"


async def test_skipping_needs_a_reason_and_lets_the_later_ones_through(town: Town) -> None:
    problem = await town.act("skip", {}, status=422)
    assert problem["errors"][0]["pointer"] == "#/reason"
    await town.act("skip", {"reason": "Paid back in cash, see case 7"})
    assert await town.act("redrive") == {"handled": 2}
    assert await town.counted() == {"a-1": 1, "a-3": 1, "a-4": 1, "b-1": 1}
    skipped, *others = await town.acts()
    assert isinstance(skipped, ParkedEventSkipped)
    assert (skipped.sequence, skipped.reason) == (2, "Paid back in cash, see case 7")
    assert skipped.error == f"KeyError('{POISONED}')"
    assert len(others) == 2
    await town.act("skip", {"reason": "Again"}, status=404)


async def test_a_repair_is_handed_over_in_place_of_the_event_which_stays_what_it_is(town: Town) -> None:
    [first, *_] = await town.parked("/counting/loan-a")
    mended = {**first["data"], "channel": "bank-transfer"}
    await town.act("repair", {"sequence": 2, "data": mended, "reason": "The importer left it out"})
    assert len(await town.parked()) == 3, "nothing is handed over by it"
    assert await town.act("redrive") == {"handled": 3}
    assert (await town.counted())["a-2"] == 1
    repaired = (await town.acts())[0]
    assert isinstance(repaired, ParkedEventRepaired)
    assert repaired.sha256_before == sha256(canonical(first["data"])).hexdigest()
    assert repaired.sha256_after == sha256(canonical(mended)).hexdigest()
    original = await town.served.neighbours["ledger"].store.load("loan-a")
    assert canonical(first["data"]) == original[1].data


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"amount": {"amount": "1.005", "currency": "CNY"}}, "#/data/amount"),
        ({"loan_id": None}, "#/data/loan_id"),
        ({"\x80": None}, "#/data"),
        ({"金额": "1.00"}, "#/data"),
    ],
)
async def test_a_repair_that_is_no_event_of_its_type_names_what_is_wrong(
    town: Town, changes: dict[str, Any], pointer: str
) -> None:
    [first, *_] = await town.parked("/counting/loan-a")
    body = {"sequence": 2, "data": {**first["data"], **changes}, "reason": "A mistake"}
    problem = await town.act("repair", body, status=422)
    assert problem["errors"][0]["pointer"].startswith(pointer)
    assert await town.acts() == []


async def test_only_what_is_parked_can_be_repaired(town: Town) -> None:
    [first, *_] = await town.parked("/counting/loan-a")
    body = {"sequence": 4, "data": first["data"], "reason": "Not this one"}
    await town.act("repair", body, status=404)
    await town.act("repair", {**body, "sequence": 2}, stream="loan-b", status=404)


async def test_every_act_says_who_did_it_and_is_published_with_the_services_own_events(town: Town) -> None:
    await town.act("skip", {"reason": "Sent twice"})
    await town.served.settle()
    [stored] = await town.served.runtime.store.load("operations-counting")
    recorded = town.served.runtime.codec.recorded(stored, "/puhui/counting")
    assert (recorded.metadata.actor.subject, recorded.metadata.actor.role) == ("operator", "operator")
    published = [record for partition in town.served.log.topics["puhui.counting"] for record in partition]
    types = Counter(dict(record.headers)["ce_type"].decode() for record in published)
    assert types == {ParkedEventSkipped.type_name: 1}


async def test_there_is_no_consumer_of_another_name(town: Town) -> None:
    answer = await town.operator.get("/counting/operations/parked/nobody")
    assert answer.status_code == 404
    assert "nobody" in answer.json()["detail"]
