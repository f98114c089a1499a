"""What the scoring service publishes."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field

from libs.contracts import examples as ex
from libs.contracts.application import ConsentPurpose
from libs.contracts.base import DomainEvent, Value
from libs.contracts.types import Code, DecimalField, Fact, Id, Text
from libs.contracts.values import LoanRequest, Reason

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Advice(StrEnum):
    """What the policy on information says of an application that was not scored."""

    REFER = "REFER"
    DECLINE = "DECLINE"


class Without(StrEnum):
    """Why an item of information that is needed does not count."""

    NO_HIT = "NO_HIT"
    """The source was asked and knows nothing of this applicant."""
    UNAVAILABLE = "UNAVAILABLE"
    """The source gave no answer that can be used."""
    CONFLICTING = "CONFLICTING"
    """The source knows this identity number under another name."""
    NO_CONSENT = "NO_CONSENT"
    """The applicant has not agreed that it is asked for, or agrees no longer."""
    LATE = "LATE"
    """Nobody brought it in time."""
    EXPIRED = "EXPIRED"
    """It is older than it may be."""
    INCOMPLETE = "INCOMPLETE"
    """It lacks a fact that must be looked at."""


class RequestedItem(Value):
    """An item that is needed, who is asked for it, and on whose consent it rests (none: public records)."""

    item: Code
    source: Code
    consent: ConsentPurpose | None = None
    due_on: date


class UsedItem(Value):
    """An item that an assessment rests on: which document, and until when it counted."""

    item: Code
    sha256: Sha256
    valid_until: date


class IndicatorScore(Value):
    """What one indicator contributed: the answer given, the bin it fell into, the points of that bin."""

    indicator: Code
    value: int | str | None
    bin: str
    points: int


class ApplicationScored(DomainEvent, type="puhui.scoring.application-scored.v1"):
    """An application was assessed by a card: score, grade, and every input with its points.

    `reasons` are the indicators that cost most against an applicant near the cut-off, at most four. Higher scores are
    better; `probability_of_default` is a fraction. An answer that was not given is null and counts as the worst one.
    The request travels on unchanged.
    """

    application_id: Id
    request: LoanRequest
    card_id: Code
    card_version: Annotated[int, Field(ge=1)]
    card_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    score: int
    probability_of_default: DecimalField
    grade: Annotated[str, Field(pattern="^[A-Z][0-9]?$")]
    indicators: tuple[IndicatorScore, ...]
    reasons: tuple[Reason, ...]
    scored_on: date
    items: tuple[UsedItem, ...] = ()

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "request": ex.REQUEST,
        "card_id": "german-credit",
        "card_version": 1,
        "card_sha256": ex.SHA256,
        "score": 612,
        "probability_of_default": "0.0831",
        "grade": "B",
        "indicators": [
            {"indicator": "savings-balance", "value": "below-1000", "bin": "none | below-1000", "points": 58}
        ],
        "reasons": [
            {
                "code": "savings-balance",
                "text": {"zh": "储蓄或有价证券较少", "en": "Savings or securities are small"},
            }
        ],
        "scored_on": "2026-02-01",
    }


class ScoringFailed(DomainEvent, type="puhui.scoring.scoring-failed.v1"):
    """An application could not be scored: no card in force, an answer that cannot be used, information that is missing
    or speaks against it. A person must look at it, or where `advice` says so it is declined; it is never approved by a
    rule. `further` are reasons beside the first."""

    application_id: Id
    request: LoanRequest
    reason: Reason
    failed_on: date
    advice: Advice = Advice.REFER
    further: tuple[Reason, ...] = ()

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "request": ex.REQUEST,
        "reason": {"code": "no-card-in-force", "text": {"zh": "无有效评分卡", "en": "No score card is in force"}},
        "failed_on": "2026-02-01",
    }


class CardUse(StrEnum):
    """What an approved card does."""

    CHAMPION = "CHAMPION"
    """It scores: its grades are decided on."""
    CHALLENGER = "CHALLENGER"
    """It scores beside the champion, in its shadow: nothing is decided on it."""


class ChallengerScored(DomainEvent, type="puhui.scoring.challenger-scored.v1"):
    """What a challenger says of an application that the champion scored. Nothing follows from it."""

    application_id: Id
    card_id: Code
    card_version: Annotated[int, Field(ge=1)]
    card_sha256: Sha256
    score: int | None
    """None: it cannot use an answer that the champion can."""
    probability_of_default: DecimalField | None
    grade: Annotated[str, Field(pattern="^[A-Z][0-9]?$")] | None
    champion: Code
    champion_score: int
    champion_grade: Annotated[str, Field(pattern="^[A-Z][0-9]?$")]
    scored_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "card_id": "german-credit",
        "card_version": 2,
        "card_sha256": ex.SHA256,
        "score": 598,
        "probability_of_default": "0.2241",
        "grade": "C",
        "champion": "german-credit-v1",
        "champion_score": 612,
        "champion_grade": "B",
        "scored_on": "2026-02-01",
    }


class CardDrafted(DomainEvent, type="puhui.scoring.card-drafted.v1"):
    """A card was put on record, under the hash of its canonical JSON. It scores nobody yet."""

    card_id: Code
    version: Annotated[int, Field(ge=1)]
    sha256: Sha256
    document: dict[str, Any]
    drafted_by: Text
    drafted_on: date

    example: ClassVar[dict[str, Any]] = {
        "card_id": "german-credit",
        "version": 2,
        "sha256": ex.SHA256,
        "document": {"format": "puhui.scorecard/1", "card_id": "german-credit", "version": 2},
        "drafted_by": "risk-manager",
        "drafted_on": "2026-03-01",
    }


class GradeShift(Value):
    """How many applications have a grade under a card, and how many had it under those that scored them."""

    grade: Annotated[str, Field(pattern="^[A-Z][0-9]?$")]
    applications: Annotated[int, Field(ge=0)]
    before: Annotated[int, Field(ge=0)]


class CardValidated(DomainEvent, type="puhui.scoring.card-validated.v1"):
    """Past applications were scored again with a card, beside what they were scored with. Which ones: scored within two
    dates, up to `until_sequence` of the service's order; so it can be done again. `unusable`: those of which the card
    cannot use an answer. `result_sha256` is of the canonical JSON of all cases. `stability` is the index between both
    distributions over the grades. `report_sha256` is of the model report that was read, where one was named."""

    card_id: Code
    version: Annotated[int, Field(ge=1)]
    sha256: Sha256
    scored_from: date
    scored_to: date
    until_sequence: Annotated[int, Field(ge=0)]
    applications: Annotated[int, Field(ge=0)]
    unusable: Annotated[int, Field(ge=0)]
    better: Annotated[int, Field(ge=0)]
    worse: Annotated[int, Field(ge=0)]
    grades: tuple[GradeShift, ...]
    stability: DecimalField
    mean_probability: DecimalField | None
    mean_probability_before: DecimalField | None
    result_sha256: Sha256
    validated_by: Text
    validated_on: date
    report_sha256: Sha256 | None = None

    example: ClassVar[dict[str, Any]] = {
        "card_id": "german-credit",
        "version": 2,
        "sha256": ex.SHA256,
        "scored_from": "2026-01-01",
        "scored_to": "2026-02-28",
        "until_sequence": 4200,
        "applications": 900,
        "unusable": 0,
        "better": 41,
        "worse": 58,
        "grades": [{"grade": "B", "applications": 188, "before": 205}],
        "stability": "0.0214",
        "mean_probability": "0.3012",
        "mean_probability_before": "0.2954",
        "result_sha256": ex.SHA256,
        "validated_by": "risk-manager",
        "validated_on": "2026-03-02",
    }


class RescoredCase(Value):
    """What a card says of one past application; without score and grade it cannot use an answer. `reasons` are places in
    the part's own, from 0 on: what cost most, or why there is no score."""

    application_id: Id
    score: int | None
    grade: Annotated[str, Field(pattern="^[A-Z][0-9]?$")] | None
    reasons: tuple[Annotated[int, Field(ge=0)], ...]


