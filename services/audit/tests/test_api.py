"""The audit service over HTTP: what other services said, put together and replayed."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from libs.contracts import application as app
from libs.contracts import approval, collections, contract, ledger, scoring
from libs.contracts import examples as ex
from libs.contracts.base import DomainEvent
from libs.events.envelope import leaf_bytes
from libs.events.merkle import leaf_hash
from libs.service.testing import Served, key, served
from services.audit.app import service
from services.audit.tests.given import example

pytestmark = pytest.mark.asyncio(loop_scope="module")

STREAMS: tuple[tuple[str, type[DomainEvent]], ...] = (
    (f"case-{ex.CASE}", collections.CollectionCaseOpened),
    (f"loan-{ex.LOAN}", ledger.LoanBooked),
    (f"loan-{ex.LOAN}", ledger.LoanDisbursed),
    (f"loan-{ex.LOAN}", ledger.RepaymentReceived),
    (f"contract-{ex.CONTRACT}", contract.ContractOffered),
    (f"contract-{ex.CONTRACT}", contract.ContractSigned),
    (f"decision-{ex.APPLICATION}", approval.ApplicationReferred),
    (f"decision-{ex.APPLICATION}", approval.ApplicationApproved),
    (f"assessment-{ex.APPLICATION}", scoring.ApplicationScored),
    (f"application-{ex.APPLICATION}", app.ApplicationStarted),
    (f"application-{ex.APPLICATION}", app.ApplicationSubmitted),
)
"""A loan's life, told in an order that no reader can rely on: effects before causes."""
SHORTER = {"code": "term-shortened-for-grade", "text": {"zh": "期限已缩短", "en": "The term was shortened"}}
BY_TWO_ROWS: dict[str, Any] = {
    "basis": approval.ApplicationApproved.example["basis"] | {"rules": ["grade-b-approve", "grade-b-shorten"]},
    "reasons": [ex.REASON, SHORTER],
    "decided_by": ["credit-officer"],
    "term_override": "income-lasting",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def audit(postgres_server: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """One for all tests: they only ask."""
    name = f"test_{uuid4().hex[:12]}"
    postgres_server.create_database(name)
    async with served(service, postgres_server.dsn(name), tmp_path_factory.mktemp("audit")) as running:
        for stream, event in STREAMS:
            changes = BY_TWO_ROWS if event is approval.ApplicationApproved else {}
            await running.publish(stream, example(event, **changes))
        await running.settle()
        yield running
        assert await running.parked() == []
    postgres_server.drop_database(name)


async def test_the_page_of_a_loan_joins_what_all_services_said(audit: Served) -> None:
    client = await audit.client("auditor")
    for identifier in (ex.APPLICATION, ex.CONTRACT, ex.LOAN):
        page = (await client.get(f"/audit/loans/{identifier}")).json()
        assert page["application"]["grade"] == "B"
        assert page["application"]["decision"] == "APPROVED"
        assert page["application"]["contract_state"] == "SIGNED"
        assert page["loan"]["loan_state"] == "ACTIVE"
        assert page["loan"]["repaid"] == ex.cny("1100.16")
        assert [case["stage"] for case in page["cases"]] == ["EARLY"]
        assert len(page["events"]) == len(STREAMS)


async def test_the_page_tells_every_row_that_matched_and_every_reason(audit: Served) -> None:
    client = await audit.client("auditor")
    referred, approved = (await client.get(f"/audit/loans/{ex.LOAN}")).json()["decisions"]
    assert (referred["outcome"], referred["rules"], referred["decided_by"]) == ("REFERRED", ["grade-c-refer"], [])
    assert approved == {
        "outcome": "APPROVED",
        "decided_on": "2026-02-01",
        "table": "standard v1",
        "rules": ["grade-b-approve", "grade-b-shorten"],
        "reasons": [ex.REASON, SHORTER],
        "decided_by": ["credit-officer"],
        "override": "",
        "term_override": "income-lasting",
    }
    before = (await client.get(f"/audit/loans/{ex.LOAN}", params={"known": "2020-01-01T00:00:00Z"})).json()
    assert before["decisions"] == []


async def test_a_page_as_of_a_date_holds_only_what_counts_then(audit: Served) -> None:
    client = await audit.client("auditor")
    page = (await client.get(f"/audit/loans/{ex.LOAN}", params={"effective": "2026-03-01"})).json()
    assert "repaid" not in page["loan"]
    page = (await client.get(f"/audit/loans/{ex.LOAN}", params={"effective": "2026-03-02"})).json()
    assert page["loan"]["repaid"] == ex.cny("1100.16")


async def test_a_page_as_known_before_anything_was_recorded_is_empty(audit: Served) -> None:
    client = await audit.client("auditor")
    page = (await client.get(f"/audit/loans/{ex.LOAN}", params={"known": "2020-01-01T00:00:00Z"})).json()
    assert page["events"] == []
    assert page["loan"] is None


async def test_the_live_row_is_what_a_replay_gives(audit: Served) -> None:
    client = await audit.client("auditor")
    row = (await client.get("/audit/loans")).json()["items"][0]
    page = (await client.get(f"/audit/loans/{ex.LOAN}")).json()
    for name, value in {**page["loan"], **page["application"]}.items():
        assert row[name] == value, name
    verified = await (await audit.client("operator")).post("/audit/operations/verifications", headers=key())
    assert [each["equal"] for each in verified.json()] == [True, True, True]


async def test_the_trail_of_a_subject_is_every_event_that_names_it(audit: Served) -> None:
    client = await audit.client("auditor")
    trail = (await client.get("/audit/trail", params={"kind": "loan", "subject": ex.LOAN})).json()["items"]
    assert {entry["service"] for entry in trail} == {"ledger", "collections"}
    trail = (await client.get("/audit/trail", params={"actor": "service:scoring"})).json()["items"]
    assert [entry["type"] for entry in trail] == [scoring.ApplicationScored.type_name]


async def test_an_event_is_shown_with_its_bytes_and_their_leaf_hash(audit: Served) -> None:
    client = await audit.client("auditor")
    entry = (await client.get("/audit/trail", params={"type": ledger.LoanDisbursed.type_name})).json()["items"][0]
    proof = (await client.get(f"/audit/events/{entry['event_id']}")).json()
    neighbour = await audit.neighbours["ledger"].store.load(f"loan-{ex.LOAN}")
    original = next(event for event in neighbour if str(event.event_id) == entry["event_id"])
    assert base64.b64decode(proof["data_base64"]) == original.data
    bytes_of = leaf_bytes(
        original.stream_id, original.version, original.event_id, original.type, original.data, original.metadata
    )
    assert proof["leaf_hash"] == leaf_hash(bytes_of).hex()


async def test_statistics_count_what_happened(audit: Served) -> None:
    figures = (await (await audit.client("auditor")).get("/audit/statistics")).json()
    assert figures["decisions"] == {"APPROVED": {"B": 1}}
    assert figures["loans"] == {"ACTIVE": 1}
    assert figures["sums"]["repaid"] == "1100.16"
    assert figures["events"]["ledger"] == 3


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/audit/loans/nobody", 404),
        ("/audit/events/nothing", 404),
        ("/audit/loans?limit=0", 422),
        ("/audit/loans?cursor=x", 400),
        (f"/audit/loans/{ex.LOAN}?effective=2026-02-30", 422),
        (f"/audit/loans/{ex.LOAN}?known=yesterday", 422),
        ("/audit/trail?kind=moon&subject=1", 422),
        ("/audit/trail?sort=actor", 422),
    ],
)
async def test_a_wrong_question_is_told_what_is_wrong(audit: Served, path: str, status: int) -> None:
    answer = await (await audit.client("auditor")).get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_list_is_filtered_by_what_became_of_a_loan(audit: Served) -> None:
    client = await audit.client("auditor")
    for name, value in {
        "grade": "B",
        "loan_state": "ACTIVE",
        "decision": "APPROVED",
        "applicant_id": ex.APPLICANT,
    }.items():
        assert len((await client.get("/audit/loans", params={name: value})).json()["items"]) == 1, name
    for name, value in {"grade": "A", "loan_state": "SETTLED", "decision": "DECLINED", "bucket": "M1"}.items():
        assert (await client.get("/audit/loans", params={name: value})).json()["items"] == [], name


