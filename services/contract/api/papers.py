"""The documents of a contract, and whether they and their signatures hold."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Any, Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from fastapi import APIRouter, Depends, Path, Request, Response

from libs.contracts.contract import ContractOffered, Signature
from libs.contracts.problems import Rejected
from libs.service.etag import parse_tags
from libs.service.runtime import Runtime, runtime_of
from services.contract import documents
from services.contract.api.access import ContractPath, Lender, Reader, contract_lent_by, contract_seen_by
from services.contract.api.models import SignatureCheck, Verification
from services.contract.document.pages import contract_pdf
from services.contract.handlers import contents_of
from services.contract.library import library
from services.contract.parties import borrower
from services.contract.press import press
from services.contract.signatures import SignatureService

router = APIRouter(tags=["documents"])

PDF_ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The document; its ETag is its SHA-256.",
        "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}, "example": "%PDF-1.4 ..."}},
    },
    304: {"description": "The document you have is the one."},
}


@router.get(
    "/contracts/{contract_id}/document",
    summary="Get the contract's document",
    response_class=Response,
    responses=PDF_ANSWER,
)
async def show_document(
    contract_id: ContractPath, request: Request, actor: Reader, runtime: Annotated[Runtime, Depends(runtime_of)]
) -> Response:
    """The contract as it is offered, as PDF: what the borrower reads before he signs. Its bytes never change."""
    _, offered, _ = await contract_seen_by(actor, runtime, contract_id)
    return await _pdf(request, runtime, offered.document_sha256, "contract")


@router.get(
    "/contracts/{contract_id}/signed-document",
    summary="Get the signed document",
    response_class=Response,
    responses=PDF_ANSWER,
)
async def show_signed_document(
    contract_id: ContractPath, request: Request, actor: Reader, runtime: Annotated[Runtime, Depends(runtime_of)]
) -> Response:
    """The contract with its page of signatures, as PDF. Its bytes never change."""
    state, _, _ = await contract_seen_by(actor, runtime, contract_id)
    if state.signed is None:
        raise Rejected("contract-not-signed", "The contract is not signed; there is no signed document yet.")
    return await _pdf(request, runtime, state.signed.signed_document_sha256, "signed-contract")


@router.get(
    "/lent/{application_id}/signed-document",
    summary="Get the signed document of a loan that you lend",
    response_class=Response,
    responses=PDF_ANSWER,
)
async def show_lent_document(
    application_id: Annotated[UUID, Path(description="The application whose offer you accepted.")],
    request: Request,
    actor: Lender,
    runtime: Annotated[Runtime, Depends(runtime_of)],
) -> Response:
    """For a partner that the signed contract names as a lender, where its agreement names the contract among its data.

    The same bytes, under the same hash, as the borrower has.
    """
    signed = await contract_lent_by(actor, runtime, str(application_id))
    return await _pdf(request, runtime, signed.signed_document_sha256, "signed-contract")


@router.get("/contracts/{contract_id}/verification", summary="Verify documents and signatures")
async def verify(
    contract_id: ContractPath, actor: Reader, runtime: Annotated[Runtime, Depends(runtime_of)]
) -> Verification:
    """Checks the stored documents against their hashes, makes the document again, and checks every signature."""
    state, offered, _ = await contract_seen_by(actor, runtime, contract_id)
    signed = state.signed
    signatures = [await _checked(runtime, offered, signature) for signature in (signed.signatures if signed else ())]
    intact = await _intact(runtime, offered.document_sha256)
    signed_intact = await _intact(runtime, signed.signed_document_sha256) if signed else None
    remade = await _remade(runtime, offered) == offered.document_sha256
    return Verification(
        contract_id=contract_id,
        document_sha256=offered.document_sha256,
        document_intact=intact,
        document_remade=remade,
        signed_document_sha256=signed.signed_document_sha256 if signed else None,
        signed_document_intact=signed_intact,
        signatures=signatures,
        valid=bool(signatures) and intact and remade and signed_intact is True and all(s.valid for s in signatures),
    )


async def _pdf(request: Request, runtime: Runtime, digest: str, name: str) -> Response:
    headers = {"etag": f'"{digest}"', "cache-control": "private, no-cache"}
    known = request.headers.getlist("if-none-match")
    if known and parse_tags(",".join(known), "If-None-Match").matches_weakly(digest):
        return Response(status_code=304, headers=headers)
    document = await documents.load(runtime.store.pool, runtime.codec, digest)
    assert document is not None, "a document is written with the event that names it"
    headers["content-disposition"] = f'inline; filename="{name}-{document.contract_id}.pdf"'
    return Response(document.content, media_type=document.media_type, headers=headers)


async def _intact(runtime: Runtime, digest: str) -> bool:
    try:
        document = await documents.load(runtime.store.pool, runtime.codec, digest)
    except InvalidTag:
        return False
    return document is not None and sha256(document.content).hexdigest() == digest


async def _remade(runtime: Runtime, offered: ContractOffered) -> str:
    party = await borrower(runtime.store, runtime.codec, offered.agreement.request.applicant_id)
    content = await press.run(contract_pdf, contents_of(offered, party, library()))
    return sha256(content).hexdigest()


async def _checked(runtime: Runtime, offered: ContractOffered, signature: Signature) -> SignatureCheck:
    service: SignatureService = runtime.extras["signatures"]
    return SignatureCheck(
        party=signature.party,
        signatory=signature.signatory,
        algorithm=signature.algorithm,
        public_key=signature.public_key,
        signed_at=signature.signed_at,
        valid=await service.verify(signature, offered.document_sha256),
    )
