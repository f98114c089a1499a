"""Information about an applicant, as it is asked for and told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field

from libs.contracts.application import ConsentPurpose
from libs.contracts.scoring import Sha256, Without
from libs.contracts.types import Text
from libs.service.models import BusinessDate, Code, Id, RequestModel, ResponseModel
from services.scoring.domain.assessment import State
from services.scoring.domain.judging import Gathered

SHA256: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_ITEM: Final[dict[str, Any]] = {
    "item": "credit-report",
    "source": "bureau",
    "state": "OBTAINED",
    "due_on": "2026-02-04",
    "why": None,
    "sha256": SHA256,
    "valid_until": "2026-03-03",
}


class ItemState(StrEnum):
    OPEN = "OPEN"
    OBTAINED = "OBTAINED"
    MISSING = "MISSING"
    ABANDONED = "ABANDONED"


class ItemShown(ResponseModel):
    """One item of an application."""

    item: Code
    source: Code
    state: ItemState
    due_on: date
    why: Without | None = Field(description="Why it does not count.")
    sha256: str | None = Field(description="Of the document's bytes.")
    valid_until: date | None


class ItemListed(ItemShown):
    """One item of an application, in a list."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"application_id": "0197a3f0-0000-7000-8000-000000000002", **_ITEM}]}
    )

    application_id: Id

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> ItemListed:
        return cls(**row)


class ItemDetail(ItemShown):
    """One item with everything that is known of it."""

    consent: ConsentPurpose | None = Field(
        description="The purpose that the applicant agreed to; null: public records."
    )
    consent_withdrawn: bool
    reference: str | None
    as_of: date | None
    obtained_on: date | None
    provided_by: str | None = Field(description="Who brought it; empty when a source was asked by machine.")
    detail: str | None = Field(description="What exactly happened, where it did not come.")
    facts: dict[str, int | str | None]


class InformationShown(ResponseModel):
    """What an application needs, and what came of it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "application_id": "0197a3f0-0000-7000-8000-000000000002",
                    "policy_version": 1,
                    "requested_on": "2026-02-01",
                    "open": [],
                    "items": [
                        {
                            **_ITEM,
                            "consent": "CREDIT_REPORT",
                            "consent_withdrawn": False,
                            "reference": "CR-20260201-7",
                            "as_of": "2026-02-01",
                            "obtained_on": "2026-02-01",
                            "provided_by": "",
                            "detail": None,
                            "facts": {"overdue-now-minor": 0},
                        }
                    ],
                }
            ]
        }
    )

    application_id: Id
    policy_version: int
    requested_on: date
    open: list[Code] = Field(description="What is waited for.")
    items: list[ItemDetail]


class Brought(RequestModel):
    """An item that a person brings: the facts in it, and the document that says so, which is kept elsewhere."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "facts": {"operation-seen": "sound", "willingness-to-repay": "good"},
                    "reference": "Visit of 2026-02-02, file 118",
                    "as_of": "2026-02-02",
                    "sha256": SHA256,
                    "media_type": "application/pdf",
                    "size_bytes": 182044,
                }
            ]
        }
    )

    facts: dict[Code, int | Annotated[str, Field(max_length=64)]] = Field(max_length=100)
    reference: Text
    as_of: BusinessDate
    sha256: Sha256
    media_type: Annotated[str, Field(pattern=r"^[a-z]+/[A-Za-z0-9.+-]{1,80}$")]
    size_bytes: Annotated[int, Field(ge=1, le=2**40)]


class Withdrawal(RequestModel):
    """The purpose to which the applicant agrees no longer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"purpose": "CREDIT_REPORT"}]})

    purpose: ConsentPurpose


def shown(state: State) -> InformationShown:
    """What was asked for, as it stands."""
    gathered = state.gathered
    assert gathered is not None, "shown where something was asked for"
    return InformationShown(
        application_id=gathered.asked.application_id,
        policy_version=gathered.asked.policy_version,
        requested_on=gathered.asked.requested_on,
        open=[each.item for each in state.open],
        items=[_detail(gathered, number, state.abandoned) for number in range(len(gathered.asked.items))],
    )


def _detail(gathered: Gathered, number: int, abandoned: bool) -> ItemDetail:
    wanted = gathered.asked.items[number]
    obtained, missing = gathered.obtained.get(wanted.item), gathered.missing.get(wanted.item)
    state = ItemState.ABANDONED if abandoned else ItemState.OPEN
    if obtained or missing:
        state = ItemState.OBTAINED if obtained else ItemState.MISSING
    return ItemDetail(
        item=wanted.item,
        source=wanted.source,
        state=state,
        due_on=wanted.due_on,
        why=missing.why if missing else None,
        sha256=obtained.sha256 if obtained else None,
        valid_until=obtained.valid_until if obtained else None,
        consent=wanted.consent,
        consent_withdrawn=wanted.consent in gathered.withdrawn,
        reference=obtained.reference if obtained else None,
        as_of=obtained.as_of if obtained else None,
        obtained_on=obtained.obtained_on if obtained else None,
        provided_by=obtained.provided_by if obtained else None,
        detail=missing.detail if missing else None,
        facts=dict(obtained.facts) if obtained else {},
    )
