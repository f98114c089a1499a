"""A loan on paper, as PDF in Chinese or English."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Path, Query, Response

from libs.contracts.problems import Rejected, refuse_unless
from libs.service.models import Id
from libs.service.runtime import Runtime, runtime_of
from services.ledger.api.access import Reader, loan_for

router = APIRouter(tags=["documents"])

PDF: Final = "application/pdf"
At = Annotated[Runtime, Depends(runtime_of)]
LoanId = Annotated[Id, Path(description="The loan.")]
Language = Annotated[Literal["zh-CN", "en"], Query(description="The language of the document.")]
AS_PDF: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {PDF: {"schema": {"type": "string", "format": "binary"}}}, "description": "The document."}
}


async def _pdf(make: Callable[..., bytes], *arguments: Any) -> Response:
    """Set beside the loop: a page takes longer than others may wait."""
    return Response(await asyncio.to_thread(make, *arguments), media_type=PDF)


@router.get("/loans/{loan_id}/statement.pdf", summary="Print a statement", response_class=Response, responses=AS_PDF)
async def statement(loan_id: LoanId, actor: Reader, runtime: At, language: Language = "zh-CN") -> Response:
    """Everything that was charged and paid up to the business date."""
    from services.ledger.documents import statement_pdf

    loan, _ = await loan_for(runtime, loan_id, actor)
    refuse_unless(loan.booked is not None, "loan-refused", "The contract was not booked: there is no statement.")
    return await _pdf(statement_pdf, loan, runtime.today, language)


@router.get("/loans/{loan_id}/plan.pdf", summary="Print a plan", response_class=Response, responses=AS_PDF)
async def plan(loan_id: LoanId, actor: Reader, runtime: At, language: Language = "zh-CN") -> Response:
    """Every instalment with what is open of it."""
    from services.ledger.documents import plan_pdf

    loan, _ = await loan_for(runtime, loan_id, actor)
    refuse_unless(loan.account is not None, "loan-not-disbursed", "A plan runs from the day the money is paid out.")
    return await _pdf(plan_pdf, loan, runtime.today, language)


@router.get(
    "/loans/{loan_id}/settlement-certificate.pdf",
    summary="Certify a settlement",
    response_class=Response,
    responses=AS_PDF,
)
async def certificate(loan_id: LoanId, actor: Reader, runtime: At, language: Language = "zh-CN") -> Response:
    """结清证明: only of a loan on which nothing is owed any more."""
    from services.ledger.documents import certificate_pdf

    loan, _ = await loan_for(runtime, loan_id, actor)
    return await _pdf(certificate_pdf, loan, language)


@router.get(
    "/loans/{loan_id}/repayments/{repayment_id}/receipt.pdf",
    summary="Print a receipt",
    response_class=Response,
    responses=AS_PDF,
)
async def receipt(
    loan_id: LoanId,
    repayment_id: Annotated[Id, Path(description="The repayment.")],
    actor: Reader,
    runtime: At,
    language: Language = "zh-CN",
) -> Response:
    """One repayment, and where it went."""
    from services.ledger.documents import receipt_pdf

    loan, _ = await loan_for(runtime, loan_id, actor)
    found = loan.receipt(repayment_id)
    if found is None:
        raise Rejected("repayment-not-found", "This loan has no repayment with this id.", status=404)
    return await _pdf(receipt_pdf, loan, found, language)