class ApplicationsRescored(DomainEvent, type="puhui.scoring.applications-rescored.v1"):
    """A part of a rescoring: what a card says of past applications, from the very answers that they were scored with.
    Nothing follows for them. `first` is the place of the first one in the whole, from 1 on."""

    rescoring_id: Id
    part: Annotated[int, Field(ge=1)]
    first: Annotated[int, Field(ge=1)]
    until_sequence: Annotated[int, Field(ge=0)]
    cases: Annotated[tuple[RescoredCase, ...], Field(min_length=1)]
    reasons: tuple[Reason, ...]

    example: ClassVar[dict[str, Any]] = {
        "rescoring_id": "rescoring-1",
        "part": 1,
        "first": 1,
        "until_sequence": 4200,
        "cases": [{"application_id": ex.APPLICATION, "score": 598, "grade": "C", "reasons": [0]}],
        "reasons": [ex.REASON],
    }


class CardRescored(DomainEvent, type="puhui.scoring.card-rescored.v1"):
    """Past applications were scored again with a card, and all parts of it are told. Which ones: scored within two dates,
    up to `until_sequence` of the service's order; so it can be done again. `result_sha256` is of the canonical JSON of
    all cases. `drafted_by` is empty for a card that a release brought."""

    rescoring_id: Id
    card_id: Code
    version: Annotated[int, Field(ge=1)]
    card_sha256: Sha256
    drafted_by: str
    scored_from: date
    scored_to: date
    until_sequence: Annotated[int, Field(ge=0)]
    parts: Annotated[int, Field(ge=1)]
    applications: Annotated[int, Field(ge=1)]
    unusable: Annotated[int, Field(ge=0)]
    result_sha256: Sha256
    rescored_by: Text
    rescored_on: date

    example: ClassVar[dict[str, Any]] = {
        "rescoring_id": "rescoring-1",
        "card_id": "german-credit",
        "version": 2,
        "card_sha256": ex.SHA256,
        "drafted_by": "risk-manager",
        "scored_from": "2026-01-01",
        "scored_to": "2026-02-28",
        "until_sequence": 4200,
        "parts": 4,
        "applications": 900,
        "unusable": 0,
        "result_sha256": ex.SHA256,
        "rescored_by": "risk-manager",
        "rescored_on": "2026-03-02",
    }


