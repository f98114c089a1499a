"""The signed document in the view of a partner that lends: its own contracts alone, and what its agreement shares."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

import pytest

from libs.contracts import examples as ex
from libs.contracts.contract import ContractSigned
from libs.contracts.partners import FundingArranged
from libs.keys import KeyState
from libs.service.openapi import operations
from libs.service.testing import Served, key
from services.contract.tests.story import (
    ACCOUNT,
    APPLICANT,
    APPLICATION,
    APPROVED,
    CONTRACT,
    PATH,
    REGISTERED,
    opened,
    signed,
)
from services.contract.tests.test_api import code

LENT: Final = f"/contract/lent/{APPLICATION}/signed-document"


async def offered_with(running: Served, **lender: Any) -> None:
    """A contract that names a partner with these particulars."""
    arranged = FundingArranged.model_validate(FundingArranged.example)
    partner, ours = arranged.lenders
    lenders = (partner.model_copy(update={"subject": "partner", "reads_contract": True} | lender), ours)
    await running.publish("businessday-cn", opened(APPROVED.approved_on))
    await running.publish(f"applicant-{APPLICANT}", REGISTERED)
    await running.publish(f"funding-{APPLICATION}", arranged.model_copy(update={"lenders": lenders}))
    await running.settle()


async def sign(running: Served) -> ContractSigned:
    borrower = await running.client("customer", **{"On-Behalf-Of": APPLICANT})
    digest = (await borrower.get(PATH)).json()["document_sha256"]
    view = {"document_sha256": digest, "reading_seconds": 30, "disclosure_confirmed": True}
    assert (await borrower.post(f"{PATH}/view", json=view, headers=key())).status_code == 200
    body = {"document_sha256": digest, "account": ACCOUNT}
    assert (await borrower.post(f"{PATH}/sign", json=body, headers=key())).status_code == 202
    await running.settle()
    event = (await running.events(f"contract-{CONTRACT}"))[-1]
    assert isinstance(event, ContractSigned)
    return event


async def test_a_lender_reads_the_signed_contract_under_the_hash_that_the_event_names(running: Served) -> None:
    await offered_with(running)
    partner = await running.client("partner")
    early = await partner.get(LENT)
    assert (early.status_code, code(early)) == (404, "contract-unknown"), "not before it is signed"
    event = await sign(running)
    paper = await partner.get(LENT)
    assert (paper.status_code, paper.headers["content-type"]) == (200, "application/pdf")
    assert paper.headers["etag"] == f'"{event.signed_document_sha256}"'
    assert sha256(paper.content).hexdigest() == event.signed_document_sha256
    again = await partner.get(LENT, headers={"If-None-Match": paper.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await partner.get("/contract/lent/nonsense/signed-document")).status_code == 422


async def test_an_agreement_that_does_not_name_the_contract_shares_none(running: Served) -> None:
    await offered_with(running, reads_contract=False)
    await sign(running)
    refused = await (await running.client("partner")).get(LENT)
    assert (refused.status_code, code(refused)) == (403, "contract-not-shared")
    assert "terms.data" in refused.json()["detail"]


@pytest.mark.parametrize("subject", ["somebody-else", ""])
async def test_every_operation_with_another_partner_s_identifiers_finds_nothing(running: Served, subject: str) -> None:
    await offered_with(running, subject=subject)
    await sign(running)
    partner = await running.client("partner")
    tried = dict[str, int]()
    for path, method, operation in operations(running.app.openapi()):
        if "partner" not in operation.get("x-roles", []) or "/operations/" in path:
            continue
        where = path.format(application_id=APPLICATION, contract_id=CONTRACT)
        body = {"document_sha256": ex.SHA256, "account": ACCOUNT} if method.lower() == "post" else None
        answer = await partner.request(method, where, json=body, headers=key())
        tried[operation["operationId"]] = answer.status_code
    assert tried == {"show_lent_document": 404, "sign_contract": 403}, "and a partner never signs"


async def test_what_is_erased_is_unreadable_for_the_lender_too(running: Served) -> None:
    await offered_with(running)
    await sign(running)
    partner = await running.client("partner")
    assert (await partner.get(LENT)).status_code == 200
    keyring = running.runtime.keyring
    assert keyring is not None
    assert await keyring.set_state(APPLICANT, KeyState.DESTROYED)
    gone = await partner.get(LENT)
    assert (gone.status_code, code(gone)) == (410, "personal-data-erased")


async def test_a_contract_that_we_lend_alone_is_no_partner_s(running: Served) -> None:
    await signed(running)
    assert (await (await running.client("partner")).get(LENT)).status_code == 404


async def test_nobody_but_a_partner_reads_as_one(running: Served) -> None:
    await offered_with(running)
    await sign(running)
    assert (await (await running.client("contract_officer")).get(LENT)).status_code == 403
    assert (await (await running.client("partner")).get(f"{PATH}/signed-document")).status_code == 403
