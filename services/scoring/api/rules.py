"""The rules of information as they are: kinds of items, and the policy in force."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import ConfigDict

from libs.contracts.application import ConsentPurpose
from libs.contracts.values import Named
from libs.service.models import BusinessDate, Code, ResponseModel
from services.scoring.api.access import Reader
from services.scoring.api.information import Running
from services.scoring.domain.information import BroughtBy
from services.scoring.domain.outcome import named
from services.scoring.library import library

router = APIRouter(tags=["information"])


class ItemKindShown(ResponseModel):
    """A kind of item."""

    id: Code
    name: Named
    source: Code
    brought_by: BroughtBy
    consent: ConsentPurpose | None
    valid_days: int
    basis: str
    facts: list[Code]


class ItemKinds(ResponseModel):
    """Every kind of item of information."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "id": "credit-report",
                            "name": {"zh": "征信报告", "en": "Credit report"},
                            "source": "bureau",
                            "brought_by": "machine",
                            "consent": "CREDIT_REPORT",
                            "valid_days": 30,
                            "basis": "征信业管理条例 art. 18",
                            "facts": ["credit-history", "overdue-now-minor"],
                        }
                    ]
                }
            ]
        }
    )

    items: list[ItemKindShown]


class PolicyShown(ResponseModel):
    """A version of the policy on information, whole."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"sha256": "9f86d081", "document": {"format": "puhui.information-policy/1"}}]}
    )

    sha256: str
    document: dict[str, Any]


@router.get("/information-items", summary="List kinds of information")
async def list_item_kinds(_actor: Reader) -> ItemKinds:
    """Kinds of items: source, law, the consent that each rests on, how long it counts, the facts in it."""
    return ItemKinds(
        items=[
            ItemKindShown(
                id=kind.id,
                name=named(kind.name),
                source=kind.source,
                brought_by=kind.brought_by,
                consent=kind.consent,
                valid_days=kind.valid_days,
                basis=kind.basis,
                facts=list(kind.facts),
            )
            for kind in library().kinds.values()
        ]
    )


@router.get("/information-policy", summary="Show the policy on information")
async def show_information_policy(
    _actor: Reader,
    runtime: Running,
    on: Annotated[BusinessDate | None, Query(description="The business date; today unless given.")] = None,
) -> PolicyShown:
    """What an application submitted on a business date needs, what follows without it, and what speaks against it."""
    policy = library().information_policy(on or runtime.today)
    return PolicyShown(sha256=policy.sha256, document=dict(policy.document))
