"""The service with two partners, loans that are shared, and what the ledger says of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from libs.contracts import examples as ex
from libs.contracts import ledger
from libs.contracts.approval import ApplicationApproved
from libs.contracts.partners import FUNDING_TERMS
from libs.service.testing import Served, key, served
from services.partners.app import service
from services.partners.library import needed_contacts

APPROVED = ApplicationApproved.model_validate(ApplicationApproved.example)
ANYTHING: dict[str, Any] = FUNDING_TERMS | {
    "rules": [{"share_ppm": 700_000}],
    "caps": {"open_max": None, "month_max": None, "borrower_max": None},
}
HARBOUR = {
    "partner": "harbour-bank",
    "legal_name": {"zh": "港湾", "en": "Harbour"},
    "licence": "B1",
    "subject": "partner",
}
HILL = {"partner": "hill-bank", "legal_name": {"zh": "山", "en": "Hill"}, "licence": "B2", "subject": "somebody-else"}

CONTACT = {
    "role": "SETTLEMENT",
    "name": "李四",
    "telephone": "+86 571 8800 0000",
    "email": "settlement@harbour-bank.example",
    "valid_from": "2026-01-01",
}


@asynccontextmanager
async def world(database: str, directory: Path) -> AsyncIterator[tuple[Served, httpx.AsyncClient]]:
    """The platform, and a finance manager's client; `harbour-bank` is who the role `partner` speaks for."""
    async with served(service, database, directory) as platform:
        manager = await platform.client("finance_manager")
        for partner in (HARBOUR, HILL):
            made = await manager.post("/partners/partners", json=partner, headers=key())
            assert made.status_code == 201, made.text
        await platform.settle()
        yield platform, manager


async def shared_with(platform: Served, partner: str) -> str:
    """A loan of which this partner has 70 %."""
    loan_id = str(uuid4())
    shares = [{"funder": partner, "share_ppm": 700000}, {"funder": "own", "share_ppm": 300000}]
    officer, manager = await platform.client("finance_officer"), await platform.client("finance_manager")
    path = f"/partners/loans/{loan_id}/shares"
    body = {"shares": shares, "effective_from": "2026-02-02"}
    for done in (
        await officer.post(path, json=body, headers=key()),
        await manager.post(f"{path}/approve", headers=key()),
    ):
        assert done.is_success, done.text
    return loan_id


async def says(platform: Served, event: type[Any], loan_id: str, **changes: Any) -> None:
    """The ledger says so of a loan."""
    told = event.model_validate(event.example | {"loan_id": loan_id} | changes)
    await platform.publish(f"loan-{loan_id}", told)


async def paid_out(platform: Served, loan_id: str) -> None:
    await says(platform, ledger.LoanDisbursed, loan_id, payment_id=f"p-{loan_id}")


async def repaid(platform: Served, loan_id: str, number: int, on: str = "2026-03-02") -> None:
    reference = f"R-{loan_id}-{number}"
    changes = {"repayment_id": f"r-{number}", "bank_reference": reference, "value_date": on, "received_on": on}
    await says(platform, ledger.RepaymentReceived, loan_id, **changes)


async def everything(client: httpx.AsyncClient, path: str, **asked: str) -> list[dict[str, Any]]:
    """Every item of a list, page by page."""
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        answer = await client.get(path, params={"limit": "2", **asked, **({"cursor": cursor} if cursor else {})})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        items += page["items"]
        cursor = page["next_cursor"]
        if not cursor:
            return items


async def said(client: httpx.AsyncClient, path: str, body: Any = None, status: int = 200) -> Any:
    answer = await client.post(f"/partners{path}", json=body, headers=key())
    assert answer.status_code == status, answer.text
    return answer.json()


async def contacts_of(platform: Served, partner: str) -> None:
    """Somebody for each role that an agreement needs."""
    officer = await platform.client("finance_officer")
    for role in needed_contacts(platform.runtime.today):
        await said(officer, f"/partners/{partner}/contacts", CONTACT | {"role": role}, 201)


async def agreement_with(platform: Served, partner: str, **terms: Any) -> None:
    """An agreement with a registered partner, in force from today."""
    manager, officer = await platform.client("finance_manager"), await platform.client("finance_officer")
    today = platform.runtime.today.isoformat()
    await contacts_of(platform, partner)
    proposed = {"agreement": f"{partner}-1", "partner": partner, "effective_from": today, "terms": ANYTHING | terms}
    await said(officer, "/agreements", proposed, 201)
    refused = await officer.post(f"/partners/agreements/{partner}-1/approve", json={"version": 1}, headers=key())
    assert refused.status_code == 403
    await said(manager, f"/agreements/{partner}-1/approve", {"version": 1})
    await platform.settle()


async def approved(
    platform: Served, *, shareable: bool = True, applicant: str = ex.APPLICANT, application_id: str = ""
) -> str:
    """An approval; the application's id."""
    application_id = application_id or str(uuid4())
    request = APPROVED.request.model_copy(update={"shareable": shareable, "applicant_id": applicant})
    event = APPROVED.model_copy(
        update={"application_id": application_id, "request": request, "approved_on": platform.runtime.today}
    )
    await platform.publish(f"decision-{application_id}", event)
    await platform.settle()
    return application_id


def opened(on: date) -> ledger.BusinessDayOpened:
    return ledger.BusinessDayOpened(business_date=on)


async def day(platform: Served, on: date) -> None:
    await platform.publish("businessday-cn", opened(on))
    await platform.settle()


async def received(platform: Served, partner: str, amount: str, reference: str = "B1") -> Any:
    """Money that a partner keeps with us came in."""
    body = {"amount": ex.cny(amount), "bank_reference": reference, "value_date": platform.runtime.today.isoformat()}
    return await said(await platform.client("finance_officer"), f"/partners/{partner}/funds", body, 201)
