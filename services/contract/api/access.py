"""Who may ask, and which contracts a borrower's front end gets to see."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Path

from libs.contracts.contract import ContractOffered
from libs.contracts.problems import Rejected
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.models import Id
from libs.service.runtime import Runtime
from services.contract.domain.contract import Contract
from services.contract.handlers import contracts

STAFF: Final = ("auditor", "contract_officer", "credit_officer", "finance_officer", "loan_officer")

Reader = Annotated[Actor, Depends(require("customer", *STAFF))]
"""Staff, and front ends: on behalf of a borrower they see that borrower's contracts alone."""
Staff = Annotated[Actor, Depends(require(*STAFF))]
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


def _never_offered(state: Contract) -> str:
    reason = getattr(state.ended, "reason", "")
    if reason:
        return f"This contract was never offered ({reason}); the approved terms need to be changed."
    return "There is no such contract; look it up by its application: GET /contract/contracts?application_id=..."
