"""What may be asked of a decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from libs.contracts.approval import Condition, DecisionBasis, ExposureLine, Outcome
from libs.contracts.values import LoanRequest, Reason
from libs.lending.money import Money
from services.approval.domain.casework_policy import Committee, Freeze, LongerTerm, NoticePolicy, Review
from services.approval.domain.exposure import Referral
from services.approval.domain.policy import Authority

NO_MONEY: Final = Money(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the decision table says: an outcome, why, and what a person or an offer must heed.

    `term_months_max`: the table approves only a term of so many months, and is to be asked about that one;
    `instalments`: so many of them, fewer than asked for, it was asked about in the end (None: about those asked for).
    """

    outcome: Outcome
    basis: DecisionBasis
    reasons: tuple[Reason, ...]
    conditions: tuple[Reason, ...] = ()
    queue: str = "standard"
    four_eyes: bool = False
    rate_adjust_bps: int = 0
    term_months_max: int | None = None
    instalments: int | None = None


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
    against: tuple[Reason, ...] = ()
    """Why it is declined whatever the table says: the applicant was declined a short while ago, or what was gathered of
    the application speaks against it."""
    frozen: Freeze | None = None
    """What becomes of it since the applicant is frozen; None where he is not."""
    notice: NoticePolicy | None = None
    score_reasons: tuple[Reason, ...] = ()
    """What cost most of the score: told to who is declined for it. Without a score, why there is none: told to the person
    who decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimCase:
    """Take a case. `lease_days`: for how long, until somebody else may; None: until it is given back. `related`, here
    and below: the applicants to whom the officer is related."""

    officer: str
    today: date
    lease_days: int | None = None
    related: frozenset[str] = frozenset()


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
    related: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lent:
    """Authority that somebody absent has lent, with what holds for himself."""

    delegator: str
    limit: Money
    review_limit: Money
    longer_term_limit: Money = NO_MONEY
    related: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideCase:
    """A person decides. `limit` is the largest amount of that person's authority, `review_limit` that of an override of
    the table's decline, `longer_term_limit` that of a longer term than it allows; `exposures` are the lines on which an approval would count; `conditions` must be met before it does."""

    officer: str
    limit: Money
    outcome: Outcome
    note: str
    reasons: tuple[Reason, ...]
    terms: OfferTerms
    authority: Authority
    today: date
    exposures: tuple[ExposureLine, ...] = ()
    related: frozenset[str] = frozenset()
    lent: tuple[Lent, ...] = ()
    review: Review | None = None
    review_limit: Money = NO_MONEY
    override: str = ""
    longer_term: LongerTerm | None = None
    longer_term_limit: Money = NO_MONEY
    term_override: str = ""
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CastVote:
    """A member of the committee votes on what was recommended; the vote that makes the quorum decides."""

    member: str
    outcome: Outcome
    note: str
    committee: Committee
    authority: Authority
    today: date
    exposures: tuple[ExposureLine, ...] = ()
    related: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetCondition:
    """The proof of a condition was seen; with the last one the approval counts. `coverage_bps`: how much of the loan its
    security covers, and what it must cover."""

    code: str
    document_sha256: str
    note: str
    officer: str
    coverage_bps: int
    coverage_min_bps: int
    today: date
    exposures: tuple[ExposureLine, ...] = ()
    related: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class AskApplicant:
    officer: str
    question: Reason
    answer_days: int
    today: date
    related: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerQuestion:
    code: str
    documents: tuple[str, ...]
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalateCase:
    """Have a late case go to people with more authority."""

    from_queue: str
    to_queue: str
    due: date
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestReview:
    """The applicant wants a person to look at what the table declined (PIPL 24)."""

    review: Review
    today: date


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
    | CastVote
    | MeetCondition
    | AskApplicant
    | AnswerQuestion
    | EscalateCase
    | RequestReview
)
