"""What the partners service publishes: who lends with us, under which agreements, in which shares, what falls to each,
and where each is told."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field

from libs.contracts import examples as ex
from libs.contracts.approval import ApplicationApproved
from libs.contracts.base import DomainEvent, Value
from libs.contracts.contract import CoLender
from libs.contracts.types import Code, Fact, Id, MoneyField, Personal, RateField, Text
from libs.contracts.values import Named
from libs.lending.money import Money

OWN: Final = "own"
"""The funder that is ourselves."""
SHARE_PARTS: Final = 1_000_000
"""A share is a whole number of millionths: shares add up to the whole exactly."""

PublicKeyText = Annotated[str, Field(pattern="^whpk_[A-Za-z0-9+/]{43}=$")]
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


class ContactRole(StrEnum):
    """On what a contact person speaks for a partner."""

    BUSINESS = "BUSINESS"
    SETTLEMENT = "SETTLEMENT"
    TECHNICAL = "TECHNICAL"
    COMPLAINTS = "COMPLAINTS"
    """Of borrowers, who are answered by the lender that they ask."""
    COMPLIANCE = "COMPLIANCE"


CONTACT: Final[dict[str, Any]] = {
    "partner": "harbour-bank",
    "person_id": "contact-0197a3f0-0000-7000-8000-00000000000e",
    "role": "SETTLEMENT",
    "name": "李四",
    "telephone": "+86 571 8800 0000",
    "email": "settlement@harbour-bank.example",
    "valid_from": "2026-02-01",
    "valid_until": None,
}


class ContactNamed(DomainEvent, type="puhui.partners.contact-named.v1"):
    """A person speaks for a partner, from a date on and, where one is named, until another."""

    partner: Code
    person_id: Id
    role: ContactRole
    name: Annotated[Text, Personal("person_id")]
    telephone: Annotated[str, Personal("person_id")]
    email: Annotated[str, Personal("person_id")]
    valid_from: date
    valid_until: date | None = None
    named_by: str
    named_on: date

    example: ClassVar[dict[str, Any]] = CONTACT | {"named_by": "finance-2", "named_on": "2026-02-01"}


class ContactChanged(DomainEvent, type="puhui.partners.contact-changed.v1"):
    """What was said of a contact person is otherwise; all of it as it is now."""

    partner: Code
    person_id: Id
    role: ContactRole
    name: Annotated[Text, Personal("person_id")]
    telephone: Annotated[str, Personal("person_id")]
    email: Annotated[str, Personal("person_id")]
    valid_from: date
    valid_until: date | None = None
    changed_by: str
    changed_on: date

    example: ClassVar[dict[str, Any]] = CONTACT | {
        "valid_until": "2026-12-31",
        "changed_by": "partner",
        "changed_on": "2026-03-02",
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


class EndpointTested(DomainEvent, type="puhui.partners.endpoint-tested.v1"):
    """Somebody asked for a test event to be sent to an endpoint."""

    endpoint_id: Id
    partner: Code
    tested_by: str
    tested_on: date

    example: ClassVar[dict[str, Any]] = {
        "endpoint_id": "0197a3f0-0000-7000-8000-000000000007",
        "partner": "harbour-bank",
        "tested_by": "operator-1",
        "tested_on": "2026-02-02",
    }


class RedeliveryRequested(DomainEvent, type="puhui.partners.redelivery-requested.v1"):
    """Somebody asked for messages to be sent to an endpoint again: these, all since a place in the ledger's sequence,
    or, where neither is named, all that failed."""

    endpoint_id: Id
    partner: Code
    positions: tuple[int, ...] = ()
    from_sequence: int | None = None
    requested_by: str
    requested_on: date

    example: ClassVar[dict[str, Any]] = {
        "endpoint_id": "0197a3f0-0000-7000-8000-000000000007",
        "partner": "harbour-bank",
        "positions": [17, 18],
        "from_sequence": None,
        "requested_by": "operator-1",
        "requested_on": "2026-02-02",
    }


class FunderShare(Value):
    """What one lender holds of a loan, in millionths."""

    funder: Code
    share_ppm: SharePpm


class FundedAmounts(Value):
    """Money by account, from the borrower's side of the books. What went out to him is positive in `disbursed`.

    `principal`, `interest`, `fee` and `penalty` are what was paid or otherwise met; `waived` is how much of that was
    not paid but waived; `written_off` is what is no longer counted on; `recovered` came in after that. `cost` is what
    servicing or recovering the loan has cost its lenders.
    """

    disbursed: MoneyField
    principal: MoneyField
    interest: MoneyField
    fee: MoneyField
    penalty: MoneyField
    waived: MoneyField
    written_off: MoneyField
    recovered: MoneyField
    cost: MoneyField = Money(0)

    @property
    def cash(self) -> Money:
        """What came in less what went out: what is settled between lenders."""
        received = self.principal + self.interest + self.fee + self.penalty - self.waived + self.recovered
        return received - self.disbursed - self.cost


class FunderPart(Value):
    """One lender's part of a movement. `transferred` is principal bought (positive) or sold at a change of shares,
    `transferred_interest` interest that was earned before it, not met yet, and paid for."""

    funder: Code
    amounts: FundedAmounts
    transferred: MoneyField
    transferred_interest: MoneyField = Money(0)

    @property
    def cash(self) -> Money:
        """What came in for him less what went out: what is settled."""
        return self.amounts.cash - self.transferred - self.transferred_interest


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


NO_AMOUNTS: Final[dict[str, Any]] = dict.fromkeys(AMOUNTS, ex.cny("0.00"))


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
    lenders: tuple[Code, ...] = ()
    """Who held shares on that date; named where something was lent, written off or recovered."""
    recorded_at: str = ""
    """When the ledger recorded what moved (RFC 3339, UTC): a cut-off time goes by it."""

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


class TransferKind(StrEnum):
    """Why a loan is held in other shares."""

    SALE = "SALE"
    """The lenders agreed on it."""
    BUY_BACK = "BUY_BACK"
    """The agreement has a partner's part bought from it once so many days are past due."""


