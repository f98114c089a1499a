"""One loan that ends another."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Path, Response
from pydantic import Field

from libs.contracts import examples as ex
from libs.contracts.ledger import ActKind
from libs.contracts.problems import Rejected, refuse_unless
from libs.service.commands import Call, command
from libs.service.models import Id, RequestModel, ResponseModel, Text
from services.ledger.api.access import loan_for
from services.ledger.api.checked import WAITS, Act, By, Work, perform
from services.ledger.api.shapes import example
from services.ledger.domain.act import Target
from services.ledger.domain.commands import AgreeRefinancing
from services.ledger.domain.loan import Loan
from services.ledger.domain.refinancing import refinanced
from services.ledger.handlers import LOAN, loan_id_of

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


async def _refinancing(by: By, target: Target, body: RefinancingBody) -> Work:
    old, _ = await loan_for(by.runtime, target.loan_id, by.actor)
    refuse_unless(old.booked is not None, "loan-refused", "The contract of this loan was not booked.")
    try:
        new_loan_id = loan_id_of(body.contract_id)
    except ValueError:
        raise Rejected("contract-id", "A contract's id is a UUID.", field="/contract_id", status=422) from None
    asked = AgreeRefinancing(
        today=by.today,
        policy=by.policy,
        loan_id=new_loan_id,
        contract_id=body.contract_id,
        refinanced=refinanced(old, by.today),
        authorisation=body.authorisation,
        agreed_by=by.actor.subject,
    )
    return Work(
        decider=LOAN,
        stream_id=LOAN.stream_id(new_loan_id),
        command=asked,
        shown=_shown,
        rules={"ledger-policy": by.policy.label},
        status=201,
    )


REFINANCING: Final = Act(
    kind=ActKind.REFINANCING, roles=("contract_officer", "finance_manager"), body=RefinancingBody, work=_refinancing
)


@router.post(
    "/loans/{loan_id}/refinancing",
    summary="Agree on refinancing a loan",
    status_code=201,
    response_model=RefinancingShown,
    responses=WAITS,
)
async def agree(
    loan_id: Annotated[Id, Path(description="The loan to be ended.")],
    body: RefinancingBody,
    call: Annotated[Call, command(*REFINANCING.roles)],
) -> Response:
    """The payout of another contract's loan is set off against what ends this one on the day of signing; the bank pays
    out the rest. Refused once that contract is signed; a payout too small, or another borrower's, is not booked."""
    return await perform(call, REFINANCING, Target(loan_id=loan_id), body)


def _shown(loan: Loan) -> RefinancingShown:
    agreed = loan.refinancing
    assert agreed is not None, "it was just agreed"
    return RefinancingShown(**{name: getattr(agreed, name) for name in RefinancingShown.model_fields})