class CardCleared(DomainEvent, type="puhui.scoring.card-cleared.v1"):
    """What past decisions would have been under a card was compared, and somebody else signed it off: the card may be
    approved to be decided on. The comparison and its cases are approval's."""

    card_id: Code
    version: Annotated[int, Field(ge=1)]
    sha256: Sha256
    comparison_id: Id
    considered: Annotated[int, Field(ge=0)]
    changed: Annotated[int, Field(ge=0)]
    compared_on: date
    signed_by: Text
    signed_on: date

    example: ClassVar[dict[str, Any]] = {
        "card_id": "german-credit",
        "version": 2,
        "sha256": ex.SHA256,
        "comparison_id": "comparison-1",
        "considered": 900,
        "changed": 41,
        "compared_on": "2026-03-02",
        "signed_by": "senior-credit-officer",
        "signed_on": "2026-03-03",
    }


class CardApproved(DomainEvent, type="puhui.scoring.card-approved.v1"):
    """A second person approved a validated card for a use from a date on. A challenger may be approved as champion later."""

    card_id: Code
    version: Annotated[int, Field(ge=1)]
    sha256: Sha256
    use: CardUse
    effective_from: date
    note: Text
    approved_by: Text
    approved_on: date

    example: ClassVar[dict[str, Any]] = {
        "card_id": "german-credit",
        "version": 2,
        "sha256": ex.SHA256,
        "use": "CHALLENGER",
        "effective_from": "2026-04-01",
        "note": "A quarter in the shadow first",
        "approved_by": "senior-credit-officer",
        "approved_on": "2026-03-03",
    }


class CardTookEffect(DomainEvent, type="puhui.scoring.card-took-effect.v1"):
    """The day came from which a card is used."""

    card_id: Code
    version: Annotated[int, Field(ge=1)]
    use: CardUse
    effective_from: date

    example: ClassVar[dict[str, Any]] = {
        "card_id": "german-credit",
        "version": 2,
        "use": "CHALLENGER",
        "effective_from": "2026-04-01",
    }


