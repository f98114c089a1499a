"""From what was approved to the contract that is offered, and from the facts of a contract to its document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

from libs.contracts.approval import ApplicationApproved
from libs.contracts.contract import CoLender, ContractOffered
from libs.events.decider import Decider
from libs.events.ids import derive_id
from services.contract.document.pages import contract_pdf
from services.contract.document.parties import Borrower
from services.contract.document.values import SETTINGS, STANDING, Contents
from services.contract.domain.agreement import make_agreement
from services.contract.domain.contract import INITIAL, Command, Contract, Event, OfferContract, decide, evolve
from services.contract.domain.limits import violation, within
from services.contract.library import Library, library

contracts: Final[Decider[Command, Contract, Event]] = Decider("contract", INITIAL, decide, evolve)


def contract_id_of(application_id: str) -> str:
    """The contract of an application: there is at most one."""
    return str(derive_id(UUID(application_id), "contract"))


@dataclass(frozen=True, slots=True)
class MadeOut:
    """A contract that is ready to be offered, with its document."""

    command: OfferContract
    document: bytes


def make_out(approved: ApplicationApproved, borrower: Borrower, lenders: Sequence[CoLender] = ()) -> MadeOut:
    """The contract that an approval leads to: on the day of the approval, by the template and limits of that day.
    `lenders` are all who lend, where we do not lend alone.

    Takes some ten milliseconds of processor time: have the press do it, which reads the service's library once, as we do,
    and need not be sent it. What breaks a limit gets no document.
    """
    on = approved.approved_on
    files = library()
    template, limits = files.template_on(on), files.limits_on(on)
    alone = within(make_agreement(approved.request, approved.offer, approved.basis, on), limits)
    agreement = alone.model_copy(update={"lenders": tuple(lenders)}) if lenders else alone
    contents = Contents(
        contract_id=contract_id_of(approved.application_id),
        agreement=agreement,
        template=template,
        lender=files.lender_on(on),
        borrower=borrower,
        offered_on=on,
        expires_on=approved.offer.expires_on,
        setting=STANDING,
    )
    document = b"" if violation(agreement, limits) else contract_pdf(contents)
    command = OfferContract(
        contract_id=contents.contract_id,
        application_id=approved.application_id,
        agreement=agreement,
        template_id=template.template_id,
        template_version=template.version,
        template_sha256=template.sha256,
        document_sha256=sha256(document).hexdigest(),
        on=on,
        expires_on=approved.offer.expires_on,
        setting=contents.setting,
        limits=limits,
    )
    return MadeOut(command, document)


def contents_of(offered: ContractOffered, borrower: Borrower, library: Library) -> Contents:
    """What the document of an offered contract was made from. Raises `LookupError` when its template is gone, or when it
    was set in a way that is not known here."""
    template = library.template(offered.template_id, offered.template_version)
    if template is None or template.sha256 != offered.template_sha256:
        raise LookupError(f"template {offered.template_id} version {offered.template_version} is not what it was")
    if offered.setting not in SETTINGS:
        raise LookupError(f"setting {offered.setting} is newer than this version of the service")
    return Contents(
        contract_id=offered.contract_id,
        agreement=offered.agreement,
        template=template,
        lender=library.lender_on(offered.offered_on),
        borrower=borrower,
        offered_on=offered.offered_on,
        expires_on=offered.expires_on,
        setting=offered.setting,
    )
