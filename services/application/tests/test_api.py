"""The way through intake over HTTP, with the events that it leaves."""

from __future__ import annotations

import httpx

from libs.contracts.application import (
    ApplicationStarted,
    ApplicationSubmitted,
    ConsentGiven,
    ConsentPurpose,
    DocumentAttached,
)
from libs.contracts.values import Channel
from libs.lending.money import Money
from libs.service.testing import Served
from services.application.tests.intake import CONSENTS, DOCUMENTS, completed, registered, started, submitted


async def test_an_application_is_started_completed_and_submitted(running: Served, customer: httpx.AsyncClient) -> None:
    applicant_id = await registered(customer)
    application_id = await started(customer, applicant_id)
    await completed(customer, application_id)
    shown = await submitted(customer, application_id)
    assert shown["status"] == "SUBMITTED"
    assert shown["submitted_on"] == "2026-01-05"

    events = await running.events(f"application-{application_id}")
    assert [type(event) for event in events] == [
        ApplicationStarted,
        *[DocumentAttached] * len(DOCUMENTS),
        *[ConsentGiven] * len(CONSENTS),
        ApplicationSubmitted,
    ]
    event = events[-1]
    assert event.request.amount == Money.of("12000.00")
    assert event.request.product.annual_rate.as_tuple().digits == (1, 8)
    assert event.request.applicant_id == applicant_id
    assert event.request.region == "330106"
    assert event.request.channel is Channel.ONLINE
    assert event.request.source == "spring-campaign"
    assert event.request.answers == {"savings-balance": "below-1000", "loans-with-lender": 1, "housing-tenure": None}
    assert event.consents == tuple(ConsentPurpose)[:3]
    assert event.documents == DOCUMENTS
    await running.settle()
    assert await running.parked() == []
