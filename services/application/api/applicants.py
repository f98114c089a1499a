"""Applicants: registered once, shown in full to themselves alone."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Body, Depends, Path, Request, Response
from pydantic import ConfigDict, Field, StringConstraints

from libs.contracts import examples as ex
from libs.contracts.application import ApplicantRegistered
from libs.contracts.problems import Rejected
from libs.contracts.values import ApplicantKind
from libs.events.sealing import is_placeholder
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.etag import etag, not_modified
from libs.service.models import Id, RequestModel, ResponseModel
from libs.service.runtime import Runtime, runtime_of
from services.application.domain.applicant import RegisterEnterprise, RegisterPerson, State, decide
from services.application.handlers import APPLICANT, applicant_id_of, applicant_of, refuse_strangers
from services.application.person_index import person_index

router = APIRouter(tags=["applicants"])
ApplicantId = Annotated[Id, Path(description="The applicant.")]
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")
]
IdentityNumber = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Mobile = Annotated[str, StringConstraints(min_length=1, max_length=20)]
SHOWN_CHARACTERS: Final = 4
PERSON_EXAMPLE: Final[dict[str, Any]] = {
    "kind": "PERSON",
    "name": "张三",
    "identity_number": "11010519491231002X",
    "mobile": "13800000000",
}
ENTERPRISE_EXAMPLE: Final[dict[str, Any]] = {
    "kind": "ENTERPRISE",
    "name": "杭州示例商贸有限公司",
    "identity_number": "91330106MA2CFLDG4R",
    "legal_representative": "李四",
    "mobile": "13800000001",
}


class PersonBody(RequestModel):
    """A person, by resident identity card."""

    model_config = ConfigDict(json_schema_extra={"examples": [PERSON_EXAMPLE]})

    kind: Literal[ApplicantKind.PERSON]
    name: Name
    identity_number: IdentityNumber = Field(description="Resident identity number (GB 11643-1999).")
    mobile: Mobile = Field(description="Mainland mobile number, 11 digits.")


class EnterpriseBody(RequestModel):
    """An enterprise or sole trader, by business licence."""

    model_config = ConfigDict(json_schema_extra={"examples": [ENTERPRISE_EXAMPLE]})

    kind: Literal[ApplicantKind.ENTERPRISE]
    name: Name
    identity_number: IdentityNumber = Field(description="Unified social credit code (GB 32100-2015).")
    legal_representative: Name
    mobile: Mobile = Field(description="Mobile number of the person who acts for it.")


class ApplicantShown(ResponseModel):
    """An applicant. Names and numbers are masked unless the applicant asks."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "applicant_id": ex.APPLICANT,
                    "kind": "PERSON",
                    "name": "张*",
                    "identity_number": "**************002X",
                    "mobile": "*******0000",
                    "birth_date": None,
                    "legal_representative": "",
                    "region": "110105",
                    "registered_on": "2026-02-01",
                    "masked": True,
                }
            ]
        }
    )

    applicant_id: Id
    kind: ApplicantKind
    name: str
    identity_number: str
    mobile: str
    birth_date: date | None
    legal_representative: str
    region: str
    registered_on: date
    masked: bool


class SearchBody(RequestModel):
    """What is known of a person. In the body, since addresses are logged."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"mobile": "13800000000"}]})

    name: Name | None = None
    identity_number: IdentityNumber | None = None
    mobile: Mobile | None = None
    legal_representative: Name | None = None


class ApplicantsFound(ResponseModel):
    """Who was found."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [ex.APPLICANT]}]})

    items: list[Id]


