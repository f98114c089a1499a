"""Contacts within the law, and the complaints that stop them. Both stand in the debtor's record, over all his cases:
the ETag of these operations is that record's."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from libs.contracts.collections import ContactLogged
from libs.service.models import Id
from services.collections.api import models
from services.collections.api.access import CaseId, Collecting, Complaining, Managing, Reader, Running, Worker
from services.collections.domain.conduct import LogContact, ReceiveComplaint, ResolveComplaint, State, check_intent
from services.collections.domain.contact_rules import breaches, next_permitted
from services.collections.handlers import CONDUCT, case_facts
from services.collections.library import library

router = APIRouter(tags=["contacts"])

ComplaintId = Annotated[Id, Path(description="The complaint's identifier.")]


@router.post("/cases/{case_id}/contacts/permission", summary="Ask whether a contact is permitted")
async def ask_permission(
    _actor: Worker, runtime: Running, case_id: CaseId, body: models.PlannedContact
) -> models.Permission:
    """May the debtor be contacted so, at this time of his? Records nothing. Every rule that says no is named."""
    policy = library().policy(runtime.today)
    facts = await case_facts(runtime, case_id)
    intent = body.intent()
    check_intent(intent, facts, policy, runtime.today)
    record, _ = await runtime.commands.state(CONDUCT, CONDUCT.stream_id(facts.applicant_id))
    found = breaches(intent, facts.stage, record.history, policy)
    return models.Permission(
        permitted=not found,
        broken=[models.BrokenRule.of(breach) for breach in found],
        next_permitted=next_permitted(found),
        policy=policy.label,
    )


@router.post("/cases/{case_id}/contacts", summary="Log a contact", status_code=201, response_model=models.Contact)
async def log_contact(call: Collecting, case_id: CaseId, body: models.ContactEntry) -> Response:
    """Record a contact, or an attempt at one. One that breaks a rule is refused with the rule, its source and, where
    waiting helps, `next_permitted`."""
    facts = await case_facts(call.runtime, case_id)
    policy = library().policy(call.today)
    contact_id = call.new_id("contact")
    log = LogContact(
        contact_id=contact_id,
        case=facts,
        intent=body.intent(),
        result=body.result,
        note=body.note,
        collector=call.actor.subject,
        automated=body.automated,
        debt_disclosed=body.debt_disclosed,
        recording=body.recording,
        policy=policy,
        today=call.today,
    )
    logged = models.Contact(
        case_id=case_id,
        contact_id=contact_id,
        collector=call.actor.subject,
        at_local=body.at_local.isoformat(timespec="seconds"),
        **body.model_dump(include=models.Contact.model_fields.keys() - {"at_local"}),
    )
    return await call.execute(
        CONDUCT,
        CONDUCT.stream_id(facts.applicant_id),
        log,
        lambda _state: logged,
        status=201,
        location=f"/collections/cases/{case_id}/contacts",
        effective_date=body.at_local.date(),
        rules={"collection-policy": policy.label},
        subject=facts.applicant_id,
    )


@router.get("/cases/{case_id}/contacts", summary="A case's contacts")
async def list_contacts(_actor: Reader, runtime: Running, case_id: CaseId) -> list[models.Contact]:
    """The contacts of a case, in the order in which they were logged."""
    facts = await case_facts(runtime, case_id)
    stored = await runtime.store.load(CONDUCT.stream_id(facts.applicant_id))
    events = await runtime.codec.read(stored)
    return [
        models.Contact.of(event) for event in events if isinstance(event, ContactLogged) and event.case_id == case_id
    ]


@router.post(
    "/cases/{case_id}/complaints", summary="Receive a complaint", status_code=201, response_model=models.Complaint
)
async def receive_complaint(call: Complaining, case_id: CaseId, body: models.ComplaintEntry) -> Response:
    """The debtor complains: from now on nobody contacts him to collect, until the complaint is resolved."""
    facts = await case_facts(call.runtime, case_id, call.actor.on_behalf_of)
    complaint_id = call.new_id("complaint")
    receive = ReceiveComplaint(complaint_id=complaint_id, case=facts, subject=body.subject, today=call.today)

    def shown(record: State) -> models.Complaint:
        return models.Complaint.of(record.complaints[complaint_id])

    location = f"/collections/cases/{case_id}/complaints"
    stream_id = CONDUCT.stream_id(facts.applicant_id)
    return await call.execute(
        CONDUCT, stream_id, receive, shown, status=201, location=location, subject=facts.applicant_id
    )


@router.get("/cases/{case_id}/complaints", summary="A case's complaints")
async def list_complaints(_actor: Reader, runtime: Running, case_id: CaseId) -> list[models.Complaint]:
    """The complaints of a case, the open ones among them."""
    facts = await case_facts(runtime, case_id)
    record, _ = await runtime.commands.state(CONDUCT, CONDUCT.stream_id(facts.applicant_id))
    return [models.Complaint.of(found) for found in record.complaints.values() if found.case_id == case_id]


@router.post(
    "/cases/{case_id}/complaints/{complaint_id}/resolve",
    summary="Resolve a complaint",
    response_model=models.Complaint,
)
async def resolve_complaint(
    call: Managing, case_id: CaseId, complaint_id: ComplaintId, body: models.Resolution
) -> Response:
    """Answer a complaint; collection may go on when no other one is open."""
    facts = await case_facts(call.runtime, case_id)
    resolve = ResolveComplaint(complaint_id=complaint_id, case=facts, outcome=body.outcome, today=call.today)

    def shown(record: State) -> models.Complaint:
        return models.Complaint.of(record.complaints[complaint_id])

    return await call.execute(
        CONDUCT, CONDUCT.stream_id(facts.applicant_id), resolve, shown, subject=facts.applicant_id
    )
