"""Items asked for anew while a loan runs, as they are told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from pydantic import ConfigDict, Field

from libs.contracts.scoring import FactChange, RefreshMissing, RefreshObtained, RefreshRole, Without
from libs.service.models import Code, Id, ResponseModel
from services.scoring.api.information_models import SHA256, ItemState
from services.scoring.domain.refresh import State

_APPLICANT: Final = "0197a3f0-0000-7000-8000-000000000001"
_ROW: Final[dict[str, Any]] = {
    "refresh_id": "5d0f4a3e-7f5b-5d0b-9a41-2f6f0f4c9a10",
    "loan_id": "0197a3f0-0000-7000-8000-000000000005",
    "item": "credit-report",
    "source": "bureau",
    "state": "OBTAINED",
    "why": None,
    "sha256": SHA256,
    "requested_on": "2026-08-01",
    "role": "BORROWER",
}
_ROLE: Final = "As what he was asked about: the loan is his own, or he answers for it."


class RefreshListed(ResponseModel):
    """One item of one refresh, in a list."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"applicant_id": _APPLICANT, **_ROW, "changes": 1}]})

    refresh_id: Id
    applicant_id: Id
    loan_id: Id = Field(description="For the sake of which he was asked about.")
    item: Code
    source: Code
    state: ItemState
    why: Without | None = Field(description="Why it did not come; `NO_CONSENT`: nobody was asked.")
    sha256: str | None = Field(description="Of the document's bytes.")
    changes: int = Field(description="How many facts changed against what was known.")
    requested_on: date
    role: RefreshRole = Field(description=_ROLE)

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> RefreshListed:
        return cls(**row)


class RefreshItemShown(ResponseModel):
    """What came of an item last."""

    refresh_id: Id
    item: Code
    why: Without | None
    detail: str | None
    reference: str | None
    as_of: date | None
    sha256: str | None
    former_sha256: str | None = Field(description="Of the item that it is laid beside; null: there is none.")
    former_as_of: date | None
    changes: list[FactChange]
    settled_on: date


class RefreshShown(ResponseModel):
    """What was asked about a borrower or guarantor last, and what came of each item last."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "applicant_id": _APPLICANT,
                    "refresh_id": _ROW["refresh_id"],
                    "requested_on": "2026-08-01",
                    "role": "BORROWER",
                    "loan_id": _ROW["loan_id"],
                    "consent_text": "2026-01",
                    "consent_withdrawn_on": None,
                    "open": [],
                    "items": [
                        {
                            "refresh_id": _ROW["refresh_id"],
                            "item": "credit-report",
                            "why": None,
                            "detail": None,
                            "reference": "CR-20260801-3",
                            "as_of": "2026-08-01",
                            "sha256": SHA256,
                            "former_sha256": SHA256,
                            "former_as_of": "2026-02-01",
                            "changes": [{"fact": "bureau-score", "before": 700, "after": 610}],
                            "settled_on": "2026-08-01",
                        }
                    ],
                }
            ]
        }
    )

    applicant_id: Id
    refresh_id: Id | None = Field(description="Null: nobody was asked about him yet.")
    requested_on: date | None
    role: RefreshRole | None = Field(description=_ROLE)
    loan_id: Id | None = Field(description="For the sake of which he was asked about.")
    consent_text: str = Field(description="The text in which he agreed; empty: no such consent stood.")
    consent_withdrawn_on: date | None
    open: list[Code] = Field(description="What is waited for.")
    items: list[RefreshItemShown]


def shown(applicant_id: str, state: State) -> RefreshShown:
    """What is known, as it stands."""
    asked = state.asked
    return RefreshShown(
        applicant_id=applicant_id,
        refresh_id=asked.refresh_id if asked else None,
        requested_on=asked.requested_on if asked else None,
        role=asked.role if asked else None,
        loan_id=asked.loan_id if asked else None,
        consent_text=asked.consent_text if asked else "",
        consent_withdrawn_on=state.withdrawn_on,
        open=[each.item for each in state.open],
        items=[_item(each) for each in state.settled.values()],
    )


def _item(settled: RefreshObtained | RefreshMissing) -> RefreshItemShown:
    obtained = settled if isinstance(settled, RefreshObtained) else None
    missing = settled if isinstance(settled, RefreshMissing) else None
    return RefreshItemShown(
        refresh_id=settled.refresh_id,
        item=settled.item,
        why=missing.why if missing else None,
        detail=missing.detail if missing else None,
        reference=obtained.reference if obtained else None,
        as_of=obtained.as_of if obtained else None,
        sha256=obtained.sha256 if obtained else None,
        former_sha256=obtained.former_sha256 if obtained else None,
        former_as_of=obtained.former_as_of if obtained else None,
        changes=list(obtained.changes) if obtained else [],
        settled_on=settled.obtained_on if isinstance(settled, RefreshObtained) else settled.noted_on,
    )