@router.post("/applicants", summary="Register an applicant", status_code=201)
async def register_applicant(
    body: Annotated[
        PersonBody | EnterpriseBody, Body(discriminator="kind", examples=[PERSON_EXAMPLE, ENTERPRISE_EXAMPLE])
    ],
    call: Annotated[Call, command("customer", "loan_officer")],
) -> ApplicantShown:
    """The same identity number registers once: the same particulars again answer 200 with the applicant there is,
    other particulars 409.
    """
    applicant_id = await applicant_id_of(call.runtime, body.kind, body.identity_number)
    refuse_strangers(call.actor, applicant_id)
    order = _register(body, applicant_id, call.today)
    decide(order, None)  # what is refused gets no key made for it
    stream_id = APPLICANT.stream_id(applicant_id)
    _, version = await call.runtime.commands.state(APPLICANT, stream_id)
    return await call.execute(  # type: ignore[return-value]  # FastAPI sends a Response as it is
        APPLICANT,
        stream_id,
        order,
        body=_masked,
        subject=applicant_id,
        status=200 if version else 201,
        location=f"/application/applicants/{applicant_id}",
    )


@router.get("/applicants/{applicant_id}", summary="Show an applicant")
async def show_applicant(
    applicant_id: ApplicantId,
    request: Request,
    response: Response,
    actor: Annotated[
        Actor, Depends(require("customer", "loan_officer", "credit_officer", "senior_credit_officer", "auditor"))
    ],
    runtime: Annotated[Runtime, Depends(runtime_of)],
) -> ApplicantShown:
    """In full for a front end that acts for this applicant, masked for everybody else."""
    refuse_strangers(actor, applicant_id)
    registered, version = await applicant_of(runtime, applicant_id)
    if (unchanged := not_modified(request, version)) is not None:
        return unchanged  # type: ignore[return-value]  # FastAPI sends a Response as it is
    response.headers["etag"] = etag(version)
    response.headers["cache-control"] = "no-store"
    return _whole(registered) if actor.on_behalf_of == applicant_id else _masked(registered)


@router.post("/applicants/search", summary="Find applicants")
async def search_applicants(
    body: SearchBody,
    _actor: Annotated[Actor, Depends(require("loan_officer", "credit_officer", "auditor", "privacy_officer"))],
    runtime: Annotated[Runtime, Depends(runtime_of)],
) -> ApplicantsFound:
    """Of whom all that is given is true, to the letter: what is compared are keyed hashes, and nothing is stored in
    plain text that could be searched in another way. Persons who were erased are not found."""
    wanted = {member: text for member, text in body.model_dump().items() if text is not None}
    if not wanted:
        raise Rejected("nothing-to-search-for", "Give at least one of the members.", status=422)
    return ApplicantsFound(items=await person_index.find(runtime, wanted))


def _register(body: PersonBody | EnterpriseBody, applicant_id: str, today: date) -> RegisterPerson | RegisterEnterprise:
    if isinstance(body, PersonBody):
        return RegisterPerson(
            applicant_id=applicant_id,
            name=body.name,
            identity_number=body.identity_number,
            mobile=body.mobile,
            today=today,
        )
    return RegisterEnterprise(
        applicant_id=applicant_id,
        name=body.name,
        identity_number=body.identity_number,
        mobile=body.mobile,
        legal_representative=body.legal_representative,
        today=today,
    )


def _whole(registered: ApplicantRegistered) -> ApplicantShown:
    return ApplicantShown(**registered.model_dump(), masked=False)


def _masked(registered: State) -> ApplicantShown:
    assert registered is not None, "an applicant that was just registered or found"
    return ApplicantShown(
        applicant_id=registered.applicant_id,
        kind=registered.kind,
        name=_first_shown(registered.name),
        identity_number=_last_shown(registered.identity_number),
        mobile=_last_shown(registered.mobile),
        birth_date=None,
        legal_representative=_first_shown(registered.legal_representative),
        region=registered.region,
        registered_on=registered.registered_on,
        masked=True,
    )


def _first_shown(text: str) -> str:
    if is_placeholder(text):
        return text
    return text[:1] + "*" * (len(text) - 1)


def _last_shown(text: str) -> str:
    if is_placeholder(text):
        return text
    hidden = max(len(text) - SHOWN_CHARACTERS, 0)
    return "*" * hidden + text[hidden:]
