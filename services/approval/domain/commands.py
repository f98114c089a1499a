"""What may be asked of a decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from libs.contracts.approval import DecisionBasis, ExposureLine, Outcome
from libs.contracts.values import LoanRequest, Reason
from libs.lending.money import Money
from services.approval.domain.exposure import Referral
from services.approval.domain.policy import Authority


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the decision table says: an outcome, why, and what a person or an offer must heed."""

    outcome: Outcome
    basis: DecisionBasis
    reasons: tuple[Reason, ...]
    conditions: tuple[Reason, ...] = ()
    queue: str = "standard"
    four_eyes: bool = False
    rate_adjust_bps: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsiderApplication:
    """Decide on a scored application by the table's verdict, within the limits of `exposures`; what these do not allow
    goes where `referral` says."""

    application_id: str
    request: LoanRequest
    verdict: Verdict
    authority: Authority
    today: date
    exposures: tuple[ExposureLine, ...] = ()
    referral: Referral | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimCase:
    officer: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseCase:
    officer: str
    reason: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferTerms:
    """A counter-offer: what differs from the request. Nothing may be more than was asked for."""

    amount: Money | None = None
    instalments: int | None = None
    annual_rate_adjust_bps: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendDecision:
    officer: str
    outcome: Outcome
    note: str
    terms: OfferTerms
    authority: Authority
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideCase:
    """A person decides. `limit` is the largest amount of that person's authority; `exposures` are the lines on which an
    approval would count."""

    officer: str
    limit: Money
    outcome: Outcome
    note: str
    reasons: tuple[Reason, ...]
    terms: OfferTerms
    authority: Authority
    today: date
    exposures: tuple[ExposureLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LapseApproval:
    """The application was withdrawn, or the offer's date has passed."""

    application_id: str
    reason: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptOffer:
    application_id: str
    contract_id: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseExposure:
    """The loan is paid back, or came to nothing: it counts towards limits no more."""

    application_id: str
    reason: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ReinstateExposure:
    """A repayment was reversed, and the loan is owed again."""

    application_id: str
    reason: str
    today: date


Command = (
    ConsiderApplication
    | ClaimCase
    | ReleaseCase
    | RecommendDecision
    | DecideCase
    | LapseApproval
    | AcceptOffer
    | ReleaseExposure
    | ReinstateExposure
)