class SharesTransferred(DomainEvent, type="puhui.partners.shares-transferred.v1"):
    """From a date on a loan is held in other shares: principal outstanding on it changes hands at its face value, and in
    a buy-back, where it is paid for, interest earned until then and not met.

    `parts` says what each lender's account changes by, late movements included. `interest_earned` is what the whole loan
    had earned when that date began, whoever paid it; without it interest passes without a price.
    """

    loan_id: Id
    shares: tuple[FunderShare, ...]
    effective_from: date
    proposed_by: str
    approved_by: str
    parts: tuple[FunderPart, ...]
    transferred_on: date
    kind: TransferKind = TransferKind.SALE
    interest_earned: MoneyField | None = None

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


Seconds = Annotated[int, Field(ge=1, le=7 * 24 * 3600)]


class FundsMode(StrEnum):
    """How a partner's share of a loan comes in before the loan is paid out."""

    PREFUNDED = "PREFUNDED"
    """Out of money that the partner keeps with us; a loan that it does not cover is cancelled."""
    CALLED = "CALLED"
    """Called for a loan that the partner's money with us does not cover, and waited for."""


class DataItem(StrEnum):
    """What of an application an agreement may name as what the partner is sent. Who the applicant is, is none of it;
    only the signed contract says so, which a partner may read once it is named there as a lender."""

    PRODUCT = "product"
    AMOUNT = "amount"
    INSTALMENTS = "instalments"
    METHOD = "method"
    ANNUAL_RATE = "annual_rate"
    PURPOSE = "purpose"
    REGION = "region"
    APPLICANT_KIND = "applicant_kind"
    GUARANTEE = "guarantee"
    GRADE = "grade"
    SCORE = "score"
    MONTHLY_INCOME = "monthly_income"
    MONTHLY_DEBT_SERVICE = "monthly_debt_service"
    CONTRACT = "contract"
    """The signed document, with the borrower's name and identity number: nothing that an offer brings."""


class ShareRule(Value):
    """The partner's share of loans of these products, grades and regions; what is empty leaves it open. A region is the
    beginning of a code of GB/T 2260: 33 is a province, 330100 a city."""

    products: tuple[Code, ...] = ()
    grades: tuple[str, ...] = ()
    regions: tuple[Annotated[str, Field(pattern="^[0-9]{2,6}$")], ...] = ()
    share_ppm: SharePpm


class Caps(Value):
    """How much the partner lends at most, counted as its share of what was agreed: open loans together, the loans of a
    calendar month, and the open loans of one borrower."""

    open_max: MoneyField | None = None
    month_max: MoneyField | None = None
    borrower_max: MoneyField | None = None


class Side(StrEnum):
    """Which of the two parties to an agreement."""

    OWN = "OWN"
    PARTNER = "PARTNER"


class FirstLoss(Value):
    """Who bears losses first, and up to what: an amount, or a part of what was lent under this version; of both the lower.
    What is lost beyond is shared pro rata, and what is recovered repays that first."""

    bearer: Side
    cap: MoneyField | None = None
    cap_rate: RateField | None = None


class Price(Value):
    """What of the income on its part (interest, fees and penalties received) is the partner's: as much as a rate of its own
    is of the loan's, or all but what a spread that stays with us is of it. One of the two is named.

    Where the loan's rate is lower than the partner's or than the spread, `shortfall` says who goes without: we, who pay
    the partner the difference on what the borrower pays, or the partner.
    """

    annual_rate: RateField | None = None
    spread: RateField | None = None
    shortfall: Side


class FeeEvery(StrEnum):
    """For what a fixed fee is due each time."""

    LOAN = "LOAN"
    """Paid out under this version; given back when the payout comes back."""
    MONTH = "MONTH"
    """That is over, and on whose last day this version was in force."""
    SETTLEMENT = "SETTLEMENT"


class FixedFee(Value):
    """What one side pays the other each time, however much moved."""

    per: FeeEvery
    payer: Side
    amount: MoneyField


