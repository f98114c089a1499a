"""Applications: from the first draft until they are submitted or end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from libs.contracts.application import ApplicantRegistered, Product
from libs.contracts.values import Business, Channel, GuaranteeOffer, LoanRequest
from libs.lending.money import Money
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.etag import etag, not_modified
from libs.service.models import Code, Id
from libs.service.pagination import CursorParameter, Limit, Page, page_of, paginate, parse_sort
from libs.service.runtime import Runtime, runtime_of
from libs.service.waiting import awaited
from services.application.api.application_answers import (
    ApplicationListed,
    ApplicationShown,
    ChecklistShown,
    ConsentShown,
    DocumentShown,
    ItemShown,
    ObstacleShown,
)
from services.application.api.application_requests import (
    AskedForBody,
    ConsentBody,
    DocumentBody,
    StartBody,
    WithdrawBody,
)
from services.application.domain.application import State, Status, items, obstacles
from services.application.domain.application_commands import (
    AmendApplication,
    AttachDocument,
    Command,
    GiveConsent,
    StartApplication,
    SubmitApplication,
    WithdrawApplication,
)
from services.application.domain.product import terms_of
from services.application.handlers import (
    APPLICATION,
    applicant_of,
    application_of,
    facts_of,
    product_asked_for,
    product_state,
    refuse_strangers,
    rules,
)
from services.application.library import policy
from services.application.views import APPLICATION as LISTED

router = APIRouter(tags=["applications"])
ApplicationId = Annotated[Id, Path(description="The application.")]
Running = Annotated[Runtime, Depends(runtime_of)]
READERS: Final = ("customer", "loan_officer", "credit_officer", "senior_credit_officer", "auditor")
Reader = Annotated[Actor, Depends(require(*READERS))]
Intake = Annotated[Call, command("customer", "loan_officer")]
SORTABLE: Final = {name: LISTED.c[name] for name in ("started_on", "amount_minor", "status", "application_id")}


@router.post("/applications", summary="Start an application", status_code=201)
async def start_application(body: StartBody, call: Intake) -> ApplicationShown:
    """Begins a draft, by any channel under the same rules; channel and source are recorded and stay."""
    refuse_strangers(call.actor, body.applicant_id)
    applicant, _ = await applicant_of(call.runtime, body.applicant_id, field="/applicant_id")
    product = await product_asked_for(call.runtime, body.product)
    application_id = call.new_id("application")
    start = StartApplication(
        application_id=application_id,
        request=_request(body, applicant, product, channel=body.channel, source=body.source),
        product=product,
        today=call.today,
        documents=tuple(
            _attach(call, each, product, f"document-{number}") for number, each in enumerate(body.documents)
        ),
        consents=tuple(_consent(call, each) for each in body.consents),
    )
    location = f"/application/applications/{application_id}"
    return await _execute(call, application_id, start, status=201, location=location)


@router.get("/applications", summary="List applications")
async def list_applications(
    actor: Reader,
    runtime: Running,
    status: Annotated[list[Status] | None, Query(description="Only in one of these states.")] = None,
    channel: Annotated[list[Channel] | None, Query(description="Only through one of these channels.")] = None,
    product: Annotated[Code | None, Query(description="Only for this product.")] = None,
    applicant_id: Annotated[Id | None, Query(description="Only of this applicant.")] = None,
    source: Annotated[str | None, Query(max_length=500, description="Only from this source.")] = None,
    sort: Annotated[str | None, Query(max_length=100, description=f"By {', '.join(SORTABLE)}; `-` descends.")] = None,
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Page[ApplicationListed]:
    """Applications, the latest first unless sorted otherwise; a front end that acts for an applicant sees its own."""
    keys = parse_sort(sort, SORTABLE, default="-started_on", unique="application_id")
    statement = LISTED.select()
    if status:
        statement = statement.where(LISTED.c.status.in_([each.value for each in status]))
    if channel:
        statement = statement.where(LISTED.c.channel.in_([each.value for each in channel]))
    equal = {"product": product, "applicant_id": applicant_id, "source": source}
    for name, value in equal.items():
        if value is not None:
            statement = statement.where(LISTED.c[name] == value)
    if actor.on_behalf_of is not None:
        statement = statement.where(LISTED.c.applicant_id == actor.on_behalf_of)
    rows = await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))
    return page_of(rows, keys, limit=limit, item=_listed)


@router.get("/applications/{application_id}", summary="Show an application")
@awaited(APPLICATION, "application_id")
async def show_application(
    application_id: ApplicationId, request: Request, response: Response, actor: Reader, runtime: Running
) -> ApplicationShown:
    """The application as it stands, with its documents and consents."""
    state, version = await application_of(runtime, actor, application_id)
    if (unchanged := not_modified(request, version)) is not None:
        return unchanged  # type: ignore[return-value]  # FastAPI sends a Response as it is
    response.headers["etag"] = etag(version)
    return _shown(state)


@router.put("/applications/{application_id}", summary="Amend an application")
async def amend_application(application_id: ApplicationId, body: AskedForBody, call: Intake) -> ApplicationShown:
    """Puts another request in a draft's place, whole; applicant, channel and source stay."""
    state, _ = await application_of(call.runtime, call.actor, application_id)
    applicant, _ = await applicant_of(call.runtime, state.request.applicant_id)
    product = await product_asked_for(call.runtime, body.product)
    before = state.request
    request = _request(body, applicant, product, channel=before.channel, source=before.source)
    return await _execute(call, application_id, AmendApplication(request=request, today=call.today))


