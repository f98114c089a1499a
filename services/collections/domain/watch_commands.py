"""What may be asked of a borrower's watch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from libs.contracts.collections import MeasureKind, Severity
from libs.contracts.values import RateIncreaseRule
from libs.lending.money import Money
from services.collections.domain.watch_policy import WatchPolicy
from services.collections.domain.watch_rules import WarningRule


@dataclass(frozen=True, slots=True)
class Found:
    """A rule that is met, and the identifier of that: the same for the same thing, so that it warns once."""

    warning_id: str
    rule: WarningRule


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseWarnings:
    """What rules found in the behaviour on one loan."""

    applicant_id: str
    loan_id: str
    found: tuple[Found, ...]
    policy: WatchPolicy
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class CureWarnings:
    """The loan is in arrears no more, or is over."""

    loan_id: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveQuietly:
    """Take off by rule who has given no reason for long enough."""

    policy: WatchPolicy
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterWatch:
    """Put a borrower on the list, by a person's word."""

    applicant_id: str
    severity: Severity
    reason: str
    by: str
    policy: WatchPolicy
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewWatch:
    findings: str
    leave: bool
    by: str
    policy: WatchPolicy
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeMeasure:
    """`limit` belongs to LOWER_LIMIT, `clause` of the contract, `increase` and `loan_id` to HIGHER_RATE, `loan_id` to
    MORE_GUARANTEE. `agreed`: the clause that the loan's contract has, None where its rate is fixed."""

    measure_id: str
    kind: MeasureKind
    loan_id: str
    limit: Money | None
    clause: str
    reason: str
    by: str
    policy: WatchPolicy
    today: date
    increase: Decimal | None = None
    agreed: RateIncreaseRule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideMeasure:
    measure_id: str
    take: bool
    reason: str
    by: str
    policy: WatchPolicy
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class EndMeasure:
    measure_id: str
    reason: str
    by: str
    policy: WatchPolicy
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvideGuarantee:
    """A security for the loan was registered."""

    loan_id: str
    security_id: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteNotice:
    """The borrower was told of a higher rate."""

    measure_id: str
    template: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeHigherRate:
    """The date of an announced higher rate may have come."""

    measure_id: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowRefusal:
    """The ledger leaves the rate as it is."""

    measure_id: str
    reason: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveWatch:
    """Take a borrower off the list, after a review that says so."""

    reason: str
    by: str
    policy: WatchPolicy
    today: date


Command = (
    RaiseWarnings
    | CureWarnings
    | LeaveQuietly
    | EnterWatch
    | ReviewWatch
    | ProposeMeasure
    | DecideMeasure
    | EndMeasure
    | ProvideGuarantee
    | NoteNotice
    | TakeHigherRate
    | FollowRefusal
    | LeaveWatch
)
