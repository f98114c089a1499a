"""Samples of files for an audit: drawn by a seed, with a work paper for each file."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path
from pydantic import ConfigDict, Field
from starlette.responses import Response

from libs.contracts.audit import SampleDrawn, SamplingMethod
from libs.contracts.examples import APPLICATION
from libs.contracts.problems import refuse_unless
from libs.contracts.types import Id, Text
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.models import BusinessDate, RequestModel, ResponseModel
from libs.service.problems import NOT_FOUND, Problem
from libs.service.runtime import Runtime, runtime_of
from services.audit.access import RecordedRoute
from services.audit.control import SAMPLE
from services.audit.domain.sample import CompletePaper, DrawSample, Sample
from services.audit.domain.sampling import File, draw, population_sha256
from services.audit.history import Moment, page_as_of
from services.audit.models import shown

router = APIRouter(tags=["samples"], route_class=RecordedRoute)

Running = Annotated[Runtime, Depends(runtime_of)]
Reader = Annotated[Actor, Depends(require("auditor", "compliance_officer"))]
Auditor = Annotated[Call, command("auditor", "compliance_officer")]
SampleId = Annotated[Id, Path(description="The sample.")]
ApplicationId = Annotated[Id, Path(description="The file, by its application.")]
STRATA: Final = {"": "''", "grade": "grade", "product": "product", "channel": "channel", "decision": "decision"}
POPULATION: Final = """
    select application_id, amount_minor, {stratum} as stratum from application_page
    where decision <> '' and submitted_on between $1 and $2 order by application_id"""


def example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


class SampleEntry(RequestModel):
    """Which files, how many, drawn how, by which seed."""

    model_config = example(
        method="MONETARY_UNIT", size=25, seed="2026-Q1", submitted_from="2026-01-01", submitted_to="2026-03-31"
    )

    method: SamplingMethod
    size: Annotated[int, Field(ge=1, le=1000)]
    seed: Annotated[str, Field(min_length=1, max_length=80, description="Told to nobody before the period is over.")]
    stratum: Annotated[str, Field(pattern="^(|grade|product|channel|decision)$")] = ""
    submitted_from: BusinessDate
    submitted_to: BusinessDate


class SampleShown(ResponseModel):
    """A sample, with what was found in its files."""

    model_config = example(drawn=SampleDrawn.example, papers={}, open=1)

    drawn: dict[str, Any]
    papers: dict[str, dict[str, Any]] = Field(description="Work papers that are done, by application.")
    open: int = Field(description="Files without one.")

    @classmethod
    def of(cls, state: Sample) -> SampleShown:
        assert state.drawn is not None, "only a sample that was drawn is shown"
        papers = {name: paper.payload() for name, paper in state.papers.items()}
        return cls(drawn=state.drawn.payload(), papers=papers, open=len(state.drawn.files) - len(papers))


class WorkPaper(ResponseModel):
    """Everything that an auditor needs to judge one file, and the judgement."""

    model_config = example(
        sample_id="sample-1",
        application_id=APPLICATION,
        application={"application_id": APPLICATION},
        loan=None,
        acts=[{"what": "puhui.approval.application-approved.v1", "who": "credit-officer", "as": "credit_officer"}],
        questions=[{"zh": "材料是否齐全", "en": "Are the papers complete"}],
        conclusion=None,
    )

    sample_id: str
    application_id: str
    application: dict[str, Any]
    loan: dict[str, Any] | None
    acts: list[dict[str, str]] = Field(description="Who did what, when, in which role, by which rules.")
    questions: list[dict[str, str]]
    conclusion: dict[str, Any] | None


class Conclusion(RequestModel):
    """What was found in the file."""

    model_config = example(satisfactory=True, note="Papers complete; decision within the table")

    satisfactory: bool
    note: Text


QUESTIONS: Final = [
    {"zh": "身份与收入材料是否齐全、有效", "en": "Are the papers on identity and income there, and valid"},
    {"zh": "授权同意是否在查询之前取得", "en": "Were the consents given before anything was queried"},
    {"zh": "决策是否符合当时的决策表与授权", "en": "Is the decision within the table and the authority of its day"},
    {"zh": "成本披露是否在签约前确认", "en": "Was the cost disclosure confirmed before the signature"},
    {"zh": "放款是否到借款人本人账户", "en": "Did the money go to the borrower's own account"},
]


@router.post("/control/samples", summary="Draw a sample", status_code=201, response_model=SampleShown)
async def draw_sample(call: Auditor, body: SampleEntry) -> Response:
    """Draws files of decided applications: at random, in proportion to strata, or by monetary units, where a file's
    chance is in proportion to its amount. The same seed over the same files draws the same ones."""
    refuse_unless(
        body.submitted_from <= body.submitted_to,
        "period-reversed",
        "The period begins after it ends.",
        field="/submitted_to",
        status=422,
    )
    statement = POPULATION.format(stratum=STRATA[body.stratum])
    rows = await call.runtime.store.pool.fetch(statement, body.submitted_from, body.submitted_to)
    files = [File(row["application_id"], row["amount_minor"], row["stratum"]) for row in rows]
    refuse_unless(bool(files), "population-empty", "No application of this period was decided.", status=422)
    sample_id = call.new_id("sample")
    drawn = SampleDrawn(
        sample_id=sample_id,
        method=body.method,
        seed=body.seed,
        stratum=body.stratum,
        submitted_from=body.submitted_from,
        submitted_to=body.submitted_to,
        population=len(files),
        population_minor=sum(file.amount_minor for file in files),
        population_sha256=population_sha256(files),
        files=tuple(draw(body.method, files, body.size, body.seed)),
        drawn_on=call.today,
    )
    return await call.execute(
        SAMPLE,
        SAMPLE.stream_id(sample_id),
        DrawSample(drawn=drawn),
        SampleShown.of,
        status=201,
        location=f"/audit/control/samples/{sample_id}",
    )


@router.get("/control/samples/{sample_id}", summary="A sample")
async def read_sample(_actor: Reader, runtime: Running, sample_id: SampleId) -> SampleShown:
    """The files that were drawn, and what was found in them."""
    return SampleShown.of(await _sample(runtime, sample_id))


@router.get("/control/samples/{sample_id}/papers/{application_id}", summary="A work paper")
async def read_paper(_actor: Reader, runtime: Running, sample_id: SampleId, application_id: ApplicationId) -> WorkPaper:
    """The file on one page: what was applied for, decided and paid, who did it, and what an auditor asks."""
    state = await _sample(runtime, sample_id)
    assert state.drawn is not None, "found above"
    if all(file.application_id != application_id for file in state.drawn.files):
        raise Problem(NOT_FOUND, "This application is not in the sample.")
    page, history = await page_as_of(runtime, application_id, Moment())
    done = state.papers.get(application_id)
    return WorkPaper(
        sample_id=sample_id,
        application_id=application_id,
        application=shown(page.application),
        loan=shown(page.loan) if page.loan else None,
        acts=[
            {
                "what": recorded.type,
                "who": recorded.metadata.actor.subject,
                "as": recorded.metadata.actor.role,
                "at": recorded.metadata.recorded_at,
                "rules": ", ".join(f"{name} {version}" for name, version in recorded.metadata.rules.items()),
                "event_id": str(recorded.event_id),
            }
            for recorded in history
        ],
        questions=QUESTIONS,
        conclusion=done.payload() if done is not None else None,
    )


@router.post(
    "/control/samples/{sample_id}/papers/{application_id}", summary="Complete a work paper", response_model=SampleShown
)
async def complete_paper(
    call: Auditor, sample_id: SampleId, application_id: ApplicationId, body: Conclusion
) -> Response:
    """Says what was found in the file. Said again, the later word counts; the earlier one stays on record."""
    order = CompletePaper(
        application_id=application_id,
        satisfactory=body.satisfactory,
        note=body.note,
        by=call.actor.subject,
        today=call.today,
    )
    return await call.execute(SAMPLE, SAMPLE.stream_id(sample_id), order, SampleShown.of)


async def _sample(runtime: Runtime, sample_id: str) -> Sample:
    state, version = await runtime.commands.state(SAMPLE, SAMPLE.stream_id(sample_id))
    if version == 0:
        raise Problem(NOT_FOUND, "There is no such sample.")
    return state
