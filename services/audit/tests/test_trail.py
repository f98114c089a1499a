"""The trail: searched by whatever there is, exported as it is found, replayed step by step, printed."""

from __future__ import annotations

import csv
import io
import json
from itertools import pairwise

import pyarrow.parquet as pq
import pytest
from pypdf import PdfReader

from libs.contracts import approval, ledger
from libs.contracts import examples as ex
from libs.evidence.bundle import contract_of, loan_of
from libs.service.testing import Served
from services.audit.domain.sources import sources
from services.audit.tests.life import application_id, told

pytestmark = pytest.mark.asyncio(loop_scope="module")

OWN = application_id(1)
LOAN = loan_of(contract_of(OWN))


async def found(town: Served, **query: str) -> list[dict]:
    answer = await (await town.client("auditor")).get("/audit/trail", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_all_of_a_loan_is_found_by_any_of_its_identifiers(town: Served) -> None:
    ids = [{entry["event_id"] for entry in await found(town, loan=each)} for each in (OWN, contract_of(OWN), LOAN)]
    assert ids[0] == ids[1] == ids[2]
    assert len(ids[0]) == len(list(told(1)))


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"actor": "service:scoring"}, 3),
        ({"role": "service", "service": "contract"}, 6),
        ({"actor": "nobody"}, 0),
        ({"kind": "applicant", "subject": "applicant-2", "service": "collections"}, 3),
        ({"type": ledger.LoanDisbursed.type_name}, 3),
        ({"loan": OWN, "service": "ledger"}, 5),
        ({"rule": "standard"}, 0),
        ({"rule": "standard", "rule_version": "1"}, 0),
        ({"authority": "board"}, 0),
        ({"recorded_to": "2020-01-01T00:00:00Z"}, 0),
        ({"known": "2020-01-01T00:00:00Z", "loan": OWN}, 0),
        ({"effective": "2020-01-01", "loan": OWN}, 0),
        ({"effective_from": "2020-01-01", "loan": OWN}, 0),
    ],
)
async def test_conditions_are_joined(town: Served, query: dict[str, str], count: int) -> None:
    assert len(await found(town, **query)) == count


async def test_what_an_event_led_to_is_found_by_its_cause(town: Served) -> None:
    assert await found(town, causation_id=(await found(town, loan=OWN))[0]["event_id"]) == []


async def test_pages_follow_one_another_without_a_gap(town: Served) -> None:
    client, cursor, seen = await town.client("auditor"), None, []
    while True:
        page = (
            await client.get("/audit/trail", params={"limit": 7, "loan": OWN, **({"cursor": cursor} if cursor else {})})
        ).json()
        seen += [entry["sequence"] for entry in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == sorted(set(seen))
    assert len(seen) == len(list(told(1)))


async def test_an_entry_names_the_data_that_it_rests_on(town: Served) -> None:
    (entry,) = await found(town, loan=OWN, type=approval.ApplicationApproved.type_name)
    assert entry["sources"] == [
        {"member": "basis.table_sha256", "sha256": ex.SHA256, "table_id": "standard", "table_version": "1"}
    ]


async def test_a_document_is_named_with_its_source() -> None:
    document = {"document_type": "identity-card", "sha256": "ab", "source": "applicant", "note": "x", "media_type": ""}
    assert sources({"documents": [document], "sha256": ""}) == [
        {"member": "documents.0.sha256", "sha256": "ab", "source": "applicant", "document_type": "identity-card"}
    ]


async def test_exports_hold_what_the_list_holds(town: Served) -> None:
    client, listed = await town.client("auditor"), await found(town, loan=OWN)
    path = f"/audit/trail/export?loan={OWN}&format="
    lines = [json.loads(line) for line in (await client.get(path + "ndjson")).text.splitlines()]
    assert [line["event_id"] for line in lines] == [entry["event_id"] for entry in listed]
    assert lines[0]["rules"] == listed[0]["rules"]
    rows = list(csv.DictReader(io.StringIO((await client.get(path + "csv")).text)))
    assert [int(row["sequence"]) for row in rows] == [entry["sequence"] for entry in listed]
    answer = await client.get(path + "parquet")
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    table = pq.read_table(io.BytesIO(answer.content)).to_pylist()
    assert [(row["actor"], row["version"]) for row in table] == [(entry["actor"], entry["version"]) for entry in listed]


async def test_a_replay_shows_what_every_event_changed(town: Served) -> None:
    client = await town.client("auditor")
    first = (await client.get(f"/audit/loans/{LOAN}/replay", params={"limit": 10})).json()
    rest = (await client.get(f"/audit/loans/{LOAN}/replay", params={"cursor": first["next_cursor"]})).json()
    steps = first["items"] + rest["items"]
    assert [step["number"] for step in steps] == list(range(1, len(list(told(1))) + 1))
    assert rest["next_cursor"] is None
    for before, after in pairwise(steps):
        assert after["before"] == before["after"]
    disbursed = next(step for step in steps if step["event"]["type"] == ledger.LoanDisbursed.type_name)
    assert {"path": "loan.loan_state", "before": "BOOKED", "after": "ACTIVE"} in disbursed["difference"]
    page = (await client.get(f"/audit/loans/{LOAN}")).json()
    assert steps[-1]["after"]["loan"]["loan_state"] == page["loan"]["loan_state"]
    early = (await client.get(f"/audit/loans/{LOAN}/replay", params={"known": "2020-01-01T00:00:00Z"})).json()
    assert early["items"] == []


async def test_a_replay_as_of_a_date_leaves_out_what_counts_later(town: Served) -> None:
    client = await town.client("auditor")
    path = f"/audit/loans/{LOAN}/replay"
    whole = (await client.get(path, params={"limit": 200})).json()["items"]
    until = (await client.get(path, params={"limit": 200, "effective": "2026-03-01"})).json()["items"]
    left_out = {step["event"]["type"] for step in whole} - {step["event"]["type"] for step in until}
    assert left_out == {ledger.RepaymentReceived.type_name}


async def test_the_report_of_a_loan_can_be_read(town: Served) -> None:
    client = await town.client("auditor")
    answer = await client.get(f"/audit/loans/{LOAN}/report")
    assert answer.headers["content-type"] == "application/pdf"
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages)
    for part in (LOAN, "loan state", "ACTIVE", "ledger.loan-disbursed.v1", "service:ledger", ex.SHA256[:20], "root",
        "rows that matched", ", ".join(approval.ApplicationApproved.example["basis"]["rules"]), f"({ex.REASON['code']})",
    ):  # fmt: skip
        assert part in text, part
    empty = await client.get(f"/audit/loans/{LOAN}/report", params={"known": "2020-01-01T00:00:00Z"})
    assert "Nothing was known" in PdfReader(io.BytesIO(empty.content)).pages[0].extract_text()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/audit/trail?loan=nobody", 404),
        ("/audit/loans/nobody/replay", 404),
        ("/audit/loans/nobody/report", 404),
        (f"/audit/loans/{LOAN}/replay?cursor=x", 400),
        ("/audit/trail?sort=actor", 422),
        ("/audit/trail?moon=1", 422),
        ("/audit/trail/export?format=xls", 422),
        ("/audit/trail?effective=2026-02-30", 422),
    ],
)
async def test_a_wrong_question_is_told_what_is_wrong(town: Served, path: str, status: int) -> None:
    answer = await (await town.client("auditor")).get(path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