class CardRetired(DomainEvent, type="puhui.scoring.card-retired.v1"):
    """From a date on a card is used no more, in neither use. Applications of earlier days are scored with it still."""

    card_id: Code
    version: Annotated[int, Field(ge=1)]
    retired_from: date
    reason: Text
    retired_by: Text
    retired_on: date

    example: ClassVar[dict[str, Any]] = {
        "card_id": "german-credit",
        "version": 1,
        "retired_from": "2026-04-01",
        "reason": "Its applicants are no longer those it was made for",
        "retired_by": "risk-manager",
        "retired_on": "2026-03-31",
    }


class InformationRequested(DomainEvent, type="puhui.scoring.information-requested.v1"):
    """Before an application is assessed, the policy on information asks for these items. `consents` are those that the
    applicant gave with the application."""

    application_id: Id
    request: LoanRequest
    policy_version: Annotated[int, Field(ge=1)]
    policy_sha256: Sha256
    items: Annotated[tuple[RequestedItem, ...], Field(min_length=1)]
    consents: tuple[ConsentPurpose, ...]
    requested_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "request": ex.REQUEST,
        "policy_version": 1,
        "policy_sha256": ex.SHA256,
        "items": [
            {"item": "credit-report", "source": "bureau", "consent": "CREDIT_REPORT", "due_on": "2026-02-04"},
        ],
        "consents": ["CREDIT_REPORT", "DATA_PROCESSING"],
        "requested_on": "2026-02-01",
    }


class InformationObtained(DomainEvent, type="puhui.scoring.information-obtained.v1"):
    """An item came in: from whom, of which day, until when it counts, on which consent, and the facts in it. The document
    itself is kept elsewhere, sealed; `sha256` is of its bytes. `provided_by` is empty when a source was asked by machine.
    """

    application_id: Id
    item: Code
    source: Code
    reference: Text
    as_of: date
    valid_until: date
    consent: ConsentPurpose | None
    sha256: Sha256
    media_type: Text
    size_bytes: Annotated[int, Field(ge=1)]
    facts: dict[str, Fact]
    provided_by: str = ""
    obtained_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "item": "credit-report",
        "source": "bureau",
        "reference": "CR-20260201-7",
        "as_of": "2026-02-01",
        "valid_until": "2026-03-03",
        "consent": "CREDIT_REPORT",
        "sha256": ex.SHA256,
        "media_type": "application/json",
        "size_bytes": 412,
        "facts": {"overdue-now-minor": 0, "credit-history": "existing-paid-duly"},
        "provided_by": "",
        "obtained_on": "2026-02-01",
    }


class InformationMissing(DomainEvent, type="puhui.scoring.information-missing.v1"):
    """An item will not come: why, and what exactly happened. What follows from it is the policy's to say."""

    application_id: Id
    item: Code
    why: Without
    detail: Text
    noted_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "item": "credit-report",
        "why": "UNAVAILABLE",
        "detail": "No answer in 2 s, asked 6 times",
        "noted_on": "2026-02-01",
    }


class InformationConsentWithdrawn(DomainEvent, type="puhui.scoring.information-consent-withdrawn.v1"):
    """The applicant agrees to a purpose no longer: nothing more is asked for under it, and nothing that came in under it
    is used in an assessment that is yet to be made. One that was made stands (PIPL 15)."""

    application_id: Id
    purpose: ConsentPurpose
    withdrawn_by: Text
    withdrawn_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "purpose": "CREDIT_REPORT",
        "withdrawn_by": "customer",
        "withdrawn_on": "2026-02-02",
    }


class InformationAbandoned(DomainEvent, type="puhui.scoring.information-abandoned.v1"):
    """The application came to its end before it was assessed: `items` that were waited for are not any more."""

    application_id: Id
    items: tuple[Code, ...]
    reason: Code
    abandoned_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "items": ["interview"],
        "reason": "withdrawn",
        "abandoned_on": "2026-02-02",
    }


class FactChange(Value):
    """What a fact was known to be last (null: it was not known), and what it is now."""

    fact: Code
    before: Fact
    after: Fact


class RefreshRole(StrEnum):
    """As what somebody is asked about while a loan runs."""

    BORROWER = "BORROWER"
    """The loan is his own."""
    GUARANTOR = "GUARANTOR"
    """He answers for the loan of another."""