@router.get("/applications/{application_id}/checklist", summary="Show what an application still needs")
async def show_checklist(application_id: ApplicationId, actor: Reader, runtime: Running) -> ChecklistShown:
    """Documents and consents with their state and guidance in both languages, and everything in the way of
    submitting, by the rules in force on the business date.
    """
    state, _ = await application_of(runtime, actor, application_id)
    facts = await facts_of(runtime, state)
    found = obstacles(state, facts)
    return ChecklistShown(
        application_id=application_id,
        on=facts.today,
        ready=state.status is Status.DRAFT and not found and facts.today <= state.expires_on,
        items=[
            ItemShown(
                kind=item.kind,
                code=item.code,
                name=item.name,
                guidance=item.guidance,
                status=item.status,
                valid_until=item.valid_until,
            )
            for item in items(state, facts)
        ],
        obstacles=[ObstacleShown(code=each.code, pointer=f"#{each.pointer}", text=each.text) for each in found],
    )


@router.post("/applications/{application_id}/documents", summary="Attach a document", status_code=201)
async def attach_document(application_id: ApplicationId, body: DocumentBody, call: Intake) -> ApplicationShown:
    """Records that a document was handed in: what it is, from when it is, and the hash of its content."""
    state, _ = await application_of(call.runtime, call.actor, application_id)
    versions = await product_state(call.runtime, state.request.product.code)
    attach = _attach(call, body, versions.in_force(call.today), "document")
    return await _execute(call, application_id, attach, status=201)


@router.post("/applications/{application_id}/consents", summary="Give a consent", status_code=201)
async def give_consent(application_id: ApplicationId, body: ConsentBody, call: Intake) -> ApplicationShown:
    """Records that the applicant agreed to a purpose in the words of a version."""
    await application_of(call.runtime, call.actor, application_id)
    return await _execute(call, application_id, _consent(call, body), status=201)


@router.post("/applications/{application_id}/submit", summary="Submit an application")
async def submit_application(application_id: ApplicationId, call: Intake) -> ApplicationShown:
    """Hands the application in as it is, under the product version in force today.

    Refused with every reason at once, each in `errors`, when something is missing, expired or outside the product.
    """
    state, _ = await application_of(call.runtime, call.actor, application_id)
    facts = await facts_of(call.runtime, state)
    return await _execute(call, application_id, SubmitApplication(facts=facts))


@router.post("/applications/{application_id}/withdraw", summary="Withdraw an application")
async def withdraw_application(application_id: ApplicationId, body: WithdrawBody, call: Intake) -> ApplicationShown:
    """Ends a draft or a submitted application. A contract that is signed in the same moment prevails."""
    await application_of(call.runtime, call.actor, application_id)
    return await _execute(call, application_id, WithdrawApplication(reason=body.reason, today=call.today))


def _attach(call: Call, body: DocumentBody, product: Product | None, purpose: str) -> AttachDocument:
    return AttachDocument(document_id=call.new_id(purpose), product=product, today=call.today, **body.model_dump())


def _consent(call: Call, body: ConsentBody) -> GiveConsent:
    texts = policy().consents(call.today)
    text = next((each for each in texts if each.purpose is body.purpose), None)
    return GiveConsent(purpose=body.purpose, text_version=body.text_version, text=text, today=call.today)


async def _execute(
    call: Call, application_id: str, command: Command, *, status: int = 200, location: str = ""
) -> ApplicationShown:
    return await call.execute(  # type: ignore[return-value]  # FastAPI sends a Response as it is
        APPLICATION,
        APPLICATION.stream_id(application_id),
        command,
        body=_shown,
        status=status,
        location=location,
        rules=rules(),
    )


def _request(
    body: AskedForBody, applicant: ApplicantRegistered, product: Product, *, channel: Channel, source: str
) -> LoanRequest:
    """The request that travels: what was asked for, by whom, under which version of the product."""
    guarantee = body.guarantee
    return LoanRequest(
        applicant_id=applicant.applicant_id,
        applicant_kind=applicant.kind,
        product=terms_of(product),
        amount=body.amount,
        instalments=body.instalments,
        period_months=body.period_months,
        method=body.method,
        purpose=body.purpose,
        channel=channel,
        source=source,
        region=body.region or applicant.region,
        guarantee=GuaranteeOffer(kind=guarantee.kind, value=guarantee.value, description=guarantee.description),
        monthly_income=body.monthly_income,
        monthly_debt_service=body.monthly_debt_service,
        answers=body.answers,
        region_stated=bool(body.region),
        business=Business(**dict(body.business)) if body.business is not None else None,
    )


def _shown(state: State) -> ApplicationShown:
    assert state is not None, "an application that was just changed or found"
    return ApplicationShown(
        application_id=state.application_id,
        status=state.status,
        request=state.request,
        started_on=state.started_on,
        expires_on=state.expires_on,
        submitted_on=state.submitted_on,
        ended_on=state.ended_on,
        documents=[DocumentShown(**each.model_dump(exclude={"application_id"})) for each in state.documents],
        consents=[ConsentShown(**each.model_dump(exclude={"application_id"})) for each in state.consents],
    )


def _listed(row: Mapping[str, Any]) -> ApplicationListed:
    columns = {name: row[name] for name in ApplicationListed.model_fields if name != "amount"}
    return ApplicationListed(amount=Money(row["amount_minor"], row["currency"]), **columns)
