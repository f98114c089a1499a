"""What the partners service publishes: who lends with us, in which shares, what falls to each, and where each is told."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field

from libs.contracts import examples as ex
from libs.contracts.base import DomainEvent, Value
from libs.contracts.types import Code, Id, MoneyField, Text
from libs.contracts.values import Named
from libs.lending.money import Money

OWN: Final = "own"
"""The funder that is ourselves."""
SHARE_PARTS: Final = 1_000_000
"""A share is a whole number of millionths: shares add up to the whole exactly."""

SharePpm = Annotated[int, Field(ge=1, le=SHARE_PARTS)]


class PartnerRegistered(DomainEvent, type="puhui.partners.partner-registered.v1"):
    """A lender that may fund loans with us. `subject` is who its system's tokens speak for."""

    partner: Code
    legal_name: Named
    licence: Text
    subject: Text
    registered_by: str
    registered_on: date

    example: ClassVar[dict[str, Any]] = {
        "partner": "harbour-bank",
        "legal_name": {"zh": "港湾银行股份有限公司", "en": "Harbour Bank Co., Ltd."},
        "licence": "B0000H233010001",
        "subject": "partner",
        "registered_by": "finance-1",
        "registered_on": "2026-02-01",
    }


class EndpointStatus(StrEnum):
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    """Nothing is sent; what comes is kept for later."""
    DISABLED = "DISABLED"
    """The receiver answered 410: nothing is sent until somebody resumes it."""
    REMOVED = "REMOVED"
    """For good; what was kept for it is not sent."""


class EndpointRegistered(DomainEvent, type="puhui.partners.endpoint-registered.v1"):
    """A partner is told at this address of events of these types, each with its version. The secret is not here."""

    endpoint_id: Id
    partner: Code
    url: Text
    types: tuple[str, ...]
    registered_by: str
    registered_on: date

    example: ClassVar[dict[str, Any]] = {
        "endpoint_id": "0197a3f0-0000-7000-8000-000000000007",
        "partner": "harbour-bank",
        "url": "https://hooks.harbour-bank.example/puhui",
        "types": ["puhui.ledger.loan-disbursed.v1", "puhui.ledger.repayment-received.v1"],
        "registered_by": "finance-1",
        "registered_on": "2026-02-01",
    }


class EndpointStatusChanged(DomainEvent, type="puhui.partners.endpoint-status-changed.v1"):
    """An endpoint was paused, resumed, disabled or removed."""

    endpoint_id: Id
    partner: Code
    previous: EndpointStatus
    status: EndpointStatus
    reason: Text
    changed_on: date

    example: ClassVar[dict[str, Any]] = {
        "endpoint_id": "0197a3f0-0000-7000-8000-000000000007",
        "partner": "harbour-bank",
        "previous": "ACTIVE",
        "status": "PAUSED",
        "reason": "Maintenance on the partner's side",
        "changed_on": "2026-02-02",
    }


class EndpointSecretRotated(DomainEvent, type="puhui.partners.endpoint-secret-rotated.v1"):
    """The endpoint has a new signing secret; until `previous_until` (Unix seconds) both sign."""

    endpoint_id: Id
    partner: Code
    generation: Annotated[int, Field(ge=2)]
    previous_until: Annotated[int, Field(ge=0)]
    rotated_on: date

    example: ClassVar[dict[str, Any]] = {
        "endpoint_id": "0197a3f0-0000-7000-8000-000000000007",
        "partner": "harbour-bank",
        "generation": 2,
        "previous_until": 1770076800,
        "rotated_on": "2026-02-02",
    }


class FunderShare(Value):
    """What one lender holds of a loan, in millionths."""

    funder: Code
    share_ppm: SharePpm


class FundedAmounts(Value):
    """Money by account, from the borrower's side of the books. What went out to him is positive in `disbursed`.

    `principal`, `interest`, `fee` and `penalty` are what was paid or otherwise met; `waived` is how much of that was
    not paid but waived; `written_off` is what is no longer counted on; `recovered` came in after that.
    """

    disbursed: MoneyField
    principal: MoneyField
    interest: MoneyField
    fee: MoneyField
    penalty: MoneyField
    waived: MoneyField
    written_off: MoneyField
    recovered: MoneyField

    @property
    def cash(self) -> Money:
        """What came in less what went out: what is settled between lenders."""
        received = self.principal + self.interest + self.fee + self.penalty - self.waived + self.recovered
        return received - self.disbursed