class FundingTerms(Value):
    """One version of an agreement with a partner: what it funds, how it decides, and what it is paid."""

    regime: Code
    rules: Annotated[tuple[ShareRule, ...], Field(min_length=1, max_length=50)]
    caps: Caps
    priority: Annotated[int, Field(ge=1, le=1000)]
    """Among agreements that fit, the lowest is asked first."""
    data: tuple[DataItem, ...]
    answer_within_s: Seconds
    funds: FundsMode
    funds_within_s: Seconds
    """How long a loan waits for money that was called, from its booking on."""
    servicing_fee_rate: RateField
    """Of the interest, fees and penalties that the partner receives, its price taken into account, what it pays us for
    servicing."""
    settlement_days: Annotated[int, Field(ge=1, le=92)]
    notice_days: Annotated[int, Field(ge=0, le=366)]
    first_loss: FirstLoss | None = None
    """Without it losses are pro rata: each lender bears its own."""
    price: Price | None = None
    """Without it the whole income on its part is the partner's."""
    buy_back: BuyBack | None = None
    """Without it the partner keeps its part until the loan ends."""
    costs: tuple[CostRule, ...] = ()
    """Costs of a kind that is not named are ours."""
    fixed_fees: tuple[FixedFee, ...] = ()
    """Part of the settlements, as the servicing fee is."""
    cut_off: ClockTime | None = None
    """What is recorded at this time of a business day or later is settled as of the next; without it a day ends when the
    next one opens."""


ClockTime = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9](Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])$")]
"""A time of day with its offset from UTC: "17:00+08:00"."""


class BuyBack(Value):
    """That the partner's part of a loan may be bought from it once so many days are past due, for the principal
    outstanding on it and, `with_interest`, what it earned of interest until then that was not met.

    `buyer` is ourselves, or a lender that takes the partner's place.
    """

    buyer: Code = OWN
    days_past_due_min: Annotated[int, Field(ge=1, le=3660)]
    with_interest: bool


class CostKind(StrEnum):
    """What a loan has cost its lenders."""

    SERVICING = "SERVICING"
    COLLECTION = "COLLECTION"
    """Paid to who collects for us."""
    LEGAL = "LEGAL"
    """Courts, lawyers, notaries, enforcement."""
    SECURITY = "SECURITY"
    """Valuing, keeping and selling what secures the loan."""


class CostRule(Value):
    """Who bears costs of a kind: each lender by its share when they arose, or where `partner_ppm` is named the partner
    that many millionths of them and we the rest."""

    kind: CostKind
    partner_ppm: Annotated[int, Field(ge=0, le=SHARE_PARTS)] | None = None


FUNDING_TERMS: dict[str, Any] = {
    "regime": "cn-small-loan-company",
    "rules": [{"products": ["consumer-standard"], "grades": ["A", "B"], "regions": ["33"], "share_ppm": 700000}],
    "caps": {"open_max": ex.cny("50000000.00"), "month_max": ex.cny("5000000.00"), "borrower_max": None},
    "priority": 10,
    "data": ["product", "amount", "instalments", "annual_rate", "region", "grade"],
    "answer_within_s": 600,
    "funds": "PREFUNDED",
    "funds_within_s": 86400,
    "servicing_fee_rate": "0.05",
    "settlement_days": 1,
    "notice_days": 30,
}


class BuyBackProposed(DomainEvent, type="puhui.partners.buy-back-proposed.v1"):
    """Somebody proposes that a partner's part of a loan is bought from it as the agreement says; another one approves it,
    once the ledger has said how late the loan was when `effective_from` began and what it had earned."""

    loan_id: Id
    proposal_id: Id
    agreement: Code
    version: Annotated[int, Field(ge=1)]
    partner: Code
    terms: BuyBack
    shares: tuple[FunderShare, ...]
    """In force from then on."""
    effective_from: date
    proposed_by: str
    proposed_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "proposal_id": "0197a3f0-0000-7000-8000-00000000000b",
        "agreement": "harbour-consumer",
        "version": 1,
        "partner": "harbour-bank",
        "terms": {"buyer": "own", "days_past_due_min": 90, "with_interest": True},
        "shares": [{"funder": "own", "share_ppm": 1000000}],
        "effective_from": "2026-07-02",
        "proposed_by": "finance-2",
        "proposed_on": "2026-07-02",
    }


class BuyBackPriced(DomainEvent, type="puhui.partners.buy-back-priced.v1"):
    """The loan was late enough: what the partner's part costs, of which fees and its price are not taken yet."""

    loan_id: Id
    proposal_id: Id
    days_past_due: Annotated[int, Field(ge=1)]
    interest_earned: MoneyField | None
    """Of the whole loan, when that date began; None where interest is not paid for."""
    principal: MoneyField
    interest: MoneyField
    priced_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "proposal_id": "0197a3f0-0000-7000-8000-00000000000b",
        "days_past_due": 91,
        "interest_earned": ex.cny("846.00"),
        "principal": ex.cny("7755.89"),
        "interest": ex.cny("466.20"),
        "priced_on": "2026-07-02",
    }


class BuyBackRefused(DomainEvent, type="puhui.partners.buy-back-refused.v1"):
    """What was proposed is not what the agreement allows: the loan was not late enough, or nothing was owed on it."""

    loan_id: Id
    proposal_id: Id
    reason: Code
    days_past_due: Annotated[int, Field(ge=0)]
    refused_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "proposal_id": "0197a3f0-0000-7000-8000-00000000000b",
        "reason": "not-late-enough",
        "days_past_due": 60,
        "refused_on": "2026-07-02",
    }


class AgreementProposed(DomainEvent, type="puhui.partners.agreement-proposed.v1"):
    """A version of an agreement with a partner was drawn up; another person approves it."""

    agreement: Code
    version: Annotated[int, Field(ge=1)]
    partner: Code
    terms: FundingTerms
    effective_from: date
    proposed_by: str
    proposed_on: date

    example: ClassVar[dict[str, Any]] = {
        "agreement": "harbour-consumer",
        "version": 1,
        "partner": "harbour-bank",
        "terms": FUNDING_TERMS,
        "effective_from": "2026-02-01",
        "proposed_by": "finance-2",
        "proposed_on": "2026-01-20",
    }


