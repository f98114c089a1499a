"""One contract from its offer to its signatures: what may be done with it, and when not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final

from libs.contracts.contract import (
    Agreement,
    ContractAccepted,
    ContractCancelled,
    ContractExpired,
    ContractOffered,
    ContractSigned,
    ContractViewed,
    Party,
    Signature,
)
from libs.contracts.problems import Rejected, refuse_unless
from libs.contracts.values import BankAccount
from services.contract.domain.limits import Limits, violation

Event = ContractOffered | ContractViewed | ContractAccepted | ContractSigned | ContractExpired | ContractCancelled


class Status(StrEnum):
    ABSENT = "ABSENT"
    OFFERED = "OFFERED"
    """Made out, waiting for the borrower to read and confirm the cost disclosure."""
    VIEWED = "VIEWED"
    """The borrower confirmed the cost disclosure, and may sign."""
    ACCEPTED = "ACCEPTED"
    """The borrower signs; the signature service is at work."""
    SIGNED = "SIGNED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


OPEN: Final = frozenset({Status.OFFERED, Status.VIEWED})
UNSIGNED: Final = OPEN | {Status.ACCEPTED}


@dataclass(frozen=True, slots=True)
class Contract:
    """What has become of a contract: the latest fact of each kind."""

    status: Status = Status.ABSENT
    offered: ContractOffered | None = None
    viewed: ContractViewed | None = None
    accepted: ContractAccepted | None = None
    signed: ContractSigned | None = None
    ended: ContractExpired | ContractCancelled | None = None


INITIAL: Final = Contract()


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferContract:
    """Offer a contract that was made out on the day of the approval."""

    contract_id: str
    application_id: str
    agreement: Agreement
    template_id: str
    template_version: int
    template_sha256: str
    document_sha256: str
    on: date
    expires_on: date
    setting: int
    limits: Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewContract:
    """Record that the borrower was shown the disclosure and the document, and whether he confirmed the disclosure."""

    document_sha256: str
    reading_seconds: int
    disclosure_confirmed: bool
    limits: Limits
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptContract:
    """The borrower signs the document that he saw. `third_party`: asked by the platform of somebody else."""

    document_sha256: str
    account: BankAccount
    third_party: bool
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcludeContract:
    """Both signatures are there: the contract is concluded."""

    signed_document_sha256: str
    signatures: tuple[Signature, ...]
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireContract:
    """The business day has moved on; end the offer if its date has passed."""

    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelContract:
    """Take an unsigned contract back."""

    reason: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowWithdrawal:
    """The application was withdrawn: cancel the contract unless it has ended or is signed already."""

    today: date


Command = (
    OfferContract
    | ViewContract
    | AcceptContract
    | ConcludeContract
    | ExpireContract
    | CancelContract
    | FollowWithdrawal
)


def decide(command: Command, state: Contract) -> Sequence[Event]:
    match command:
        case OfferContract():
            return [] if state.status is not Status.ABSENT else [_offer(command)]
        case ViewContract():
            return [_view(command, state)]
        case AcceptContract():
            return [_accept(command, state)]
        case ConcludeContract():
            return [_conclude(command, state)] if state.status is Status.ACCEPTED else []
        case ExpireContract():
            return _expire(command, state)
        case CancelContract():
            _offered(state)
            refuse_unless(state.status is not Status.SIGNED, "contract-signed", "A signed contract is not cancelled.")
            refuse_unless(state.status in UNSIGNED, "contract-ended", _ended(state))
            return [_cancel(state, command.reason, command.today)]
        case FollowWithdrawal():
            if state.status not in UNSIGNED:
                return []
            return [_cancel(state, "application-withdrawn", command.today)]


def _offer(command: OfferContract) -> Event:
    broken = violation(command.agreement, command.limits)
    if broken is not None:
        return ContractCancelled(
            contract_id=command.contract_id,
            application_id=command.application_id,
            reason=broken,
            cancelled_on=command.on,
        )
    return ContractOffered(
        contract_id=command.contract_id,
        application_id=command.application_id,
        agreement=command.agreement,
        template_id=command.template_id,
        template_version=command.template_version,
        template_sha256=command.template_sha256,
        document_sha256=command.document_sha256,
        offered_on=command.on,
        expires_on=command.expires_on,
        setting=command.setting,
    )


def _view(command: ViewContract, state: Contract) -> ContractViewed:
    offered = _open(state, command.today)
    _same_document(command.document_sha256, offered)
    least = command.limits.reading_seconds_min
    refuse_unless(
        not command.disclosure_confirmed or command.reading_seconds >= least,
        "reading-too-short",
        f"Show the cost disclosure for at least {least} seconds before it is confirmed.",
        field="/reading_seconds",
        status=422,
    )
    return ContractViewed(
        contract_id=offered.contract_id,
        document_sha256=command.document_sha256,
        reading_seconds=command.reading_seconds,
        disclosure_confirmed=command.disclosure_confirmed,
        viewed_on=command.today,
    )


def _accept(command: AcceptContract, state: Contract) -> ContractAccepted:
    refuse_unless(
        not command.third_party,
        "third-party-may-not-sign",
        "A third-party platform takes no part in signing: send the borrower to the lender's own pages "
        "(金融产品网络营销管理办法).",
        status=403,
    )
    offered = _open(state, command.today)
    _same_document(command.document_sha256, offered)
    refuse_unless(
        state.status is Status.VIEWED,
        "disclosure-not-confirmed",
        "Show the borrower the cost disclosure and have it confirmed before signing.",
    )
    return ContractAccepted(
        contract_id=offered.contract_id,
        document_sha256=command.document_sha256,
        account=command.account,
        accepted_on=command.today,
        applicant_id=offered.agreement.request.applicant_id,
    )


def _conclude(command: ConcludeContract, state: Contract) -> ContractSigned:
    assert state.offered is not None, "only what was offered is accepted"
    assert state.accepted is not None, "the state says that it was accepted"
    parties = {signature.party for signature in command.signatures}
    refuse_unless(
        {Party.BORROWER, Party.LENDER} <= parties,
        "signature-missing",
        "A contract is concluded with the signatures of the borrower and the lender.",
        status=422,
    )
    return ContractSigned(
        contract_id=state.offered.contract_id,
        application_id=state.offered.application_id,
        agreement=state.offered.agreement,
        account=state.accepted.account,
        document_sha256=state.offered.document_sha256,
        signed_document_sha256=command.signed_document_sha256,
        signatures=command.signatures,
        signed_on=command.on,
        applicant_id=state.offered.agreement.request.applicant_id,
    )


def _expire(command: ExpireContract, state: Contract) -> Sequence[Event]:
    if state.status not in OPEN or state.offered is None or command.today <= state.offered.expires_on:
        return []
    return [
        ContractExpired(
            contract_id=state.offered.contract_id,
            application_id=state.offered.application_id,
            expired_on=command.today,
        )
    ]


def _cancel(state: Contract, reason: str, on: date) -> ContractCancelled:
    offered = _offered(state)
    return ContractCancelled(
        contract_id=offered.contract_id, application_id=offered.application_id, reason=reason, cancelled_on=on
    )


def _offered(state: Contract) -> ContractOffered:
    if state.offered is None:
        raise Rejected("contract-unknown", "There is no such contract; it may not have been made out yet.", status=404)
    return state.offered


def _open(state: Contract, today: date) -> ContractOffered:
    """The offer, as long as it can be read and signed."""
    offered = _offered(state)
    refuse_unless(state.status is not Status.SIGNED, "contract-signed", "The contract is signed already.")
    refuse_unless(state.status is not Status.ACCEPTED, "contract-accepted", "The contract is being signed.")
    refuse_unless(state.status in OPEN, "contract-ended", _ended(state))
    refuse_unless(
        today <= offered.expires_on,
        "contract-expired",
        f"The offer stood until {offered.expires_on.isoformat()}; apply again.",
    )
    return offered


def _same_document(sha256: str, offered: ContractOffered) -> None:
    refuse_unless(
        sha256 == offered.document_sha256,
        "stale-document",
        "This is not the hash of the contract's document: show the borrower the document and name its hash.",
        field="/document_sha256",
    )


def _ended(state: Contract) -> str:
    how = "has expired" if state.status is Status.EXPIRED else "was cancelled"
    return f"The contract {how}; nothing more can be done with it."


def evolve(state: Contract, event: Event) -> Contract:
    match event:
        case ContractOffered():
            return replace(state, status=Status.OFFERED, offered=event)
        case ContractViewed():
            if not event.disclosure_confirmed and state.status is Status.VIEWED:
                return state  # looking once more takes no confirmation back
            confirmed = Status.VIEWED if event.disclosure_confirmed else state.status
            return replace(state, status=confirmed, viewed=event)
        case ContractAccepted():
            return replace(state, status=Status.ACCEPTED, accepted=event)
        case ContractSigned():
            return replace(state, status=Status.SIGNED, signed=event)
        case ContractExpired():
            return replace(state, status=Status.EXPIRED, ended=event)
        case ContractCancelled():
            return replace(state, status=Status.CANCELLED, ended=event)
