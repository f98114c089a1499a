"""Templates: every version that contracts were made from."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Response
from pydantic import ConfigDict, Field

from libs.contracts import examples as ex
from libs.contracts.problems import Rejected
from libs.contracts.values import Named
from libs.service.models import Code, ResponseModel
from services.contract.api.access import Staff
from services.contract.document.template import Template
from services.contract.library import library

router = APIRouter(tags=["templates"])

_SUMMARY: Final[dict[str, Any]] = {
    "name": "loan-agreement-v1",
    "template_id": "loan-agreement",
    "version": 1,
    "effective_from": "2020-01-01",
    "title": {"zh": "借款合同", "en": "Loan Agreement"},
    "sha256": ex.SHA256,
}


class TemplateSummary(ResponseModel):
    """One version of a template."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SUMMARY]})

    name: Code
    template_id: Code
    version: int
    effective_from: date = Field(description="Contracts made out from this day on use it, until the next version.")
    title: Named
    sha256: str = Field(description="The hash of the template's file; every contract names it.")


class TemplateDetail(TemplateSummary):
    """One version of a template with its text."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**_SUMMARY, "source": 'format = "puhui.contract-template/1"\n...'}]}
    )

    source: str = Field(description="The file (TOML), byte for byte: hash it and compare.")


class TemplateList(ResponseModel):
    """Every version of every template."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_SUMMARY]}]})

    items: list[TemplateSummary]


@router.get("/templates", summary="List templates")
async def list_templates(_actor: Staff) -> TemplateList:
    """Every version of every template, the ones no longer used too."""
    return TemplateList(items=[TemplateSummary(**_shown(template)) for template in library().templates])


@router.get("/templates/{name}", summary="Show a template")
async def show_template(
    name: Annotated[Code, Path(description="For example `loan-agreement-v1`.")], response: Response, _actor: Staff
) -> TemplateDetail:
    """One version with its whole text. The ETag is its hash."""
    template = next((template for template in library().templates if template.name == name), None)
    if template is None:
        raise Rejected("template-unknown", "There is no such template; GET /contract/templates lists them.", status=404)
    response.headers["etag"] = f'"{template.sha256}"'
    return TemplateDetail(**_shown(template), source=template.source)


def _shown(template: Template) -> dict[str, object]:
    return {
        "name": template.name,
        "template_id": template.template_id,
        "version": template.version,
        "effective_from": template.effective_from,
        "title": Named(zh=template.title.zh, en=template.title.en),
        "sha256": template.sha256,
    }