class AgreementApproved(DomainEvent, type="puhui.partners.agreement-approved.v1"):
    """A version of an agreement is in force from its date on, in place of the one before."""

    agreement: Code
    version: Annotated[int, Field(ge=1)]
    partner: Code
    terms: FundingTerms
    effective_from: date
    proposed_by: str
    approved_by: str
    approved_on: date

    example: ClassVar[dict[str, Any]] = {
        "agreement": "harbour-consumer",
        "version": 1,
        "partner": "harbour-bank",
        "terms": FUNDING_TERMS,
        "effective_from": "2026-02-01",
        "proposed_by": "finance-2",
        "approved_by": "finance-1",
        "approved_on": "2026-01-21",
    }


class AgreementEnded(DomainEvent, type="puhui.partners.agreement-ended.v1"):
    """Notice was given: after the last day nothing new is offered under the agreement. What is funded goes on."""

    agreement: Code
    partner: Code
    versions: Annotated[int, Field(ge=1)]
    """How many there are of it: notice is given of all."""
    last_day: date
    reason: Text
    ended_by: str
    ended_on: date

    example: ClassVar[dict[str, Any]] = {
        "agreement": "harbour-consumer",
        "partner": "harbour-bank",
        "versions": 1,
        "last_day": "2026-12-31",
        "reason": "The partner leaves the market",
        "ended_by": "finance-1",
        "ended_on": "2026-11-30",
    }


class CostShared(DomainEvent, type="puhui.partners.cost-shared.v1"):
    """We paid for servicing or recovering a shared loan: who bears it by the agreement or by the shares on the date when it
    arose, and what of it is each lender's. The parts add up to the amount."""

    loan_id: Id
    cost_id: Id
    kind: CostKind
    amount: MoneyField
    incurred_on: date
    reference: Text
    """The invoice or decision behind it."""
    bearing: tuple[FunderShare, ...]
    parts: tuple[FunderPart, ...]
    recorded_by: str
    recorded_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "cost_id": "0197a3f0-0000-7000-8000-00000000000c",
        "kind": "LEGAL",
        "amount": ex.cny("300.00"),
        "incurred_on": "2026-06-15",
        "reference": "Court fee 2026-0042",
        "bearing": [
            {"funder": "harbour-bank", "share_ppm": 700000},
            {"funder": "own", "share_ppm": 300000},
        ],
        "parts": [
            {
                "funder": "harbour-bank",
                "amounts": NO_AMOUNTS | {"cost": ex.cny("210.00")},
                "transferred": ex.cny("0.00"),
            },
            {"funder": "own", "amounts": NO_AMOUNTS | {"cost": ex.cny("90.00")}, "transferred": ex.cny("0.00")},
        ],
        "recorded_by": "finance-2",
        "recorded_on": "2026-06-16",
    }


class CostReversed(DomainEvent, type="puhui.partners.cost-reversed.v1"):
    """A cost was none, or another: every lender has back to the fen what it bore of it, on the same date."""

    loan_id: Id
    cost_id: Id
    incurred_on: date
    reason: Text
    parts: tuple[FunderPart, ...]
    reversed_by: str
    reversed_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "cost_id": "0197a3f0-0000-7000-8000-00000000000c",
        "incurred_on": "2026-06-15",
        "reason": "The court has remitted the fee",
        "parts": [
            {
                "funder": "harbour-bank",
                "amounts": NO_AMOUNTS | {"cost": ex.cny("-210.00")},
                "transferred": ex.cny("0.00"),
            },
            {"funder": "own", "amounts": NO_AMOUNTS | {"cost": ex.cny("-90.00")}, "transferred": ex.cny("0.00")},
        ],
        "reversed_by": "finance-1",
        "reversed_on": "2026-06-20",
    }


class CostRepaid(DomainEvent, type="puhui.partners.cost-repaid.v1"):
    """A borrower paid back of a cost: every lender has of it what it bore in proportion. The parts take the amount from
    `cost`, and where it came as a fee of the loan, by a repayment in the ledger, from `fee` as that was split.
    """

    loan_id: Id
    cost_id: Id
    cost_repayment_id: Id
    amount: MoneyField
    repaid_on: date
    """On which date it counts: that of the ledger's repayment, or on which the money came to us."""
    repayment_id: str = ""
    """The ledger's repayment of whose fees it is; empty where it came otherwise."""
    reference: Text
    parts: tuple[FunderPart, ...]
    recorded_by: str
    recorded_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "cost_id": "0197a3f0-0000-7000-8000-00000000000c",
        "cost_repayment_id": "0197a3f0-0000-7000-8000-00000000000f",
        "amount": ex.cny("100.00"),
        "repaid_on": "2026-07-02",
        "repayment_id": "",
        "reference": "Refund of the court 2026-0042",
        "parts": [
            {
                "funder": "harbour-bank",
                "amounts": NO_AMOUNTS | {"cost": ex.cny("-70.00")},
                "transferred": ex.cny("0.00"),
            },
            {"funder": "own", "amounts": NO_AMOUNTS | {"cost": ex.cny("-30.00")}, "transferred": ex.cny("0.00")},
        ],
        "recorded_by": "finance-2",
        "recorded_on": "2026-07-03",
    }


