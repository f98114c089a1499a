"""Who may ask, and which contracts a borrower's front end gets to see."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Path

from libs.contracts.contract import ContractOffered, ContractSigned
from libs.contracts.problems import Rejected
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.models import Id
from libs.service.runtime import Runtime
from services.contract.domain.contract import Contract
from services.contract.handlers import contract_id_of, contracts

STAFF: Final = ("auditor", "contract_officer", "credit_officer", "finance_officer", "loan_officer")

Reader = Annotated[Actor, Depends(require("customer", *STAFF))]
"""Staff, and front ends: on behalf of a borrower they see that borrower's contracts alone."""
Staff = Annotated[Actor, Depends(require(*STAFF))]
Lender = Annotated[Actor, Depends(require("partner"))]
"""A partner's system: it sees the signed document of what it lends, by whom its token speaks for."""
ContractPath = Annotated[Id, Path(description="The contract.")]


def is_front_end(actor: Actor) -> bool:
    """Whether the actor speaks for a borrower and holds no office that shows more."""
    return actor.on_behalf_of is not None and not actor.has(*STAFF)


async def contract_seen_by(actor: Actor, runtime: Runtime, contract_id: str) -> tuple[Contract, ContractOffered, int]:
    """A contract with its offer and its version; raises `Rejected` 404 when the actor may not know of it."""
    state, version = await runtime.commands.state(contracts, contracts.stream_id(contract_id))
    offered = state.offered
    if offered is None:
        raise Rejected("contract-unknown", _never_offered(state), status=404)
    if is_front_end(actor) and offered.agreement.request.applicant_id != actor.on_behalf_of:
        raise Rejected("contract-unknown", _never_offered(Contract()), status=404)
    return state, offered, version


async def contract_lent_by(actor: Actor, runtime: Runtime, application_id: str) -> ContractSigned:
    """The signed contract that names the actor's partner as a lender; raises `Rejected` 404 where none does, and 403
    where the agreement with the partner does not name the contract among its data."""
    state, _ = await runtime.commands.state(contracts, contracts.stream_id(contract_id_of(application_id)))
    lenders = state.offered.agreement.lenders if state.offered and state.signed else ()
    lender = next((each for each in lenders if each.subject and each.subject == actor.subject), None)
    if lender is None or state.signed is None:
        raise Rejected("contract-unknown", "No signed contract of this application names you as a lender.", status=404)
    if not lender.reads_contract:
        raise Rejected(
            "contract-not-shared",
            "The contract names the borrower, and the agreement under which you accepted does not name the contract "
            "among its data (`terms.data`); agree a version that does: it holds for offers made under it.",
            status=403,
        )
    return state.signed


def _never_offered(state: Contract) -> str:
    reason = getattr(state.ended, "reason", "")
    if reason:
        return f"This contract was never offered ({reason}); the approved terms need to be changed."
    return "There is no such contract; look it up by its application: GET /contract/contracts?application_id=..."
