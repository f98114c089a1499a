"""Whatever is sent about groups and limits, the answer names what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from libs.service.testing import Served
from services.approval.tests.test_api import code, post
from services.approval.tests.test_exposures import members

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/members"),
        (members("a"), "#/members"),
        (members("a", "a"), "#/members/1/applicant_id"),
        ({"members": [{"applicant_id": "a", "kind": "FRIENDS", "basis": "x"}] * 2}, "#/members/0/kind"),
        ({"members": [{"applicant_id": "a b", "kind": "FAMILY", "basis": "x"}] * 2}, "#/members/0/applicant_id"),
        ({"members": [{"applicant_id": "a", "kind": "FAMILY", "basis": ""}] * 2}, "#/members/0/basis"),
    ],
)
async def test_a_wrong_group_is_refused_by_its_member(one_referred: Served, body: Any, pointer: str) -> None:
    answer = await post(await one_referred.client("risk_manager"), "/approval/groups", body)
    assert answer.status_code in (409, 422), answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_groups_are_for_officers(one_referred: Served) -> None:
    for role in ("customer", "auditor", "loan_officer"):
        answer = await post(await one_referred.client(role), "/approval/groups", members("a", "b"))
        assert answer.status_code == 403
    manager = await one_referred.client("risk_manager")
    assert (await manager.get("/approval/groups/none")).status_code == 404
    unknown = await post(manager, "/approval/groups/none/members", members("a"))
    assert (unknown.status_code, code(unknown)) == (404, "group-not-found")
    assert (await post(manager, "/approval/groups/none/members/a/removal", {"reason": "x"})).status_code == 404
    assert (await manager.post("/approval/groups", json=members("a", "b"))).status_code == 400, "a key is needed"
    bad = await manager.get("/approval/exposures?dimension=mood")
    assert (bad.status_code, bad.json()["errors"][0]["parameter"]) == (422, "dimension")
