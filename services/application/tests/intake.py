"""What a front end does, in steps, for tests of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from libs.service.testing import key
from services.application.tests.numbers import person_number

PERSON: dict[str, Any] = {
    "kind": "PERSON",
    "name": "王小明",
    "identity_number": person_number(),
    "mobile": "13912345678",
}
ASKED_FOR: dict[str, Any] = {
    "product": "consumer-standard",
    "amount": {"amount": "12000.00", "currency": "CNY"},
    "instalments": 12,
    "method": "EQUAL_INSTALMENT",
    "purpose": "furniture-equipment",
    "monthly_income": {"amount": "9000.00", "currency": "CNY"},
    "monthly_debt_service": {"amount": "500.00", "currency": "CNY"},
    "answers": {"savings-balance": "below-1000", "loans-with-lender": 1, "housing-tenure": None},
}
DOCUMENTS = ("identity-card", "income-proof", "credit-report")
CONSENTS = ("CREDIT_REPORT", "DATA_PROCESSING", "AUTOMATED_DECISION")


def document(document_type: str, **other: Any) -> dict[str, Any]:
    return {
        "document_type": document_type,
        "sha256": f"{sum(document_type.encode()):064x}",
        "media_type": "application/pdf",
        "size_bytes": 2048,
        "issued_on": "2026-01-02",
        **other,
    }


async def registered(client: httpx.AsyncClient, **other: Any) -> str:
    answer = await client.post("/application/applicants", json={**PERSON, **other}, headers=key())
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["applicant_id"])


async def started(client: httpx.AsyncClient, applicant_id: str, **other: Any) -> str:
    body = {"applicant_id": applicant_id, "channel": "ONLINE", "source": "spring-campaign", **ASKED_FOR, **other}
    answer = await client.post("/application/applications", json=body, headers=key())
    assert answer.status_code == 201, answer.text
    return str(answer.json()["application_id"])


async def completed(client: httpx.AsyncClient, application_id: str) -> None:
    """Hand in everything that the checklist of the consumer product asks for."""
    path = f"/application/applications/{application_id}"
    for each in DOCUMENTS:
        answer = await client.post(f"{path}/documents", json=document(each), headers=key())
        assert answer.status_code == 201, answer.text
    for purpose in CONSENTS:
        body = {"purpose": purpose, "text_version": "2026-01"}
        answer = await client.post(f"{path}/consents", json=body, headers=key())
        assert answer.status_code == 201, answer.text


async def submitted(client: httpx.AsyncClient, application_id: str) -> Mapping[str, Any]:
    answer = await client.post(f"/application/applications/{application_id}/submit", headers=key())
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body
