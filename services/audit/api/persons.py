"""What a person may ask of the lender about his data, and what the lender must do with them (PIPL 44 to 50)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import ConfigDict, Field

from libs.contracts import examples as ex
from libs.contracts.problems import Rejected
from libs.contracts.types import Code, Id, Text
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.models import RequestModel, ResponseModel
from libs.service.problems import NOT_FOUND, Problem
from libs.service.runtime import Runtime, runtime_of
from services.audit.domain.person import (
    LiftRestriction,
    Person,
    PlaceHold,
    RecordReading,
    ReleaseHold,
    RequestErasure,
    Status,
)
from services.audit.domain.wrapping import RecordRewrapping
from services.audit.library import library
from services.audit.persons import KEYS, PERSON, carry_out, relationship_of
from services.audit.subject_report import report_of, report_pdf

router = APIRouter(tags=["persons"])

ApplicantId = Annotated[Id, Path(description="The person, by the applicant's identifier.")]
Running = Annotated[Runtime, Depends(runtime_of)]
Officer = Annotated[Call, command("privacy_officer")]
Reading = Annotated[Call, command("privacy_officer", "auditor")]
READERS: Final = ("privacy_officer", "auditor")
PDF: Final = "application/pdf"
REPORT_EXAMPLE: Final[dict[str, Any]] = {
    "report_id": "report-5c1e",
    "applicant_id": "applicant-7f3a",
    "made_on": "2026-02-10",
    "purpose": "Access request of the person, by letter",
    "status": "RESTRICTED",
    "kept_until": "2031-02-10",
    "retention_rule": {"code": "loan", "years": 5, "source": "PIPL 19; Accounting Archives Measures"},
    "personal_data": [
        {
            "type": "application.person-registered",
            "source": "application",
            "recorded_at": "2026-02-01T09:30:00.000Z",
            "effective_date": "2026-02-01",
            "event_id": "0b9f9f0e-6f0c-5d0a-8d3e-3c1f0a4f7d21",
            "values": {"name": "王小明", "mobile": "13800138000"},
        }
    ],
    "recipients": [{"zh": "征信机构", "en": "Credit bureau"}],
    "automated_decisions": [],
    "securities_given": [
        {
            "security_id": "security-2",
            "application_id": ex.APPLICATION,
            "kind": "SURETY",
            "offered_on": "2026-02-01",
            "consented_on": "2026-02-01",
            "released_on": None,
        }
    ],
    "dealings_running": [f"the security security-2 for application {ex.APPLICATION}"],
    "history": [],
    "read_before": [],
}


def example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


class ErasureBody(RequestModel):
    """Why the data are to be erased."""

    model_config = example(ground="consent-withdrawn")

    ground: Code = Field(description="For example purpose-achieved, consent-withdrawn, unlawful (PIPL 47).")


class ReasonBody(RequestModel):
    """Why it is done."""

    model_config = example(reason="Applies for another loan and consented anew")

    reason: Text


class HoldBody(RequestModel):
    """Why nothing may be erased, and on whose authority."""

    model_config = example(reason="Evidence in a dispute about the loan", authority="Hangzhou court, case 2027-118")

    reason: Text
    authority: Text


class ReportBody(RequestModel):
    """For what a person's data are read."""

    model_config = example(purpose="Request of the person, 2027-03-01")

    purpose: Text


class Hold(ResponseModel):
    """A legal hold that is open."""

    model_config = example(hold_id="hold-1", reason="A dispute", authority="Court, case 118", placed_on="2027-03-02")

    hold_id: str
    reason: str
    authority: str
    placed_on: date


class Rewrapped(ResponseModel):
    """What wraps persons' keys now, and how many were wrapped anew."""

    model_config = example(wrapped_by="9f86d081884c7d65", keys=1000)

    wrapped_by: str = Field(description="The key-encryption key, by its fingerprint.")
    keys: int