class CostRepaymentReversed(DomainEvent, type="puhui.partners.cost-repayment-reversed.v1"):
    """Nothing, or something else, was paid back of a cost, or the ledger's repayment was reversed: every lender bears to the
    fen what it bore before, on the same date."""

    loan_id: Id
    cost_id: Id
    cost_repayment_id: Id
    repaid_on: date
    reason: Text
    parts: tuple[FunderPart, ...]
    reversed_by: str
    reversed_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "cost_id": "0197a3f0-0000-7000-8000-00000000000c",
        "cost_repayment_id": "0197a3f0-0000-7000-8000-00000000000f",
        "repaid_on": "2026-07-02",
        "reason": "Of another case",
        "parts": [
            {
                "funder": "harbour-bank",
                "amounts": NO_AMOUNTS | {"cost": ex.cny("70.00")},
                "transferred": ex.cny("0.00"),
            },
            {"funder": "own", "amounts": NO_AMOUNTS | {"cost": ex.cny("30.00")}, "transferred": ex.cny("0.00")},
        ],
        "reversed_by": "finance-1",
        "reversed_on": "2026-07-06",
    }


class FundingOffered(DomainEvent, type="puhui.partners.funding-offered.v1"):
    """A share of an approved loan is offered to a partner, who decides for itself until a time (RFC 3339, UTC).

    `data` is what the agreement names, and nothing else is sent.
    """

    application_id: Id
    partner: Code
    agreement: Code
    version: Annotated[int, Field(ge=1)]
    share_ppm: SharePpm
    amount: MoneyField
    """The partner's part of the principal."""
    data: dict[str, Fact]
    answer_until: str
    approval: ApplicationApproved
    offered_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "partner": "harbour-bank",
        "agreement": "harbour-consumer",
        "version": 1,
        "share_ppm": 700000,
        "amount": ex.cny("8400.00"),
        "data": {
            "product": "consumer-standard",
            "amount": "12000.00",
            "instalments": 12,
            "annual_rate": "0.18",
            "region": "330100",
            "grade": "B",
        },
        "answer_until": "2026-02-01T02:13:04.000005Z",
        "approval": ApplicationApproved.example,
        "offered_on": "2026-02-01",
    }


class FundingQuestioned(DomainEvent, type="puhui.partners.funding-questioned.v1"):
    """The partner asks before it decides; its time goes on."""

    application_id: Id
    partner: Code
    question: Text
    asked_by: str
    asked_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "partner": "harbour-bank",
        "question": "Is the income that of the household?",
        "asked_by": "partner",
        "asked_on": "2026-02-01",
    }


class FundingClarified(DomainEvent, type="puhui.partners.funding-clarified.v1"):
    """We answered a partner's question."""

    application_id: Id
    partner: Code
    answer: Text
    answered_by: str
    answered_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "partner": "harbour-bank",
        "answer": "Of the applicant alone",
        "answered_by": "credit-1",
        "answered_on": "2026-02-01",
    }


class FundingAnswer(StrEnum):
    ACCEPT = "ACCEPT"
    DECLINE = "DECLINE"


class FundingAnswered(DomainEvent, type="puhui.partners.funding-answered.v1"):
    """The partner decided for itself; why, where it declines."""

    application_id: Id
    partner: Code
    agreement: Code
    answer: FundingAnswer
    reason: str = ""
    answered_by: str
    answered_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "partner": "harbour-bank",
        "agreement": "harbour-consumer",
        "answer": "DECLINE",
        "reason": "Too much of this grade already",
        "answered_by": "partner",
        "answered_on": "2026-02-01",
    }


class FundingLapsed(DomainEvent, type="puhui.partners.funding-lapsed.v1"):
    """A partner did not answer in time."""

    application_id: Id
    partner: Code
    agreement: Code
    lapsed_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "partner": "harbour-bank",
        "agreement": "harbour-consumer",
        "lapsed_on": "2026-02-01",
    }


class FundingArranged(DomainEvent, type="puhui.partners.funding-arranged.v1"):
    """Who funds an approved loan is settled: `lenders` names everybody and his share, and is empty where we alone do.

    The contract is made out from this. `asked` are the partners that were asked, in that order.
    """

    application_id: Id
    loan_id: Id
    approval: ApplicationApproved
    lenders: tuple[CoLender, ...]
    agreement: str = ""
    agreement_version: int = 0
    asked: tuple[Code, ...] = ()
    arranged_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "loan_id": ex.LOAN,
        "approval": ApplicationApproved.example,
        "lenders": ex.CO_LENDERS,
        "agreement": "harbour-consumer",
        "agreement_version": 1,
        "asked": ["harbour-bank"],
        "arranged_on": "2026-02-01",
    }


class FundingWithdrawn(DomainEvent, type="puhui.partners.funding-withdrawn.v1"):
    """The approval, the contract or the loan came to nothing, and the partner's commitment with it."""

    application_id: Id
    partner: str
    agreement: str
    reason: Text
    withdrawn_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "partner": "harbour-bank",
        "agreement": "harbour-consumer",
        "reason": "offer-expired",
        "withdrawn_on": "2026-02-16",
    }


