"""One loan that ends another."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import Field

from libs.contracts import examples as ex
from libs.contracts.problems import Rejected, refuse_unless
from libs.service.commands import Call, command
from libs.service.models import Id, RequestModel, ResponseModel, Text
from services.ledger.api.access import loan_for
from services.ledger.api.shapes import example
from services.ledger.domain.commands import AgreeRefinancing
from services.ledger.domain.loan import Loan
from services.ledger.domain.refinancing import refinanced
from services.ledger.handlers import LOAN, loan_id_of
from services.ledger.library import library

router = APIRouter(tags=["refinancing"])


class RefinancingBody(RequestModel):
    """The contract of the new loan, and the borrower's authorisation to set its payout off."""

    model_config = example(contract_id=ex.CONTRACT, authorisation="Authorisation of 2026-02-01, file 2026-0042")

    contract_id: Id = Field(description="A contract of the same borrower that is not signed yet.")
    authorisation: Text = Field(description="Where the borrower's written authorisation is kept.")


class RefinancingShown(ResponseModel):
    """What was agreed: once the contract is signed, its loan's payout ends the other loan."""

    model_config = example(
        loan_id=ex.LOAN,
        contract_id=ex.CONTRACT,
        refinanced_loan_id=ex.OTHER_LOAN,
        refinanced_contract_id=ex.OTHER_CONTRACT,
        authorisation="Authorisation of 2026-02-01, file 2026-0042",
        agreed_by="contract-1",
        agreed_on="2026-02-01",
    )

    loan_id: Id = Field(description="The new loan, which exists once the contract is signed.")
    contract_id: Id
    refinanced_loan_id: Id
    refinanced_contract_id: Id
    authorisation: str
    agreed_by: str
    agreed_on: date


@router.post(
    "/loans/{loan_id}/refinancing",
    summary="Agree on refinancing a loan",
    status_code=201,
    response_model=RefinancingShown,
)
async def agree(
    loan_id: Annotated[Id, Path(description="The loan to be ended.")],
    body: RefinancingBody,
    call: Annotated[Call, command("contract_officer", "finance_manager")],
) -> Response:
    """The payout of another contract's loan is set off against what ends this one on the day of signing; the bank pays
    out the rest. Refused once that contract is signed; a payout too small, or another borrower's, is not booked."""
    old, _ = await loan_for(call.runtime, loan_id, call.actor)
    refuse_unless(old.booked is not None, "loan-refused", "The contract of this loan was not booked.")
    try:
        new_loan_id = loan_id_of(body.contract_id)
    except ValueError:
        raise Rejected("contract-id", "A contract's id is a UUID.", field="/contract_id", status=422) from None
    policy = library().policy(call.today)
    asked = AgreeRefinancing(
        today=call.today,
        policy=policy,
        loan_id=new_loan_id,
        contract_id=body.contract_id,
        refinanced=refinanced(old, call.today),
        authorisation=body.authorisation,
        agreed_by=call.actor.subject,
    )
    return await call.execute(
        LOAN,
        LOAN.stream_id(new_loan_id),
        asked,
        _shown,
        status=201,
        rules={"ledger-policy": policy.label},
    )


def _shown(loan: Loan) -> RefinancingShown:
    agreed = loan.refinancing
    assert agreed is not None, "it was just agreed"
    return RefinancingShown(**{name: getattr(agreed, name) for name in RefinancingShown.model_fields})
