"""What may be asked of a collection case. Dates are business dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from libs.contracts.collections import CaseEnd, PlanPart, Stage
from libs.lending.money import Money
from services.collections.domain.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCase:
    """A loan is in arrears and the grace is over."""

    case_id: str
    loan_id: str
    application_id: str
    applicant_id: str
    overdue: Money
    days_past_due: int
    policy: Policy
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowArrears:
    """The ledger moved the loan into another bucket; `settled`: nothing at all is owed any more."""

    overdue: Money
    days_past_due: int
    settled: bool
    policy: Policy
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRepayment:
    """Money came in (or was taken back: a negative amount); `overdue` is what is left of the arrears."""

    repayment_id: str
    amount: Money
    value_date: date
    overdue: Money
    days_past_due: int
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignCase:
    """Make a collector responsible; he must be of the team of the case's stage."""

    collector: str
    policy: Policy
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveOut:
    """The team of the case's stage is another one than when it was given out."""

    policy: Policy
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeStage:
    """A manager moves a case to another stage; `complaint_open`: the debtor waits for an answer."""

    stage: Stage
    reason: str
    complaint_open: bool
    policy: Policy
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class MakePromise:
    promise_id: str
    amount: Money
    due: date
    complaint_open: bool
    policy: Policy
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpirePromise:
    """The business date has passed a promise's date."""

    promise_id: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreePlan:
    """`by_manager`: whoever agrees may agree to any number of parts that the policy knows."""

    plan_id: str
    parts: tuple[PlanPart, ...]
    by_manager: bool
    complaint_open: bool
    policy: Policy
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpirePlan:
    """The business date has passed the date of a part."""

    plan_id: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseCase:
    end: CaseEnd
    reason: str
    today: date


Command = (
    OpenCase
    | FollowArrears
    | NoteRepayment
    | AssignCase
    | GiveOut
    | ChangeStage
    | MakePromise
    | ExpirePromise
    | AgreePlan
    | ExpirePlan
    | CloseCase
)
