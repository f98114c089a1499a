"""A new version of the table decides nothing before somebody else has signed off what it would have changed."""

from __future__ import annotations

import copy
import json
from datetime import date
from typing import Any

import pytest

from libs.contracts import examples as ex
from libs.contracts.ledger import BusinessDayOpened
from libs.service.testing import Served, key
from services.approval.library import HERE
from services.approval.tests.requests import application_id, scored

DOCUMENT: dict[str, Any] = json.loads((HERE / "tables" / "standard-v1.json").read_text("utf-8"))
PERIOD = {"decided_from": "2020-01-01", "decided_to": "2030-01-01"}
EFFECTIVE = "2026-04-01"


def stricter(version: int = 2, **changes: Any) -> dict[str, Any]:
    """The table with every approval turned into a referral."""
    document = copy.deepcopy(DOCUMENT) | {"version": version, "effective_from": EFFECTIVE}
    table = next(node for node in document["decision"]["nodes"] if node["type"] == "decisionTableNode")
    for row in table["content"]["rules"]:
        if row["out_outcome"] == "'APPROVE'":
            row["out_outcome"] = "'REFER'"
    return document | changes


async def past(approval: Served, count: int = 3) -> None:
    for n in range(1, count + 1):
        await approval.publish(f"assessment-{application_id(n)}", scored(n, "A" if n % 3 else "E"))
    await approval.settle()


async def compared(approval: Served) -> tuple[Any, dict[str, Any]]:
    manager = await approval.client("risk_manager")
    proposed = await manager.post("/approval/tables", json={"document": stricter()}, headers=key())
    assert proposed.status_code == 201, proposed.text
    entry = {"table_id": "standard", "version": 2, **PERIOD}
    made = await manager.post("/approval/comparisons", json=entry, headers=key())
    assert made.status_code == 201, made.text
    return manager, made.json()


async def test_past_decisions_are_made_again_and_nothing_is_changed_by_it(approval: Served) -> None:
    await past(approval)
    before = await approval.runtime.store.last_sequence()
    manager, comparison = await compared(approval)
    assert comparison["considered"] == 3
    assert sum(row["count"] for row in comparison["outcomes"]) == 3
    assert comparison["changed"] == sum(row["count"] for row in comparison["outcomes"] if row["was"] != row["would_be"])
    cases = (await manager.get(f"/approval/comparisons/{comparison['comparison_id']}/cases")).json()["items"]
    assert len(cases) == comparison["changed"] > 0
    assert {(case["was"], case["would_be"]) for case in cases} == {("APPROVE", "REFER")}
    assert all(case["reasons"] for case in cases)
    await approval.settle()
    streams = {event.stream_id for event in await approval.runtime.store.read(before, 100)}
    assert streams == {"table-standard"}, "only what was compared is put on record"


async def test_a_comparison_made_again_later_is_the_same_to_the_last_case(approval: Served) -> None:
    await past(approval)
    manager, comparison = await compared(approval)
    await approval.publish(f"assessment-{application_id(9)}", scored(9))
    await approval.settle()
    again = (await manager.get(f"/approval/comparisons/{comparison['comparison_id']}/verification")).json()
    assert again["equal"] is True
    newer = await manager.post(
        "/approval/comparisons", json={"table_id": "standard", "version": 2, **PERIOD}, headers=key()
    )
    assert newer.json()["considered"] == comparison["considered"] + 1


async def test_a_version_decides_only_after_its_comparison_was_signed_off_by_somebody_else(approval: Served) -> None:
    await past(approval)
    manager, comparison = await compared(approval)
    sign = f"/approval/comparisons/{comparison['comparison_id']}/sign-off"
    release = {"comparison_id": comparison["comparison_id"]}

    async def refused(path: str, body: dict[str, Any]) -> str:
        answer = await manager.post(path, json=body, headers=key())
        assert 400 <= answer.status_code < 500, answer.text
        return str(answer.json()["type"]).rpartition(":")[2]

    assert await refused("/approval/tables/standard/2/release", release) == "sign-off-needed"
    assert await refused("/approval/tables/standard/2/release", {"comparison_id": "other"}) == "comparison-needed"
    assert await refused(sign, {"note": "Looks good to me"}) == "second-person-needed"
    await approval.publish("businessday-cn", BusinessDayOpened(business_date=date(2026, 4, 2)))
    await approval.settle()
    tables = (await manager.get("/approval/tables")).json()
    assert [(table["version"], table["released"], table["in_force"]) for table in tables] == [
        (1, True, True),
        (2, False, False),
    ], "its date has come, but nobody released it"


async def test_once_released_it_decides_from_its_date_on(approval: Served) -> None:
    await past(approval)
    manager, comparison = await compared(approval)
    senior = await approval.client("senior_credit_officer")
    sign = f"/approval/comparisons/{comparison['comparison_id']}/sign-off"
    signed = await senior.post(sign, json={"note": "As the committee wants it"}, headers=key())
    assert (signed.status_code, signed.json()["signed_by"]) == (200, "senior-credit-officer")
    body = {"comparison_id": comparison["comparison_id"]}
    released = await manager.post("/approval/tables/standard/2/release", json=body, headers=key())
    assert released.status_code == 200, released.text
    late = scored(7).model_copy(update={"scored_on": date(2026, 4, 1)})
    early = scored(8).model_copy(update={"scored_on": date(2026, 3, 31)})
    await approval.publish(f"assessment-{application_id(7)}", late)
    await approval.publish(f"assessment-{application_id(8)}", early)
    await approval.settle()
    by_table = [(await approval.events(f"decision-{application_id(n)}"))[0].basis.table_version for n in (7, 8)]
    assert by_table == [2, 1]


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({}, "table-fault"),
        ({"format": "puhui.decision-table/1"}, "table-fault"),
        (stricter(decision={"nodes": [{"type": "decisionTableNode"}]}), "table-fault"),
        (stricter(decision=7), "table-fault"),
        (stricter(reasons=[]), "table-fault"),
        (stricter(effective_from="soon"), "table-fault"),
        (stricter(table_id="other"), "table-fault"),
        (stricter(version="2"), "table-fault"),
        (stricter(version=1), "version-taken"),
        (stricter(effective_from="2020-01-01"), "effective-date-past"),
    ],
)
async def test_a_table_that_must_not_decide_is_refused_with_what_is_wrong(
    approval: Served, document: dict[str, Any], code: str
) -> None:
    manager = await approval.client("risk_manager")
    answer = await manager.post("/approval/tables", json={"document": document}, headers=key())
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert code in (problem["type"].rpartition(":")[2], *(error["code"] for error in problem.get("errors", ())))


async def test_who_may_not_and_what_is_not_there(approval: Served) -> None:
    officer, manager = await approval.client("credit_officer"), await approval.client("risk_manager")
    assert (await officer.post("/approval/tables", json={"document": {}}, headers=key())).status_code == 403
    entry = {"table_id": "standard", "version": 77, **PERIOD}
    assert (await manager.post("/approval/comparisons", json=entry, headers=key())).status_code == 404
    reversed_period = {"table_id": "standard", "version": 1, "decided_from": "2027-01-01", "decided_to": "2026-01-01"}
    answer = await manager.post("/approval/comparisons", json=reversed_period, headers=key())
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/decided_to")
    assert (await manager.get(f"/approval/comparisons/{ex.LOAN}/cases")).status_code == 404