class FundsReceived(DomainEvent, type="puhui.partners.funds-received.v1"):
    """Money of a partner's for its shares of loans arrived on our account."""

    partner: Code
    receipt_id: Id
    amount: MoneyField
    bank_reference: Text
    value_date: date
    recorded_by: str
    received_on: date

    example: ClassVar[dict[str, Any]] = {
        "partner": "harbour-bank",
        "receipt_id": "0197a3f0-0000-7000-8000-000000000009",
        "amount": ex.cny("1000000.00"),
        "bank_reference": "B20260201-000017",
        "value_date": "2026-02-01",
        "recorded_by": "finance-2",
        "received_on": "2026-02-01",
    }


class FundsReserved(DomainEvent, type="puhui.partners.funds-reserved.v1"):
    """A partner's share of a booked loan is there and set aside: the loan may be paid out."""

    partner: Code
    loan_id: Id
    application_id: Id
    amount: MoneyField
    reserved_on: date

    example: ClassVar[dict[str, Any]] = {
        "partner": "harbour-bank",
        "loan_id": ex.LOAN,
        "application_id": ex.APPLICATION,
        "amount": ex.cny("8400.00"),
        "reserved_on": "2026-02-02",
    }


class FundsCalled(DomainEvent, type="puhui.partners.funds-called.v1"):
    """A partner's money with us does not cover its share of a loan: it is called for, until a time (RFC 3339, UTC)."""

    partner: Code
    loan_id: Id
    application_id: Id
    amount: MoneyField
    until: str
    called_on: date

    example: ClassVar[dict[str, Any]] = {
        "partner": "harbour-bank",
        "loan_id": ex.LOAN,
        "application_id": ex.APPLICATION,
        "amount": ex.cny("8400.00"),
        "until": "2026-02-03T02:03:04.000005Z",
        "called_on": "2026-02-02",
    }


class FundsMissing(DomainEvent, type="puhui.partners.funds-missing.v1"):
    """A partner's share of a booked loan did not come: the loan is cancelled before any money has moved."""

    partner: Code
    loan_id: Id
    application_id: Id
    amount: MoneyField
    missing_on: date

    example: ClassVar[dict[str, Any]] = {
        "partner": "harbour-bank",
        "loan_id": ex.LOAN,
        "application_id": ex.APPLICATION,
        "amount": ex.cny("8400.00"),
        "missing_on": "2026-02-03",
    }


class FundsReleased(DomainEvent, type="puhui.partners.funds-released.v1"):
    """What was set aside or called for a loan is free again: the loan came to nothing."""

    partner: Code
    loan_id: Id
    amount: MoneyField
    was_reserved: bool
    """Whether it had been set aside; else it was called for."""
    released_on: date

    example: ClassVar[dict[str, Any]] = {
        "partner": "harbour-bank",
        "loan_id": ex.LOAN,
        "amount": ex.cny("8400.00"),
        "was_reserved": True,
        "released_on": "2026-02-03",
    }


class FundsUsed(DomainEvent, type="puhui.partners.funds-used.v1"):
    """The loan was paid out, the partner's share of it out of what was set aside."""

    partner: Code
    loan_id: Id
    amount: MoneyField
    used_on: date
    recorded_at: str = ""
    """When the ledger recorded the payout (RFC 3339, UTC)."""

    example: ClassVar[dict[str, Any]] = {
        "partner": "harbour-bank",
        "loan_id": ex.LOAN,
        "amount": ex.cny("8400.00"),
        "used_on": "2026-02-02",
    }


class SettlementDue(DomainEvent, type="puhui.partners.settlement-due.v1"):
    """A business day opened while there was something to settle with partners: what moved before is settled now."""

    business_date: date

    example: ClassVar[dict[str, Any]] = {"business_date": "2026-03-03"}


class PoolAmounts(Value):
    """What moved on loans under one version of an agreement while its partner held a share: what all their lenders lent,
    what was written off less what was recovered, and the partner's part of that."""

    lent: MoneyField
    lost: MoneyField
    partner_lost: MoneyField


class FixedFeeCharged(Value):
    """A fixed fee for a month (`charged_on` is its last day) or for a settlement: what the partner pays us, negative where
    we pay it."""

    agreement: Code
    version: Annotated[int, Field(ge=1)]
    per: FeeEvery
    charged_on: date
    amount: MoneyField