async def test_the_trail_is_found_by_the_time_of_recording(audit: Served) -> None:
    client = await audit.client("auditor")
    # What auditors read is on the trail too; this is about what the services did.
    everything = [
        entry
        for entry in (await client.get("/audit/trail", params={"sort": "-sequence"})).json()["items"]
        if entry["service"] != "audit"
    ]
    assert len(everything) == len(STREAMS)
    times = sorted(entry["recorded_at"] for entry in everything)
    late = (await client.get("/audit/trail", params={"recorded_from": times[3], "recorded_to": times[-1]})).json()[
        "items"
    ]
    early = (await client.get("/audit/trail", params={"recorded_to": times[2]})).json()["items"]
    assert sorted(entry["recorded_at"] for entry in late) == times[3:]
    assert sorted(entry["recorded_at"] for entry in early) == times[:3]


async def test_a_subject_of_another_kind_is_not_found(audit: Served) -> None:
    client = await audit.client("auditor")
    assert (await client.get("/audit/trail", params={"kind": "case", "subject": ex.LOAN})).json()["items"] == []


async def test_only_those_who_may_read_everything_are_admitted(audit: Served) -> None:
    assert (await (await audit.client("collector")).get("/audit/loans")).status_code == 403
    assert (await (await audit.client(None)).get("/audit/loans")).status_code == 401
