"""Applications that come near to a limit, and what is kept of them beside what their events say."""

from __future__ import annotations

from libs.contracts import examples as ex
from libs.contracts.scoring import ApplicationScored
from libs.service.testing import Served
from services.approval.exposure import count
from services.approval.library import library
from services.approval.tests.requests import application_id, request


async def counted_as_kept(approval: Served) -> None:
    """What is owed and reserved is what the service's own events say, line by line."""
    async with approval.runtime.store.pool.acquire() as connection:
        counted = await count(approval.runtime, connection, library().exposure)
        kept = await connection.fetch("select application_id, amount_minor, held, lines from exposure")
        lines = await connection.fetch("select line, used_minor from exposure_line where used_minor <> 0")
        members = await connection.fetch("select applicant_id, group_id from group_member")
        declined = await connection.fetch("select application_id, applicant_id, declined_on, reasons from declined")
    said = {record[0]: (record[3], record[4], sorted(record[5])) for record in counted.rows}
    assert {row[0]: (row[1], row[2], sorted(row[3])) for row in kept} == said
    assert dict(lines) == {line: used for line, used in counted.sums.items() if used}
    assert dict(members) == counted.groups
    assert sorted(map(tuple, declined)) == sorted(counted.declined)


def applies(number: int, amount: str, grade: str = "C", applicant: str | None = None) -> ApplicationScored:
    """An application at a branch by somebody who can carry it: A is approved, C referred to two persons when large."""
    asked = request(
        amount,
        applicant_id=applicant or f"applicant-{number}",
        channel="BRANCH",
        monthly_income=ex.cny("9000000.00"),
    )
    changes = {"application_id": application_id(number), "grade": grade, "request": asked.model_dump(mode="json")}
    return ApplicationScored.model_validate(ApplicationScored.example | changes)


async def happens(approval: Served, *applications: ApplicationScored) -> None:
    for application in applications:
        await approval.publish(f"assessment-{application.application_id}", application)
    await approval.settle()


async def used(approval: Served, line: str) -> str:
    """What is owed and reserved on a line, in yuan."""
    client = await approval.client("auditor")
    items = (await client.get("/approval/exposures?limit=200")).json()["items"]
    return next((str(item["used"]["amount"]) for item in items if item["line"] == line), "0.00")