class SettlementMade(DomainEvent, type="puhui.partners.settlement-made.v1"):
    """What moved on a partner's parts since the last settlement, netted: `net` is what we owe the partner, or where it is
    negative what it owes us.

    It is what came in for it less what went out (`amounts`), plus what of the latter it had paid before (`funded`),
    less principal and interest that it bought, less the servicing fee, plus what we pay it of losses that we bear first, or less what
    it pays us (`first_loss`), and less what of the income on its part is ours by its price (`price_margin`). `fee_bases`
    and `price_bases` are what bears a fee and what is ours of the income, by rate, and `pools` what losses are borne on, by version
    of an agreement (`CODE/VERSION`). Fixed fees are less too (`fixed_fee`, negative where we pay them): those for loans, which
    are on the lines of the loans, and those for months and for the settlement (`fixed_fees`). `file_sha256` is of the file with
    a line for every movement and for each of the latter; `movements` counts its lines.
    """

    settlement_id: Id
    partner: Code
    amounts: FundedAmounts
    transferred: MoneyField
    transferred_interest: MoneyField = Money(0)
    funded: MoneyField
    fee_bases: dict[str, MoneyField]
    servicing_fee: MoneyField
    price_bases: Annotated[dict[str, MoneyField], Field(default_factory=dict)]
    price_margin: MoneyField = Money(0)
    pools: Annotated[dict[str, PoolAmounts], Field(default_factory=dict)]
    first_loss: MoneyField = Money(0)
    fixed_fees: tuple[FixedFeeCharged, ...] = ()
    fixed_fee: MoneyField = Money(0)
    net: MoneyField
    movements: Annotated[int, Field(ge=1)]
    file_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    settled_on: date

    example: ClassVar[dict[str, Any]] = {
        "settlement_id": "0197a3f0-0000-7000-8000-00000000000a",
        "partner": "harbour-bank",
        "amounts": AMOUNTS | {"principal": ex.cny("644.11"), "interest": ex.cny("126.00")},
        "transferred": ex.cny("0.00"),
        "funded": ex.cny("0.00"),
        "fee_bases": {"0.05": ex.cny("126.00")},
        "servicing_fee": ex.cny("6.30"),
        "net": ex.cny("763.81"),
        "movements": 1,
        "file_sha256": ex.SHA256,
        "settled_on": "2026-03-03",
    }


