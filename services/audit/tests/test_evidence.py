"""Evidence of a loan over HTTP: checked with nothing but the file, and what is altered or left out is found."""

from __future__ import annotations

import pytest

from libs.evidence.bundle import contract_of, loan_of, parse
from libs.evidence.container import unpack
from libs.evidence.notes import Head, Note, Verifier
from libs.evidence.tiles import root_of_leaves
from libs.evidence.verify import verify
from libs.service.testing import Served
from services.audit.logs import logs_of
from services.audit.tests.life import application_id, tell, told

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def bundle_of(town: Served, identifier: str) -> bytes:
    answer = await (await town.client("auditor")).get(f"/audit/loans/{identifier}/evidence")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    return answer.content


async def test_a_bundle_is_sound_and_says_what_the_page_says(town: Served) -> None:
    own = application_id(1)
    report = verify(await bundle_of(town, loan_of(contract_of(own))))
    assert report.findings == []
    assert report.application_id == own
    assert report.events == len(list(told(1)))
    files = unpack(await bundle_of(town, own))
    page = (await (await town.client("auditor")).get(f"/audit/loans/{own}")).json()
    assert page["loan"]["loan_state"] == "ACTIVE"
    assert b'"loan_state":"ACTIVE"' in files["state.json"]
    assert b'"case_state":"CLOSED"' in files["state.json"]
    assert "loan_state: ACTIVE" in files["README.txt"].decode()


async def test_events_are_the_bytes_that_were_recorded(town: Served) -> None:
    bundle = parse(unpack(await bundle_of(town, application_id(2))))
    recorded = {
        event.leaf_hash for neighbour in town.neighbours.values() for event in await neighbour.store.read(0, 1000)
    }
    from libs.events.merkle import leaf_hash

    assert {leaf_hash(line) for line in bundle.events} <= recorded


async def test_later_events_are_in_later_bundles_which_extend_the_earlier_ones(town: Served) -> None:
    before = verify(await bundle_of(town, application_id(1)))
    await tell(town, 4)
    bundle = await bundle_of(town, application_id(1))
    after = verify(bundle)
    assert after.sound
    assert after.heads["ledger"].size == before.heads["ledger"].size + 5
    assert parse(unpack(bundle)).anchors["ledger"][1] == before.heads["ledger"]


async def test_only_trusted_keys_count(town: Served) -> None:
    bundle = await bundle_of(town, application_id(1))
    keys = (await (await town.client("auditor")).get("/audit/logs")).json()["keys"]
    assert verify(bundle, trusted=keys).sound
    without = verify(bundle, trusted=keys[1:]).findings
    assert {(finding.code, finding.where) for finding in without} == {
        ("keys", "puhui.local/application"),
        ("head", "heads/application"),
        ("head", "anchors/application"),
    }


async def test_heads_tiles_and_keys_can_be_read(town: Served) -> None:
    client = await town.client("auditor")
    listed = (await client.get("/audit/logs")).json()
    ledger = next(each for each in listed["items"] if each["name"] == "ledger")
    assert (ledger["halted"], ledger["unwitnessed"]) == ("", "")
    note = Note.parse((await client.get("/audit/logs/ledger/checkpoint")).text)
    head = Head.parse(note.text)
    assert note.confirmed_by([Verifier.parse(key) for key in listed["keys"]])
    leaves = (await client.get("/audit/logs/ledger/tile/0/0")).content
    assert len(leaves) == head.size * 32
    assert root_of_leaves(leaves) == head.root


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/audit/loans/nobody/evidence", 404),
        ("/audit/logs/moon/checkpoint", 404),
        ("/audit/logs/ledger/tile/0/1", 404),
        ("/audit/logs/ledger/tile/9/0", 422),
        ("/audit/logs/LEDGER/checkpoint", 422),
    ],
)
async def test_a_wrong_question_is_told_what_is_wrong(town: Served, path: str, status: int) -> None:
    answer = await (await town.client("auditor")).get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_log_whose_history_was_rewritten_is_halted_and_gives_no_evidence(town: Served) -> None:
    state = logs_of(town.runtime).logs["scoring"]
    pool = town.runtime.store.pool
    async with logs_of(town.runtime).lock:
        state.log = None  # as after a start
        await pool.execute(
            "update log_leaf set stream_id = stream_id || 'x' where service = 'scoring' and sequence = 1"
        )
    client = await town.client("auditor")
    answer = await client.get(f"/audit/loans/{application_id(1)}/evidence")
    assert answer.status_code == 409
    assert "not those of the signed head" in answer.json()["detail"]
    listed = {each["name"]: each["halted"] for each in (await client.get("/audit/logs")).json()["items"]}
    assert listed["scoring"]
    assert not listed["ledger"]
    await pool.execute("update log_leaf set stream_id = left(stream_id, -1) where service = 'scoring' and sequence = 1")
    assert verify(await bundle_of(town, application_id(1))).sound


async def test_only_auditors_are_given_evidence(town: Served) -> None:
    assert (await (await town.client("collector")).get("/audit/logs")).status_code == 403
    path = f"/audit/loans/{application_id(1)}/evidence"
    assert (await (await town.client("customer")).get(path)).status_code == 403


async def test_who_took_evidence_is_on_record(town: Served) -> None:
    await bundle_of(town, application_id(3))
    await town.settle()
    read = {"type": "puhui.audit.records-read.v1", "actor": "auditor", "limit": 200}
    entries = (await (await town.client("auditor")).get("/audit/trail", params=read)).json()["items"]
    shown = [
        (await (await town.client("auditor")).get(f"/audit/events/{entry['event_id']}")).json() for entry in entries
    ]
    operations = {each["entry"]["data"]["operation"] for each in shown}
    assert "/audit/loans/{identifier}/evidence" in operations
    assert not any("/logs" in operation for operation in operations)