class PersonShown(ResponseModel):
    """Where a person's data stand. No data."""

    model_config = example(
        applicant_id=ex.APPLICANT,
        status="RESTRICTED",
        rule="customer-identity",
        source="反洗钱法 (2024) 34",
        until="2037-02-02",
        readers=["auditor", "privacy_officer"],
        holds=[],
        erased_on=None,
    )

    applicant_id: Id
    status: Status
    rule: str
    source: str
    until: date | None = Field(description="The last day on which a rule keeps them.")
    readers: list[str] = Field(description="Who may read restricted data.")
    holds: list[Hold]
    erased_on: date | None


class HoldMade(ResponseModel):
    """A legal hold, as it is named."""

    model_config = example(hold_id="hold-1")

    hold_id: str


class ReportMade(ResponseModel):
    """Where the report is read by the one who asked for it; that it is, is on record."""

    model_config = example(report_id="report-1", location=f"/audit/persons/{ex.APPLICANT}/reports/report-1")

    report_id: str
    location: str


@router.get("/persons/{applicant_id}", summary="Where a person's data stand")
async def read_person(
    applicant_id: ApplicantId, _actor: Annotated[Actor, Depends(require(*READERS))], runtime: Running
) -> PersonShown:
    """In use, restricted until a date, or erased; and which legal holds are open."""
    await _known(runtime, applicant_id)
    state, _ = await runtime.commands.state(PERSON, PERSON.stream_id(applicant_id))
    return _shown(applicant_id, state)


@router.post("/persons/{applicant_id}/erasure", summary="Erase a person's data", response_model=PersonShown)
async def erase_person(
    applicant_id: ApplicantId, body: ErasureBody, call: Annotated[Call, command("privacy_officer", "customer")]
) -> Response:
    """Erases what no rule keeps: the person's key is destroyed, and with it everything that is sealed under it, here,
    in topics, documents and backups. What a rule keeps is restricted until the rule has run out, and erased then.

    A front end asks on behalf of the person himself. Refused while an application or a loan runs, his own or one that
    he answers for.
    """
    if call.actor.has("customer") and call.actor.on_behalf_of != applicant_id:
        raise Problem(NOT_FOUND)
    await _known(call.runtime, applicant_id)
    policy = library().retention_on(call.today)
    order = RequestErasure(
        applicant_id=applicant_id,
        ground=body.ground,
        relationship=await relationship_of(call.runtime, applicant_id),
        policy=policy,
        today=call.today,
    )
    return await _execute(call, applicant_id, order, rules={"retention": policy.label})


@router.post("/persons/{applicant_id}/lift", summary="Lift a restriction", response_model=PersonShown)
async def lift_restriction(applicant_id: ApplicantId, body: ReasonBody, call: Officer) -> Response:
    """The person took his request back, or comes as a customer anew: his data are in use again."""
    order = LiftRestriction(applicant_id=applicant_id, reason=body.reason, today=call.today)
    return await _execute(call, applicant_id, order)


@router.post("/persons/{applicant_id}/holds", summary="Place a legal hold", status_code=201, response_model=HoldMade)
async def place_hold(applicant_id: ApplicantId, body: HoldBody, call: Officer) -> Response:
    """While it is open nothing of the person is erased, whatever else is due."""
    await _known(call.runtime, applicant_id)
    made = HoldMade(hold_id=call.new_id("hold"))
    order = PlaceHold(
        applicant_id=applicant_id,
        hold_id=made.hold_id,
        reason=body.reason,
        authority=body.authority,
        today=call.today,
    )
    return await call.execute(PERSON, PERSON.stream_id(applicant_id), order, lambda _state: made, status=201)


@router.post(
    "/persons/{applicant_id}/holds/{hold_id}/release", summary="Release a legal hold", response_model=PersonShown
)
async def release_hold(
    applicant_id: ApplicantId,
    hold_id: Annotated[Id, Path(description="The legal hold.")],
    body: ReasonBody,
    call: Officer,
) -> Response:
    """What has become due meanwhile is erased at once, unless another hold is open."""
    order = ReleaseHold(applicant_id=applicant_id, hold_id=hold_id, reason=body.reason, today=call.today)
    return await _execute(call, applicant_id, order)