class SettlementPaid(DomainEvent, type="puhui.partners.settlement-paid.v1"):
    """The netted amount of a settlement was paid, by us or by the partner."""

    settlement_id: Id
    partner: Code
    net: MoneyField
    bank_reference: Text
    value_date: date
    recorded_by: str
    paid_on: date

    example: ClassVar[dict[str, Any]] = {
        "settlement_id": "0197a3f0-0000-7000-8000-00000000000a",
        "partner": "harbour-bank",
        "net": ex.cny("763.81"),
        "bank_reference": "B20260303-000021",
        "value_date": "2026-03-03",
        "recorded_by": "finance-2",
        "paid_on": "2026-03-03",
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


class BreakKind(StrEnum):
    """How two records of the same thing differ."""

    TIMING = "TIMING"
    """Both have it, on different value dates."""
    AMOUNT = "AMOUNT"
    """Both have it, with different amounts."""
    MISSING_THERE = "MISSING_THERE"
    """We have it, the other side does not."""
    MISSING_HERE = "MISSING_HERE"
    """The other side has it, we do not."""
    STATUS = "STATUS"
    """Both have the loan, in different states."""


class BreakOutcome(StrEnum):
    MATCHED_LATER = "MATCHED_LATER"
    """A later file agrees: it was a matter of time."""
    CORRECTED_HERE = "CORRECTED_HERE"
    CORRECTED_THERE = "CORRECTED_THERE"
    ACCEPTED = "ACCEPTED"
    """The difference stays, for the reason given."""


class FileReconciled(DomainEvent, type="puhui.partners.file-reconciled.v1"):
    """The other side's records of a date were laid beside ours. `known_until` is the last place in the order of our
    records that was taken into account; what was recorded later belongs to the next file."""

    counterparty: Id
    file_date: date
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    ours: Annotated[int, Field(ge=0)]
    theirs: Annotated[int, Field(ge=0)]
    matched: Annotated[int, Field(ge=0)]
    ours_total: MoneyField
    theirs_total: MoneyField
    found: Annotated[int, Field(ge=0)]
    closed: Annotated[int, Field(ge=0)]
    known_until: Annotated[int, Field(ge=0)]
    received_from: str
    reconciled_on: date

    example: ClassVar[dict[str, Any]] = {
        "counterparty": "harbour-bank",
        "file_date": "2026-03-02",
        "sha256": ex.SHA256,
        "ours": 2,
        "theirs": 2,
        "matched": 2,
        "ours_total": ex.cny("1540.22"),
        "theirs_total": ex.cny("1540.21"),
        "found": 1,
        "closed": 0,
        "known_until": 812,
        "received_from": "partner",
        "reconciled_on": "2026-03-03",
    }


class BreakFound(DomainEvent, type="puhui.partners.break-found.v1"):
    """Ours and the other side's record of one thing differ. What a side does not have is empty."""

    break_id: Id
    counterparty: Id
    kind: BreakKind
    reference: Text
    file_date: date
    ours_amount: MoneyField | None = None
    theirs_amount: MoneyField | None = None
    ours_date: date | None = None
    theirs_date: date | None = None
    ours_status: str = ""
    theirs_status: str = ""
    found_on: date

    example: ClassVar[dict[str, Any]] = {
        "break_id": "0197a3f0-0000-7000-8000-000000000009",
        "counterparty": "harbour-bank",
        "kind": "AMOUNT",
        "reference": "0197a3f0-0000-7000-8000-000000000010",
        "file_date": "2026-03-02",
        "ours_amount": ex.cny("770.11"),
        "theirs_amount": ex.cny("770.10"),
        "ours_date": "2026-03-02",
        "theirs_date": "2026-03-02",
        "found_on": "2026-03-03",
    }


class BreakAssigned(DomainEvent, type="puhui.partners.break-assigned.v1"):
    """Somebody is to find out why."""

    break_id: Id
    counterparty: Id
    assignee: Text
    assigned_by: str
    assigned_on: date

    example: ClassVar[dict[str, Any]] = {
        "break_id": "0197a3f0-0000-7000-8000-000000000009",
        "counterparty": "harbour-bank",
        "assignee": "finance-2",
        "assigned_by": "finance-1",
        "assigned_on": "2026-03-03",
    }


class BreakAnswered(DomainEvent, type="puhui.partners.break-answered.v1"):
    """The other side says what it found on its own side; the break stays open until we resolve it."""

    break_id: Id
    counterparty: Id
    answer: Text
    answered_by: str
    answered_on: date

    example: ClassVar[dict[str, Any]] = {
        "break_id": "0197a3f0-0000-7000-8000-000000000009",
        "counterparty": "harbour-bank",
        "answer": "Rounded twice; corrected with value 2026-03-02.",
        "answered_by": "harbour-bank",
        "answered_on": "2026-03-03",
    }


class BreakResolved(DomainEvent, type="puhui.partners.break-resolved.v1"):
    """A break is over, by a later file (`MATCHED_LATER`, by nobody) or by a person with a reason."""

    break_id: Id
    counterparty: Id
    outcome: BreakOutcome
    reason: str
    resolved_by: str
    resolved_on: date

    example: ClassVar[dict[str, Any]] = {
        "break_id": "0197a3f0-0000-7000-8000-000000000009",
        "counterparty": "harbour-bank",
        "outcome": "CORRECTED_THERE",
        "reason": "The partner corrected its rounding.",
        "resolved_by": "finance-2",
        "resolved_on": "2026-03-04",
    }


class CallbackSecretRotated(DomainEvent, type="puhui.partners.callback-secret-rotated.v1"):
    """A partner signs its callbacks with a new secret; until `previous_until` (Unix seconds) the old one verifies too."""

    partner: Code
    generation: Annotated[int, Field(ge=2)]
    previous_until: Annotated[int, Field(ge=0)]
    rotated_on: date

    example: ClassVar[dict[str, Any]] = {
        "partner": "harbour-bank",
        "generation": 2,
        "previous_until": 1770076800,
        "rotated_on": "2026-02-02",
    }


PARTNER_KEY: Final[dict[str, Any]] = {
    "partner": "harbour-bank",
    "key_id": "0197a3f0-0000-7000-8000-00000000000d",
    "public_key": "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    "valid_from": 1769990400,
    "valid_until": 1801526400,
}


class PartnerKeyProposed(DomainEvent, type="puhui.partners.partner-key-proposed.v1"):
    """A partner has shown that it holds the private part of this key (Ed25519); it proves nothing before one of us has
    confirmed it. `replaces`: the partner's key that it is to take the place of."""

    partner: Code
    key_id: Id
    public_key: PublicKeyText
    valid_from: Annotated[int, Field(ge=0)]
    valid_until: Annotated[int, Field(ge=0)] | None = None
    replaces: str = ""
    endorsed_by: str = ""
    """The partner's key under which it signed for this one, where it did."""
    proposed_by: str
    proposed_on: date

    example: ClassVar[dict[str, Any]] = PARTNER_KEY | {
        "replaces": "0197a3f0-0000-7000-8000-00000000000c",
        "endorsed_by": "",
        "proposed_by": "partner",
        "proposed_on": "2026-02-02",
    }


class PartnerKeyRetired(DomainEvent, type="puhui.partners.partner-key-retired.v1"):
    """Another key takes the place of a partner's key, which proves something until before `valid_until` alone (Unix
    seconds)."""

    partner: Code
    key_id: Id
    replaced_by: Id
    valid_until: Annotated[int, Field(ge=0)]
    retired_on: date

    example: ClassVar[dict[str, Any]] = {
        "partner": "harbour-bank",
        "key_id": "0197a3f0-0000-7000-8000-00000000000c",
        "replaced_by": "0197a3f0-0000-7000-8000-00000000000d",
        "valid_until": 1770595200,
        "retired_on": "2026-02-02",
    }


class PartnerKeyRegistered(DomainEvent, type="puhui.partners.partner-key-registered.v1"):
    """What a partner sends us is also known by its signature under this public key (Ed25519, `whpk_` and base64), from one
    time until before another (Unix seconds; without it until it is revoked)."""

    partner: Code
    key_id: Id
    public_key: PublicKeyText
    valid_from: Annotated[int, Field(ge=0)]
    valid_until: Annotated[int, Field(ge=0)] | None = None
    registered_by: str
    registered_on: date
    endorsed_by: str = ""
    """The partner's key under which it signed for this one, where it did."""
    confirmed_by: str = ""
    """Who of us confirmed it, where the partner registered it itself."""

    example: ClassVar[dict[str, Any]] = PARTNER_KEY | {"registered_by": "finance-1", "registered_on": "2026-02-02"}


class PartnerKeyRevoked(DomainEvent, type="puhui.partners.partner-key-revoked.v1"):
    """A partner's public key proves nothing any more."""

    partner: Code
    key_id: Id
    reason: Text
    revoked_by: str
    revoked_on: date

    example: ClassVar[dict[str, Any]] = {
        "partner": "harbour-bank",
        "key_id": "0197a3f0-0000-7000-8000-00000000000d",
        "reason": "The token that held the key is lost",
        "revoked_by": "finance-1",
        "revoked_on": "2026-03-02",
    }
