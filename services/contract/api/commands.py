"""What is done with a contract: the borrower reads and signs it, an officer takes it back."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field

from libs.contracts import examples as ex
from libs.contracts.problems import Rejected
from libs.contracts.values import BankAccount
from libs.service.commands import Call, command
from libs.service.models import RequestModel, Text
from services.contract.api.access import ContractPath, contract_seen_by
from services.contract.api.models import ContractDetail, detail_of
from services.contract.domain.contract import AcceptContract, CancelContract, ViewContract
from services.contract.handlers import contracts
from services.contract.library import library

router = APIRouter(tags=["signing"])

Sha256 = Annotated[
    str, Field(pattern="^[0-9a-f]{64}$", description="The SHA-256 of the document that was shown: its ETag.")
]
SECONDS_MAX: Final = 86_400
_ACCOUNT: Final[dict[str, Any]] = dict(ex.ACCOUNT)


class View(RequestModel):
    """The borrower was shown the cost disclosure and the document."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"document_sha256": ex.SHA256, "reading_seconds": 45, "disclosure_confirmed": True}]
        }
    )

    document_sha256: Sha256
    reading_seconds: Annotated[
        int, Field(ge=0, le=SECONDS_MAX, description="For how long the cost disclosure was on the screen.")
    ]
    disclosure_confirmed: bool = Field(description="Whether the borrower confirmed the cost disclosure.")


class Account(RequestModel):
    """The borrower's own account, to which the loan is paid."""

    bank: Text
    number: Annotated[str, Field(pattern="^[0-9A-Z]{8,34}$", description="Digits, or an IBAN without spaces.")]
    holder: Text


class Sign(RequestModel):
    """The borrower signs the document that he saw."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"document_sha256": ex.SHA256, "account": _ACCOUNT}]})

    document_sha256: Sha256
    account: Account


class Cancel(RequestModel):
    """Why a contract is taken back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The purpose was recorded wrongly"}]})

    reason: Text


@router.post("/contracts/{contract_id}/view", summary="Record that the borrower read it", response_model=ContractDetail)
async def view_contract(
    contract_id: ContractPath, view: View, call: Annotated[Call, command("customer", "loan_officer")]
) -> Response:
    """Before a contract can be signed, its cost disclosure is shown for the minimum reading time and confirmed.

    The first confirmation counts; showing the document again takes nothing back. A confirmation that comes too soon
    (`reading-too-short`) or for another document (`stale-document`) is refused.
    """
    _, offered, _ = await contract_seen_by(call.actor, call.runtime, contract_id)
    limits = library().limits_on(offered.offered_on)
    rules = {"contract-limits": str(library().limits_version)}
    order = ViewContract(
        document_sha256=view.document_sha256,
        reading_seconds=view.reading_seconds,
        disclosure_confirmed=view.disclosure_confirmed,
        limits=limits,
        today=call.today,
    )
    return await call.execute(contracts, contracts.stream_id(contract_id), order, detail_of, rules=rules)


@router.post("/contracts/{contract_id}/sign", summary="Sign", status_code=202, response_model=ContractDetail)
async def sign_contract(
    contract_id: ContractPath, sign: Sign, call: Annotated[Call, command("customer", "partner")]
) -> Response:
    """The borrower signs: the front end acts on his behalf (token or On-Behalf-Of) and names the document's hash.

    The answer is 202: the signature service signs for borrower and lender, then the contract is `SIGNED`, which a
    GET shows. A third-party platform may not sign (`third-party-may-not-sign`).
    """
    third_party, subject = call.actor.has("partner"), None
    if not third_party:
        _, offered, _ = await contract_seen_by(call.actor, call.runtime, contract_id)
        subject = offered.agreement.request.applicant_id
        if call.actor.on_behalf_of is None:
            raise Rejected(
                "signatory-not-named",
                "Send On-Behalf-Of with the borrower who signs: nobody signs for all.",
                status=403,
            )
    order = AcceptContract(
        document_sha256=sign.document_sha256,
        account=BankAccount(**sign.account.model_dump()),
        third_party=third_party,
        today=call.today,
    )
    location = f"/contract/contracts/{contract_id}"
    stream_id = contracts.stream_id(contract_id)
    return await call.execute(contracts, stream_id, order, detail_of, status=202, location=location, subject=subject)


@router.post("/contracts/{contract_id}/cancel", summary="Take back", response_model=ContractDetail)
async def cancel_contract(
    contract_id: ContractPath, cancel: Cancel, call: Annotated[Call, command("contract_officer")]
) -> Response:
    """Takes a contract back that is not signed, with the reason on record. The application comes to nothing."""
    order = CancelContract(reason=cancel.reason, today=call.today)
    return await call.execute(contracts, contracts.stream_id(contract_id), order, detail_of)
