"""A contract over HTTP, from the approval to the signed document."""

from __future__ import annotations

from hashlib import sha256

from libs.service.testing import Served, key
from services.contract.tests.story import ACCOUNT, APPLICANT, CONTRACT, offered


async def test_an_approval_is_offered_read_signed_and_both_documents_are_served(running: Served) -> None:
    contract = await offered(running)
    client = await running.client("customer", **{"On-Behalf-Of": APPLICANT})
    document = await client.get(f"/contract/contracts/{CONTRACT}/document")
    assert document.headers["content-type"] == "application/pdf"
    assert document.content.startswith(b"%PDF-")
    digest = sha256(document.content).hexdigest()
    assert document.headers["etag"] == f'"{digest}"'
    assert contract["document_sha256"] == digest

    view = {"document_sha256": digest, "reading_seconds": 30, "disclosure_confirmed": True}
    viewed = await client.post(f"/contract/contracts/{CONTRACT}/view", json=view, headers=key())
    assert (viewed.status_code, viewed.json()["status"]) == (200, "VIEWED")
    sign = {"document_sha256": digest, "account": ACCOUNT}
    accepted = await client.post(f"/contract/contracts/{CONTRACT}/sign", json=sign, headers=key())
    assert (accepted.status_code, accepted.json()["status"]) == (202, "ACCEPTED")
    await running.settle()

    shown = (await client.get(f"/contract/contracts/{CONTRACT}")).json()
    assert shown["status"] == "SIGNED"
    signed_document = await client.get(f"/contract/contracts/{CONTRACT}/signed-document")
    assert sha256(signed_document.content).hexdigest() == shown["signed_document_sha256"]
    check = (await client.get(f"/contract/contracts/{CONTRACT}/verification")).json()
    assert check["valid"] is True
    assert [(one["party"], one["valid"]) for one in check["signatures"]] == [("BORROWER", True), ("LENDER", True)]
    assert await running.parked() == []