_REFRESH: Final[dict[str, Any]] = {
    "applicant_id": ex.APPLICANT,
    "refresh_id": "5d0f4a3e-7f5b-5d0b-9a41-2f6f0f4c9a10",
    "loan_id": ex.LOAN,
}


class RefreshRequested(DomainEvent, type="puhui.scoring.refresh-requested.v1"):
    """While a loan runs, sources are asked anew about its borrower or one who answers for it (R3.6), as the policy on
    refreshes says. `refresh_id` is the authority under which they are asked. `consent_text` is the version of the text in
    which he agreed that he is asked about while the loan is managed, empty where no such consent stands: items that rest
    on it are not asked for."""

    applicant_id: Id
    refresh_id: Id
    loan_id: Id
    items: Annotated[tuple[RequestedItem, ...], Field(min_length=1)]
    consent_text: str
    policy_version: Annotated[int, Field(ge=1)]
    policy_sha256: Sha256
    requested_on: date
    role: RefreshRole = RefreshRole.BORROWER

    example: ClassVar[dict[str, Any]] = _REFRESH | {
        "items": [
            {"item": "credit-report", "source": "bureau", "consent": "CREDIT_REPORT", "due_on": "2026-08-01"},
        ],
        "consent_text": "2026-01",
        "policy_version": 1,
        "policy_sha256": ex.SHA256,
        "requested_on": "2026-08-01",
    }


class RefreshObtained(DomainEvent, type="puhui.scoring.refresh-obtained.v1"):
    """What a source says of a borrower or a guarantor while the loan runs, and what changed against what was known of him
    last, from the former item (`former_…`; none: this is the first). A fact that is left out has not changed. The document
    itself is kept elsewhere, sealed; `sha256` is of its bytes."""

    applicant_id: Id
    refresh_id: Id
    loan_id: Id
    item: Code
    source: Code
    reference: Text
    as_of: date
    consent: ConsentPurpose | None
    sha256: Sha256
    media_type: Text
    size_bytes: Annotated[int, Field(ge=1)]
    facts: dict[str, Fact]
    former_sha256: Sha256 | None
    former_as_of: date | None
    changes: tuple[FactChange, ...]
    obtained_on: date
    role: RefreshRole = RefreshRole.BORROWER

    example: ClassVar[dict[str, Any]] = _REFRESH | {
        "item": "credit-report",
        "source": "bureau",
        "reference": "CR-20260801-3",
        "as_of": "2026-08-01",
        "consent": "CREDIT_REPORT",
        "sha256": ex.SHA256,
        "media_type": "application/json",
        "size_bytes": 412,
        "facts": {"bureau-score": 610, "overdue-now-minor": 0},
        "former_sha256": ex.SHA256,
        "former_as_of": "2026-02-01",
        "changes": [{"fact": "bureau-score", "before": 700, "after": 610}],
        "obtained_on": "2026-08-01",
    }


class RefreshMissing(DomainEvent, type="puhui.scoring.refresh-missing.v1"):
    """An item of a refresh will not come: why, and what exactly happened. With NO_CONSENT nobody was asked, or nothing of
    the answer was kept."""

    applicant_id: Id
    refresh_id: Id
    loan_id: Id
    item: Code
    why: Without
    detail: Text
    noted_on: date

    example: ClassVar[dict[str, Any]] = _REFRESH | {
        "item": "credit-report",
        "why": "NO_CONSENT",
        "detail": "No consent to be asked about while the loan is managed",
        "noted_on": "2026-08-01",
    }


class RefreshConsentWithdrawn(DomainEvent, type="puhui.scoring.refresh-consent-withdrawn.v1"):
    """A borrower or guarantor agrees no longer that sources are asked about him while a loan is managed; what came before
    stands (PIPL 15). He may agree anew with a later application, or when he answers for another loan."""

    applicant_id: Id
    purpose: ConsentPurpose
    withdrawn_by: Text
    withdrawn_on: date

    example: ClassVar[dict[str, Any]] = {
        "applicant_id": ex.APPLICANT,
        "purpose": "CREDIT_REPORT",
        "withdrawn_by": "customer",
        "withdrawn_on": "2026-08-02",
    }
