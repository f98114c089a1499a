"""What each event says about the page of a loan, and that services may be heard in any order."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts import application as app
from libs.contracts import approval, audit, collections, contract, ledger, scoring
from libs.contracts import examples as ex
from libs.contracts.base import EVENT_TYPES, DomainEvent
from services.audit.domain.page import Effect, Page, Subject, effects
from services.audit.tests.given import example, page_of
from services.audit.views import KEYS, PAGES

REQUEST = {
    "applicant_id": ex.APPLICANT,
    "product": "consumer-standard",
    "channel": "ONLINE",
    "source": "spring-campaign",
    "amount_minor": 1_200_000,
    "currency": "CNY",
    "instalments": 12,
    "method": "EQUAL_INSTALMENT",
}
POSITION = {
    "as_of": date(2026, 3, 2),
    "outstanding_minor": 1_107_984,
    "outstanding_principal_minor": 1_107_984,
    "overdue_minor": 0,
    "days_past_due": 0,
    "bucket": "CURRENT",
    "credit_minor": 0,
    "next_due": date(2026, 4, 2),
}
NOTHING_OWED = {
    "outstanding_minor": 0,
    "outstanding_principal_minor": 0,
    "overdue_minor": 0,
    "days_past_due": 0,
    "bucket": "CURRENT",
    "next_due": None,
}


def application(**values: Any) -> Effect:
    return Effect(Subject.APPLICATION, ex.APPLICATION, values)


def loan(**values: Any) -> Effect:
    return Effect(Subject.LOAN, ex.LOAN, values)


def loan_sums(values: dict[str, Any] | None = None, **amounts: int) -> Effect:
    return Effect(Subject.LOAN, ex.LOAN, values or {}, amounts)


def case(**values: Any) -> Effect:
    return Effect(Subject.CASE, ex.CASE, values)


def case_sums(**amounts: int) -> Effect:
    return Effect(Subject.CASE, ex.CASE, {}, amounts)


SHOWN: dict[type[DomainEvent], list[Effect]] = {
    app.ApplicationStarted: [application(**REQUEST, application_state="DRAFT", started_on=date(2026, 2, 1))],
    app.ApplicationAmended: [application(**{**REQUEST, "amount_minor": 1_000_000})],
    app.ApplicationSubmitted: [application(**REQUEST, application_state="SUBMITTED", submitted_on=date(2026, 2, 1))],
    app.ApplicationWithdrawn: [application(application_state="WITHDRAWN")],
    app.ApplicationExpired: [application(application_state="EXPIRED")],
    app.ApplicationConcluded: [application(application_state="CONTRACTED")],
    scoring.ApplicationScored: [
        application(score=612, grade="B", probability_of_default="0.0831", card="german-credit v1")
    ],
    scoring.ScoringFailed: [application(card="no-card-in-force")],
    approval.ApplicationReferred: [
        application(decision="REFERRED", rule="grade-c-refer", decision_table="standard v1"),
    ],
    approval.ApplicationApproved: [
        application(
            decision="APPROVED", rule="auto-approve-b", decision_table="standard v1", automatic=True, decided_by=""
        )
    ],
    approval.ApplicationDeclined: [
        application(
            decision="DECLINED", rule="grade-e-decline", decision_table="standard v1", automatic=True, decided_by=""
        )
    ],
    approval.ApprovalLapsed: [application(offer_lapsed="offer-expired")],
    contract.ContractOffered: [
        application(contract_id=ex.CONTRACT, contract_state="OFFERED", irr_annual="0.195618", document_sha256=ex.SHA256)
    ],
    contract.ContractSigned: [application(contract_state="SIGNED", document_sha256=ex.SHA256)],
    contract.ContractExpired: [application(contract_state="EXPIRED")],
    contract.ContractCancelled: [application(contract_state="CANCELLED")],
    ledger.LoanBooked: [
        loan(
            application_id=ex.APPLICATION,
            applicant_id=ex.APPLICANT,
            product="consumer-standard",
            grade="B",
            principal_minor=1_200_000,
            currency="CNY",
            loan_state="BOOKED",
            booked_on=date(2026, 2, 2),
        ),
        application(loan_id=ex.LOAN),
    ],
    ledger.BookingRefused: [
        loan(application_id=ex.APPLICATION, loan_state="REFUSED"),
        application(loan_id=ex.LOAN),
    ],
    ledger.DisbursementRequested: [loan(disbursement="REQUESTED", disbursement_attempts=1)],
    ledger.DisbursementUnresolved: [loan(disbursement="UNRESOLVED")],
    ledger.DisbursementFailed: [loan(disbursement="FAILED")],
    ledger.LoanDisbursed: [
        loan(
            **{**POSITION, "as_of": date(2026, 2, 2), "next_due": date(2026, 3, 2)},
            disbursement="CONFIRMED",
            loan_state="ACTIVE",
            disbursed_on=date(2026, 2, 2),
        )
    ],
    ledger.DisbursementReturned: [loan_sums({"disbursement": "RETURNED", "disbursed_on": None}, credit_minor=0)],
    ledger.LoanCancelled: [loan(loan_state="CANCELLED", **NOTHING_OWED)],
    ledger.RepaymentReceived: [loan_sums(POSITION, repaid_minor=110_016, repayments=1)],
    ledger.CreditApplied: [loan(**POSITION)],
    ledger.RepaymentReinstated: [
        loan_sums({**POSITION, "as_of": date(2026, 4, 20)}, repaid_minor=110_016, reversals=-1)
    ],
    ledger.CreditRefunded: [loan_sums(credit_minor=-1_234)],
    ledger.LoanChanged: [loan(**POSITION)],
    ledger.ChargeWaived: [loan(**{**POSITION, "as_of": date(2026, 4, 12)})],
    ledger.FeeCharged: [loan(**{**POSITION, "as_of": date(2026, 4, 12)})],
    ledger.DisbursementRedated: [loan(**POSITION, disbursed_on=date(2026, 2, 4))],
    ledger.TrancheDisbursed: [
        loan(
            disbursement="CONFIRMED",
            loan_state="ACTIVE",
            settlement="",
            settled_on=None,
            **{**POSITION, "as_of": date(2026, 4, 2)},
        )
    ],
    ledger.TrancheReturned: [
        loan(
            disbursement="RETURNED",
            loan_state="ACTIVE",
            settlement="",
            settled_on=None,
            **{**POSITION, "as_of": date(2026, 4, 5)},
        )
    ],
    ledger.RepaymentReversed: [
        loan_sums(
            {
                **POSITION,
                "as_of": date(2026, 4, 16),
                "days_past_due": 45,
                "bucket": "M2",
                "loan_state": "ACTIVE",
                "settlement": "",
                "settled_on": None,
            },
            repaid_minor=-110_016,
            reversals=1,
        )
    ],
    ledger.DelinquencyChanged: [loan(**{**POSITION, "as_of": date(2026, 4, 3), "days_past_due": 1, "bucket": "M1"})],
    ledger.LoanClassified: [loan(tier="SPECIAL_MENTION")],
    ledger.LoanSettled: [
        loan(
            loan_state="SETTLED",
            settlement="MATURITY",
            settled_on=date(2027, 2, 2),
            credit_minor=0,
            **NOTHING_OWED,
        )
    ],
    ledger.LoanWrittenOff: [
        loan_sums(
            {"loan_state": "WRITTEN_OFF", "written_off_on": date(2027, 6, 1), **NOTHING_OWED},
            written_off_minor=1_107_984,
        )
    ],
    ledger.RecoveryReceived: [loan_sums(recovered_minor=50_000, recoveries=1)],
    collections.ReminderSent: [loan_sums(reminders=1)],
    collections.CollectionCaseOpened: [
        case(
            loan_id=ex.LOAN,
            application_id=ex.APPLICATION,
            case_state="OPEN",
            stage="EARLY",
            opened_on=date(2026, 4, 3),
        ),
        loan_sums(cases=1),
    ],
    collections.CaseAssigned: [case(collector="collector-1")],
    collections.CaseStageChanged: [case(stage="MIDDLE")],
    collections.ContactLogged: [case_sums(contacts=1)],
    collections.PromiseMade: [case_sums(promises=1)],
    collections.PromiseKept: [case_sums(promises_kept=1)],
    collections.PromiseBroken: [case_sums(promises_broken=1)],
    collections.ComplaintReceived: [case_sums(complaints=1)],
    collections.CollectionCaseClosed: [case(case_state="CLOSED", ended="CURED", closed_on=date(2026, 4, 10))],
}

NOT_SHOWN = {
    "AccrualResumed",
    "AccrualSuspended",
    "ActApproved",  # what is done with it is shown
    "ActLapsed",
    "ActRejected",
    "ActRequested",
    "AcquisitionCostRecorded",  # of a channel, and of no application
    "AcquisitionCostWithdrawn",
    "AgreementApproved",
    "AgreementEnded",
    "AgreementProposed",
    "ApplicantAnswered",  # work on a case; what comes of it is shown
    "ApplicantAsked",
    "ApplicantRegistered",  # personal data
    "ApprovalPrepared",
    "ArrearsUpdated",  # the loan's own position says it
    "AuthorityDelegated",
    "BorrowerConnected",  # of borrowers, not of a loan
    "BorrowerDisconnected",
    "BorrowerFrozen",
    "BorrowerLimitLifted",
    "BorrowerLimited",
    "BorrowerUnfrozen",
    "BreakAnswered",
    "BreakAssigned",
    "BreakFound",
    "BreakResolved",
    "BusinessDayOpened",
    "CallbackSecretRotated",
    "ApplicationsRescored",  # nothing follows from it
    "CardApproved",  # cards have pages of their own
    "CardCleared",
    "CardCompared",
    "CardComparisonSignedOff",
    "CardDrafted",
    "CardRescored",
    "CardRetired",
    "CardTookEffect",
    "CardValidated",
    "CaseClaimed",
    "CaseEscalated",
    "CaseReleased",
    "BuyBackPriced",  # who holds a loan is shown by the partners service
    "BuyBackProposed",
    "BuyBackRefused",
    "ChallengerScored",  # nothing follows from it
    "ClassificationOverlaid",  # the tier that follows is said by LoanClassified
    "ComparisonSignedOff",
    "ComplaintResolved",
    "ConditionMet",
    "ConsentGiven",
    "ContactChanged",  # personal data of who speaks for a partner
    "ContactNamed",
    "ContractAccepted",
    "ContractViewed",
    "ControlsRun",  # internal control has pages of its own
    "CostRepaid",
    "CostRepaymentReversed",
    "CostReversed",
    "CostShared",
    "DayClosed",
    "DecisionRecommended",
    "DelegationEnded",
    "DelinquencyPaused",
    "DocumentAttached",
    "EndpointRegistered",
    "EndpointSecretRotated",
    "EndpointStatusChanged",
    "EndpointTested",
    "ErasureDue",  # a person's page says it, and so for the others about persons
    "ErasureRequested",
    "ExposureReinstated",  # the loan's own page says that it is owed
    "ExposureReleased",
    "FileReconciled",
    "FundingAnswered",
    "FundingArranged",
    "FundingClarified",
    "FundingLapsed",
    "FundingOffered",
    "FundingQuestioned",
    "FundingWithdrawn",
    "FundsCalled",
    "FundsMissing",
    "FundsReceived",
    "FundsReleased",
    "FundsReserved",
    "FundsUsed",
    "GuaranteeDemanded",
    "GuaranteeProvided",
    "HigherRateAnnounced",  # the plan that follows is said by LoanChanged
    "HigherRateEnded",
    "HigherRateRefused",
    "HigherRateTaken",
    "GuarantorAssessed",  # what secures an application has its own page
    "InformationAbandoned",  # the assessment's own page shows what was gathered
    "InformationConsentWithdrawn",
    "InformationMissing",
    "InformationObtained",
    "InformationRequested",
    "KeysRewrapped",
    "LegalHoldPlaced",
    "LegalHoldReleased",
    "LoanShared",  # who funds a loan is shown by the partners service, to whom it concerns
    "LoanStated",  # it says what is there, and changes nothing
    "MovementSplit",
    "OfferAccepted",
    "ParkedEventHandedOver",
    "ParkedEventRepaired",
    "ParkedEventSkipped",
    "PartnerKeyProposed",
    "PartnerKeyRegistered",
    "PartnerKeyRetired",
    "PartnerKeyRevoked",
    "PartnerRegistered",
    "PeriodSealed",
    "PersonErased",
    "PersonRestricted",
    "PersonalDataRead",
    "PlanAgreed",  # of a case; collections shows how it stands
    "PlanBroken",
    "PlanKept",
    "PlanProgressed",
    "ProductDefined",
    "ProductWithdrawn",
    "ReadModelSwitched",
    "ReadModelVerified",
    "RecordsRead",
    "RedeliveryRequested",
    "RefreshConsentWithdrawn",  # of the borrower, not of one loan; what follows from it is a warning
    "RefreshMissing",
    "RefreshObtained",
    "RefreshRequested",
    "RefinancingAgreed",  # its loan is not there yet; LoanBooked says which loan it ends
    "RelationDeclared",
    "RelationEnded",
    "RepaymentNoted",  # the ledger said it first
    "RestrictionLifted",
    "ReviewRequested",
    "SampleDrawn",
    "SecurityConsented",  # of who gives it, which a person's erasure is decided by; a row of its own says it
    "SecurityOffered",
    "SecurityPerfected",
    "SecurityReinstated",
    "SecurityReleased",
    "SecurityValued",
    "SettlementDue",
    "SettlementMade",
    "SettlementPaid",
    "SharesTransferred",
    "SharingProposed",
    "StoreAdopted",
    "SuspenseMatched",  # the repayment that it became is said by RepaymentReceived
    "SuspenseReceived",
    "SuspenseReturned",
    "TableCompared",
    "TableProposed",
    "TableReleased",
    "ViolationAnswered",
    "ViolationAssigned",
    "ViolationClosed",
    "ViolationFound",
    "VoteCast",
    "WarningCured",  # early warning: of the borrower, not of one loan
    "WarningRaised",
    "WatchEntered",
    "WatchLeft",
    "WatchMeasureDecided",
    "WatchMeasureEnded",
    "WatchMeasureProposed",
    "WatchReviewed",
    "WorkPaperCompleted",
    "WriteOffRejected",
    "WriteOffRequested",
}
"""On the trail, but with no place on the page of a loan."""


@pytest.mark.parametrize("event", [pytest.param(event, id=event.__name__) for event in EVENT_TYPES.values()])
def test_an_event_says_this_about_the_page_and_no_more(event: type[DomainEvent]) -> None:
    said = list(effects(example(event)))
    if event in SHOWN:
        assert said == SHOWN[event]
    else:
        assert said == []
        assert event.__name__ in NOT_SHOWN, f"decide what the page of a loan shows of {event.__name__}"


@pytest.mark.parametrize("event", [pytest.param(event, id=event.__name__) for event in SHOWN])
def test_every_field_has_its_column(event: type[DomainEvent]) -> None:
    for effect in effects(example(event)):
        table = PAGES[effect.subject]
        assert {*effect.values, *effect.amounts, KEYS[effect.subject]} <= set(table.c.keys())
        assert not effect.values.keys() & effect.amounts.keys(), "one effect does not both set and add"


def test_a_decision_by_people_names_them() -> None:
    approved = example(approval.ApplicationApproved, decided_by=["officer-1", "manager-2"])
    (effect,) = effects(approved)
    assert effect.values["automatic"] is False
    assert effect.values["decided_by"] == "officer-1, manager-2"


def test_a_page_joins_what_all_services_said() -> None:
    page = page_of(*map(example, SHOWN))
    assert page.application["application_id"] == ex.APPLICATION
    assert page.application["loan_id"] == ex.LOAN
    assert page.loan["loan_id"] == ex.LOAN
    assert page.cases.keys() == {ex.CASE}
    assert page.cases[ex.CASE]["case_id"] == ex.CASE


def test_repayments_add_up_and_reversals_take_away() -> None:
    received, again = example(ledger.RepaymentReceived), example(ledger.RepaymentReceived, repayment_id="repayment-2")
    page = page_of(received, again, example(ledger.RepaymentReversed))
    assert page.loan["repaid_minor"] == 110_016
    assert (page.loan["repayments"], page.loan["reversals"]) == (2, 1)


def test_a_settled_loan_is_owed_again_when_its_last_repayment_is_reversed() -> None:
    page = page_of(example(ledger.LoanSettled), example(ledger.RepaymentReversed))
    assert page.loan["loan_state"] == "ACTIVE"
    assert page.loan["settled_on"] is None
    assert page.loan["outstanding_minor"] == 1_107_984


def test_a_returned_payout_was_never_lent_and_what_was_paid_is_credit() -> None:
    page = page_of(
        example(ledger.LoanDisbursed),
        example(ledger.RepaymentReceived),
        example(ledger.DisbursementReturned, credit_difference=ex.cny("1100.16")),
        example(ledger.LoanCancelled, reason="disbursement-returned"),
    )
    assert page.loan["disbursed_on"] is None
    assert page.loan["credit_minor"] == 110_016
    assert page.loan["outstanding_minor"] == 0
    assert page.loan["loan_state"] == "CANCELLED"


def test_what_was_written_off_is_the_whole_claim() -> None:
    claim = {
        "principal": ex.cny("100.00"),
        "interest": ex.cny("20.00"),
        "fee": ex.cny("3.00"),
        "penalty": ex.cny("0.40"),
    }
    page = page_of(example(ledger.LoanWrittenOff, written_off=claim), example(ledger.RecoveryReceived))
    assert page.loan["written_off_minor"] == 12_340
    assert page.loan["recovered_minor"] == 50_000


LIFE: tuple[DomainEvent, ...] = tuple(
    map(
        example,
        (
            app.ApplicationStarted,
            app.ApplicationAmended,
            app.ApplicationSubmitted,
            scoring.ApplicationScored,
            approval.ApplicationReferred,
            approval.ApplicationApproved,
            contract.ContractOffered,
            contract.ContractSigned,
            app.ApplicationConcluded,
            ledger.LoanBooked,
            ledger.DisbursementRequested,
            ledger.DisbursementUnresolved,
            ledger.LoanDisbursed,
            collections.ReminderSent,
            ledger.DelinquencyChanged,
            ledger.LoanClassified,
            collections.CollectionCaseOpened,
            collections.CaseAssigned,
            collections.ContactLogged,
            collections.PromiseMade,
            ledger.RepaymentReceived,
            ledger.RepaymentReversed,
            collections.PromiseBroken,
            collections.CaseStageChanged,
            ledger.RepaymentReceived,
            ledger.CreditApplied,
            ledger.LoanWrittenOff,
            collections.CollectionCaseClosed,
            ledger.RecoveryReceived,
        ),
    )
)
"""A loan from its application to a recovery after write-off, in the order in which it happened."""


@st.composite
def interleavings(draw: st.DrawFn) -> list[DomainEvent]:
    """The same events with each service's in their order, and the services mixed in any way."""
    waiting = {service: [event for event in LIFE if event.service == service] for service in {e.service for e in LIFE}}
    mixed = []
    while any(waiting.values()):
        service = draw(st.sampled_from(sorted(name for name, events in waiting.items() if events)))
        mixed.append(waiting[service].pop(0))
    return mixed


@given(interleavings())
def test_services_may_be_heard_in_any_order(heard: list[DomainEvent]) -> None:
    assert page_of(*heard) == page_of(*LIFE)


@given(st.integers(0, len(LIFE)))
def test_a_page_goes_on_from_where_it_stood(split: int) -> None:
    page = page_of(*LIFE[:split])
    for event in LIFE[split:]:
        page.take(event)
    assert page == page_of(*LIFE)


def test_what_is_of_no_loan_leaves_an_empty_page() -> None:
    page = page_of(example(audit.ReadModelVerified), example(ledger.BusinessDayOpened))
    assert page == Page()
