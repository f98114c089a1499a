"""Who may ask, and about whose loans."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends

from libs.contracts.problems import Rejected
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.runtime import Runtime
from services.ledger.domain.loan import Loan, Status
from services.ledger.handlers import LOAN

STAFF: Final = (
    "auditor",
    "collection_manager",
    "collector",
    "contract_officer",
    "credit_officer",
    "finance_manager",
    "finance_officer",
    "loan_officer",
    "operator",
    "risk_manager",
    "senior_credit_officer",
    "service",
)
BOOKKEEPERS: Final = ("auditor", "finance_manager", "finance_officer", "operator", "risk_manager", "service")

Reader = Annotated[Actor, Depends(require(*STAFF, "customer"))]
"""Staff, and front ends for a borrower's own loans."""
Bookkeeper = Annotated[Actor, Depends(require(*BOOKKEEPERS))]


async def loan_for(runtime: Runtime, loan_id: str, actor: Actor) -> tuple[Loan, int]:
    """A loan that the actor may know of, and its version. Raises `Rejected` (404) otherwise."""
    loan, version = await runtime.commands.state(LOAN, LOAN.stream_id(loan_id))
    if loan.status is Status.NONE or not may_see(actor, loan):
        raise Rejected("loan-not-found", "There is no loan with this id; look it up in the list of loans.", status=404)
    return loan, version


def may_see(actor: Actor, loan: Loan) -> bool:
    if actor.on_behalf_of is None:
        return True
    return loan.booked is not None and loan.booked.applicant_id == actor.on_behalf_of