class FunderPart(Value):
    """One lender's part of a movement. `transferred` is principal bought (positive) or sold at a change of shares."""

    funder: Code
    amounts: FundedAmounts
    transferred: MoneyField


class LoanShared(DomainEvent, type="puhui.partners.loan-shared.v1"):
    """Several lenders fund a loan in these shares, from its payout on."""

    loan_id: Id
    shares: tuple[FunderShare, ...]
    effective_from: date
    proposed_by: str
    approved_by: str
    shared_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "shares": [
            {"funder": "harbour-bank", "share_ppm": 700000},
            {"funder": "own", "share_ppm": 300000},
        ],
        "effective_from": "2026-02-02",
        "proposed_by": "finance-2",
        "approved_by": "finance-1",
        "shared_on": "2026-02-02",
    }


class SharingProposed(DomainEvent, type="puhui.partners.sharing-proposed.v1"):
    """Somebody proposes how a loan is shared, or from a date on shared otherwise; another one approves it."""

    loan_id: Id
    shares: tuple[FunderShare, ...]
    effective_from: date
    proposed_by: str
    proposed_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "shares": [
            {"funder": "harbour-bank", "share_ppm": 700000},
            {"funder": "own", "share_ppm": 300000},
        ],
        "effective_from": "2026-02-02",
        "proposed_by": "finance-2",
        "proposed_on": "2026-02-02",
    }


AMOUNTS: Final[dict[str, Any]] = {
    "disbursed": ex.cny("0.00"),
    "principal": ex.cny("920.16"),
    "interest": ex.cny("180.00"),
    "fee": ex.cny("0.00"),
    "penalty": ex.cny("0.00"),
    "waived": ex.cny("0.00"),
    "written_off": ex.cny("0.00"),
    "recovered": ex.cny("0.00"),
}


class MovementSplit(DomainEvent, type="puhui.partners.movement-split.v1"):
    """What one event of the ledger moved, and what of it falls to each lender: the parts add up to the whole."""

    loan_id: Id
    movement_id: Id
    movement_type: str
    repayment_id: str = ""
    """The repayment that it is about: what undoes one counts on the same date."""
    effective_on: date
    whole: FundedAmounts
    parts: tuple[FunderPart, ...]

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "movement_id": "0197a3f0-0000-7000-8000-000000000008",
        "movement_type": "puhui.ledger.repayment-received.v1",
        "repayment_id": "repayment-1",
        "effective_on": "2026-03-02",
        "whole": AMOUNTS,
        "parts": [
            {
                "funder": "harbour-bank",
                "amounts": AMOUNTS | {"principal": ex.cny("644.11"), "interest": ex.cny("126.00")},
                "transferred": ex.cny("0.00"),
            },
            {
                "funder": "own",
                "amounts": AMOUNTS | {"principal": ex.cny("276.05"), "interest": ex.cny("54.00")},
                "transferred": ex.cny("0.00"),
            },
        ],
    }


class SharesTransferred(DomainEvent, type="puhui.partners.shares-transferred.v1"):
    """From a date on a loan is held in other shares: principal outstanding on it changes hands at its face value.

    `parts` says what each lender's account changes by, late movements included.
    """

    loan_id: Id
    shares: tuple[FunderShare, ...]
    effective_from: date
    proposed_by: str
    approved_by: str
    parts: tuple[FunderPart, ...]
    transferred_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "shares": [{"funder": "own", "share_ppm": 1000000}],
        "effective_from": "2026-04-01",
        "proposed_by": "finance-2",
        "approved_by": "finance-1",
        "parts": [
            {
                "funder": "harbour-bank",
                "amounts": AMOUNTS | {"principal": ex.cny("0.00"), "interest": ex.cny("0.00")},
                "transferred": ex.cny("-7755.89"),
            },
            {
                "funder": "own",
                "amounts": AMOUNTS | {"principal": ex.cny("0.00"), "interest": ex.cny("0.00")},
                "transferred": ex.cny("7755.89"),
            },
        ],
        "transferred_on": "2026-04-01",
    }


def nothing(currency: str = "CNY") -> FundedAmounts:
    zero = Money(0, currency)
    return FundedAmounts(
        disbursed=zero,
        principal=zero,
        interest=zero,
        fee=zero,
        penalty=zero,
        waived=zero,
        written_off=zero,
        recovered=zero,
    )
