"""Who may ask, and whether a front-end developer is told what."""

from __future__ import annotations

import pytest

from libs.service.openapi import undescribed
from libs.service.testing import Served
from services.scoring.api.access import READERS

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATHS = [
    "/assessments",
    "/distribution",
    "/cards",
    "/cards/effective",
    "/indicators",
    "/refreshes",
    "/prohibited-attributes",
]


@pytest.mark.parametrize("role", READERS)
async def test_staff_may_read(empty_scoring: Served, role: str) -> None:
    client = await empty_scoring.client(role)
    assert [(await client.get(f"/scoring{path}")).status_code for path in PATHS] == [200] * len(PATHS)


@pytest.mark.parametrize(("role", "status"), [("customer", 403), ("partner", 403), ("collector", 403), (None, 401)])
async def test_scores_are_not_for_everyone(empty_scoring: Served, role: str | None, status: int) -> None:
    client = await empty_scoring.client(role)
    one = ["/assessments/application-1", "/cards/german-credit-v1/document"]
    assert {(await client.get(f"/scoring{path}")).status_code for path in PATHS + one} == {status}


async def test_every_operation_is_described(empty_scoring: Served) -> None:
    lacking = undescribed(empty_scoring.app.openapi())
    assert [each for each in lacking if "/operations/" not in each] == []
