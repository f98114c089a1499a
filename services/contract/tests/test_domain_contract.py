"""What may be done with a contract, and when not: given what happened, when a command, then these events."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.contract import (
    ContractAccepted,
    ContractCancelled,
    ContractExpired,
    ContractOffered,
    ContractSigned,
    ContractViewed,
    Party,
    Signature,
)
from libs.contracts.problems import Rejected
from libs.contracts.values import BankAccount
from libs.events.testing import Scenario
from services.contract.domain.agreement import make_agreement
from services.contract.domain.contract import (
    INITIAL,
    AcceptContract,
    CancelContract,
    Command,
    ConcludeContract,
    ExpireContract,
    FollowWithdrawal,
    OfferContract,
    Status,
    ViewContract,
    decide,
    evolve,
)
from services.contract.handlers import contracts
from services.contract.library import library
from services.contract.tests.story import ACCOUNT, APPLICANT, APPLICATION, APPROVED, CONTRACT

DAY, LAST, AFTER = date(2026, 2, 1), date(2026, 2, 15), date(2026, 2, 16)
LIMITS = library().limits_on(DAY)
DIGEST, SIGNED_DIGEST = "a" * 64, "b" * 64
AGREED = make_agreement(APPROVED.request, APPROVED.offer, APPROVED.basis, DAY)
BANK = BankAccount.model_validate(ACCOUNT)

OFFER = OfferContract(
    contract_id=CONTRACT,
    application_id=APPLICATION,
    agreement=AGREED,
    template_id="loan-agreement",
    template_version=1,
    template_sha256="c" * 64,
    document_sha256=DIGEST,
    on=DAY,
    expires_on=LAST,
    setting=2,
    limits=LIMITS,
)
OFFERED = ContractOffered(
    contract_id=CONTRACT,
    application_id=APPLICATION,
    agreement=AGREED,
    template_id="loan-agreement",
    template_version=1,
    template_sha256="c" * 64,
    document_sha256=DIGEST,
    offered_on=DAY,
    expires_on=LAST,
    setting=2,
)
VIEWED = ContractViewed(
    contract_id=CONTRACT, document_sha256=DIGEST, reading_seconds=30, disclosure_confirmed=True, viewed_on=DAY
)
LOOKED = VIEWED.model_copy(update={"disclosure_confirmed": False, "reading_seconds": 1})
ACCEPTED = ContractAccepted(
    contract_id=CONTRACT, document_sha256=DIGEST, account=BANK, accepted_on=DAY, applicant_id=APPLICANT
)
SIGNATURES = tuple(
    Signature(party=party, signatory="s", algorithm="Ed25519", public_key="k", signature="x", signed_at="t")
    for party in (Party.BORROWER, Party.LENDER)
)
SIGNED = ContractSigned(
    contract_id=CONTRACT,
    application_id=APPLICATION,
    agreement=AGREED,
    account=BANK,
    document_sha256=DIGEST,
    signed_document_sha256=SIGNED_DIGEST,
    signatures=SIGNATURES,
    signed_on=DAY,
    applicant_id=APPLICANT,
)
EXPIRED = ContractExpired(contract_id=CONTRACT, application_id=APPLICATION, expired_on=AFTER)
CANCELLED = ContractCancelled(contract_id=CONTRACT, application_id=APPLICATION, reason="A fault", cancelled_on=DAY)
WITHDRAWN = CANCELLED.model_copy(update={"reason": "application-withdrawn"})


def view(seconds: int = 30, *, confirmed: bool = True, digest: str = DIGEST, today: date = DAY) -> ViewContract:
    return ViewContract(
        document_sha256=digest, reading_seconds=seconds, disclosure_confirmed=confirmed, limits=LIMITS, today=today
    )


def accept(*, digest: str = DIGEST, third_party: bool = False, today: date = DAY) -> AcceptContract:
    return AcceptContract(document_sha256=digest, account=BANK, third_party=third_party, today=today)


CONCLUDE = ConcludeContract(signed_document_sha256=SIGNED_DIGEST, signatures=SIGNATURES, on=DAY)
CANCEL = CancelContract(reason="A fault", today=DAY)


def given_(*past: object) -> Scenario[object]:
    return Scenario(contracts).given(*past)  # type: ignore[arg-type]


def test_a_contract_is_offered_once() -> None:
    given_().when(OFFER).then(OFFERED)
    given_(OFFERED).when(OFFER).then()
    given_(OFFERED, CANCELLED).when(OFFER).then()


def test_what_a_limit_forbids_is_cancelled_instead_of_offered() -> None:
    costly = APPROVED.offer.model_copy(update={"annual_rate": Decimal("0.3")})
    agreed = make_agreement(APPROVED.request, costly, APPROVED.basis, DAY)
    order = OfferContract(**{name: getattr(OFFER, name) for name in OFFER.__dataclass_fields__} | {"agreement": agreed})
    given_().when(order).then(CANCELLED.model_copy(update={"reason": "all-in-cost-over-limit"}))


def test_viewing_is_recorded_each_time_and_one_confirmation_is_enough() -> None:
    given_(OFFERED).when(view()).then(VIEWED)
    state = given_(OFFERED).when(view(1, confirmed=False)).then(LOOKED)
    assert state.status is Status.OFFERED
    state = given_(OFFERED, VIEWED).when(view(1, confirmed=False)).then(LOOKED)
    assert (state.status, state.viewed) == (Status.VIEWED, VIEWED)


def test_a_confirmation_takes_the_minimum_reading_time() -> None:
    least = LIMITS.reading_seconds_min
    given_(OFFERED).when(view(least)).then(VIEWED.model_copy(update={"reading_seconds": least}))
    error = given_(OFFERED).when(view(least - 1)).refused("reading-too-short")
    assert (error.field, error.status) == ("/reading_seconds", 422)


def test_another_document_than_the_contract_s_is_neither_viewed_nor_signed() -> None:
    given_(OFFERED).when(view(digest=SIGNED_DIGEST)).refused("stale-document")
    given_(OFFERED, VIEWED).when(accept(digest=SIGNED_DIGEST)).refused("stale-document")


def test_a_contract_is_accepted_only_when_the_disclosure_was_confirmed() -> None:
    given_(OFFERED, VIEWED).when(accept()).then(ACCEPTED)
    given_(OFFERED).when(accept()).refused("disclosure-not-confirmed")
    given_(OFFERED, LOOKED).when(accept()).refused("disclosure-not-confirmed")


def test_a_third_party_platform_never_signs() -> None:
    error = given_(OFFERED, VIEWED).when(accept(third_party=True)).refused("third-party-may-not-sign")
    assert error.status == 403


def test_the_last_day_counts_and_the_day_after_is_too_late() -> None:
    given_(OFFERED, VIEWED).when(accept(today=LAST)).then(ACCEPTED.model_copy(update={"accepted_on": LAST}))
    given_(OFFERED, VIEWED).when(accept(today=AFTER)).refused("contract-expired")
    given_(OFFERED).when(view(today=AFTER)).refused("contract-expired")


def test_an_accepted_contract_is_concluded_by_both_signatures() -> None:
    state = given_(OFFERED, VIEWED, ACCEPTED).when(CONCLUDE).then(SIGNED)
    assert state.status is Status.SIGNED
    given_(OFFERED, VIEWED, ACCEPTED, SIGNED).when(CONCLUDE).then()
    given_(OFFERED, VIEWED, ACCEPTED, WITHDRAWN).when(CONCLUDE).then()
    half = ConcludeContract(signed_document_sha256=SIGNED_DIGEST, signatures=SIGNATURES[:1], on=DAY)
    given_(OFFERED, VIEWED, ACCEPTED).when(half).refused("signature-missing")


def test_an_offer_ends_on_the_day_after_its_last() -> None:
    given_(OFFERED).when(ExpireContract(today=AFTER)).then(EXPIRED)
    given_(OFFERED, VIEWED).when(ExpireContract(today=AFTER)).then(EXPIRED)
    given_(OFFERED).when(ExpireContract(today=LAST)).then()
    given_(OFFERED, VIEWED, ACCEPTED).when(ExpireContract(today=AFTER)).then()
    given_().when(ExpireContract(today=AFTER)).then()


@pytest.mark.parametrize("past", [(OFFERED,), (OFFERED, VIEWED), (OFFERED, VIEWED, ACCEPTED)])
def test_what_is_not_signed_can_be_taken_back(past: tuple[object, ...]) -> None:
    given_(*past).when(CANCEL).then(CANCELLED)
    given_(*past).when(FollowWithdrawal(today=DAY)).then(WITHDRAWN)


def test_what_is_signed_or_ended_cannot_be_taken_back() -> None:
    given_(OFFERED, VIEWED, ACCEPTED, SIGNED).when(CANCEL).refused("contract-signed")
    given_(OFFERED, EXPIRED).when(CANCEL).refused("contract-ended")
    given_(OFFERED, CANCELLED).when(CANCEL).refused("contract-ended")
    error = given_().when(CANCEL).refused("contract-unknown")
    assert error.status == 404


def test_a_withdrawal_after_the_end_changes_nothing() -> None:
    for past in ((), (OFFERED, EXPIRED), (OFFERED, CANCELLED), (OFFERED, VIEWED, ACCEPTED, SIGNED)):
        given_(*past).when(FollowWithdrawal(today=DAY)).then()


@pytest.mark.parametrize(
    ("past", "code"),
    [
        ((), "contract-unknown"),
        ((OFFERED, VIEWED, ACCEPTED), "contract-accepted"),
        ((OFFERED, VIEWED, ACCEPTED, SIGNED), "contract-signed"),
        ((OFFERED, EXPIRED), "contract-ended"),
        ((OFFERED, CANCELLED), "contract-ended"),
    ],
)
def test_only_an_open_offer_is_viewed_or_accepted(past: tuple[object, ...], code: str) -> None:
    given_(*past).when(view()).refused(code)
    given_(*past).when(accept()).refused(code)


COMMANDS: list[Command] = [
    OFFER,
    view(),
    view(1, confirmed=False),
    accept(),
    CONCLUDE,
    ExpireContract(today=DAY),
    ExpireContract(today=AFTER),
    CANCEL,
    FollowWithdrawal(today=DAY),
]


@given(st.lists(st.sampled_from(COMMANDS), max_size=12))
def test_whatever_is_tried_nothing_is_signed_unread_and_nothing_follows_the_end(tried: list[Command]) -> None:
    state, happened = INITIAL, []
    for command in tried:
        try:
            events = decide(command, state)
        except Rejected:
            continue
        for event in events:
            assert state.status not in (Status.SIGNED, Status.EXPIRED, Status.CANCELLED)
            state = evolve(state, event)
            happened.append(type(event))
    assert happened.count(ContractOffered) <= 1
    assert happened.count(ContractSigned) <= 1
    if ContractSigned in happened:
        assert state.viewed is not None
        assert state.viewed.disclosure_confirmed
        assert happened.index(ContractViewed) < happened.index(ContractAccepted) < happened.index(ContractSigned)