@router.post(
    "/persons/{applicant_id}/reports", summary="Ask for a person's data", status_code=201, response_model=ReportMade
)
async def make_report(applicant_id: ApplicantId, body: ReportBody, call: Reading) -> Response:
    """Puts on record who is going to read a person's data and what for; then the report may be fetched.

    Restricted data are read by the roles alone that the rules of retention name.
    """
    await _known(call.runtime, applicant_id)
    report_id = call.new_id("report")
    made = ReportMade(report_id=report_id, location=f"/audit/persons/{applicant_id}/reports/{report_id}")
    order = RecordReading(
        applicant_id=applicant_id,
        report_id=report_id,
        shown="subject-access-report",
        purpose=body.purpose,
        reader=call.actor.subject,
        role=call.role,
        today=call.today,
    )
    stream_id = PERSON.stream_id(applicant_id)
    return await call.execute(PERSON, stream_id, order, lambda _state: made, status=201, location=made.location)


@router.get(
    "/persons/{applicant_id}/reports/{report_id}",
    summary="A person's data",
    responses={
        200: {
            "content": {
                "application/json": {"example": REPORT_EXAMPLE},
                PDF: {"schema": {"type": "string", "format": "binary"}},
            },
            "description": "The report, as asked for in `media`.",
        }
    },
)
async def read_report(
    applicant_id: ApplicantId,
    report_id: Annotated[Id, Path(description="The report that was asked for.")],
    actor: Annotated[Actor, Depends(require(*READERS))],
    runtime: Running,
    media: Annotated[str, Query(pattern="^(json|pdf)$", description="json or pdf.")] = "json",
) -> Any:
    """Everything that is held about a person (PIPL 45): what, from where, since when, for what, who was given it, how
    long it is kept, for what he gave security, which decisions were made by machine and why. For the one who asked, on the day when he asked."""
    state, _ = await runtime.commands.state(PERSON, PERSON.stream_id(applicant_id))
    asked = state.reports.get(report_id)
    if asked is None or (asked.reader, asked.read_on) != (actor.subject, runtime.today):
        raise Problem(NOT_FOUND, "Ask for the report first: POST /audit/persons/{applicant_id}/reports.")
    report = await report_of(runtime, applicant_id, state, asked)
    headers = {"cache-control": "no-store"}
    if media == "pdf":
        name = f'attachment; filename="subject-access-report-{report_id}.pdf"'
        return Response(await report_pdf(report), media_type=PDF, headers=headers | {"content-disposition": name})
    return report


@router.post("/keys/rewrap", summary="Wrap persons' keys anew", response_model=Rewrapped)
async def rewrap_keys(call: Annotated[Call, command("operator")]) -> Response:
    """Puts every person's key under the newest key-encryption key. No event is touched. Then take the old one away:
    copies of the key store from before are worth nothing any more."""
    keyring = call.runtime.persons
    count = await keyring.rewrap()
    order = RecordRewrapping(wrapped_by=keyring.wrapped_by, keys=count, today=call.today)
    shown = Rewrapped(wrapped_by=keyring.wrapped_by, keys=count)
    return await call.execute(KEYS, KEYS.stream_id("persons"), order, lambda _state: shown)


async def _execute(call: Call, applicant_id: str, order: Any, rules: dict[str, str] | None = None) -> Response:
    """Decide, have the key follow, and answer with what has become of the person's data."""
    stream_id = PERSON.stream_id(applicant_id)
    answer = await call.execute(PERSON, stream_id, order, lambda state: _shown(applicant_id, state), rules=rules)
    state = await carry_out(call.runtime, applicant_id, call.today)
    answer.body = _shown(applicant_id, state).model_dump_json().encode()
    answer.headers["content-length"] = str(len(answer.body))
    return answer


async def _known(runtime: Runtime, applicant_id: str) -> None:
    if await runtime.persons.state(applicant_id) is None:
        raise Rejected("person-unknown", "Nothing is known of a person with this identifier.", status=404)


def _shown(applicant_id: str, state: Person) -> PersonShown:
    return PersonShown(
        applicant_id=applicant_id,
        status=state.status,
        rule=state.rule,
        source=state.source,
        until=state.until,
        readers=list(state.readers),
        holds=[
            Hold(hold_id=hold.hold_id, reason=hold.reason, authority=hold.authority, placed_on=hold.placed_on)
            for hold in state.holds.values()
        ],
        erased_on=state.erased_on,
    )
