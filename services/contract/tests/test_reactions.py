"""What the service does when it hears of something, in whatever order that comes."""

from __future__ import annotations

import asyncio
from datetime import date
from decimal import Decimal

from libs.contracts.application import ApplicationWithdrawn
from libs.contracts.contract import (
    ContractCancelled,
    ContractExpired,
    ContractOffered,
    ContractSigned,
    Party,
    Signature,
)
from libs.contracts.partners import FundingArranged
from libs.service.testing import Served
from services.contract.handlers import contract_id_of
from services.contract.signatures import SignatureService
from services.contract.tests.story import (
    APPLICANT,
    APPLICATION,
    APPROVED,
    CONTRACT,
    PATH,
    REGISTERED,
    another,
    approve,
    opened,
    signed,
    viewed,
)

STREAM = f"contract-{CONTRACT}"
WITHDRAWN = ApplicationWithdrawn(application_id=APPLICATION, reason="Another lender", withdrawn_on=date(2026, 2, 2))


async def kinds(running: Served, stream_id: str = STREAM) -> list[type[object]]:
    return [type(event) for event in await running.events(stream_id)]


async def test_an_approval_becomes_an_offer_of_the_same_day(running: Served) -> None:
    await approve(running)
    (event,) = await running.events(STREAM)
    assert isinstance(event, ContractOffered)
    assert (event.offered_on, event.expires_on) == (APPROVED.approved_on, APPROVED.offer.expires_on)
    assert event.agreement.terms.disbursed_on == APPROVED.approved_on
    stored = (await running.runtime.store.load(STREAM))[0].circumstances
    assert stored.effective_date == "2026-02-01"
    assert stored.causation_id


async def test_an_approval_waits_for_its_applicant(running: Served) -> None:
    await running.publish(f"decision-{APPLICATION}", APPROVED)
    someone = REGISTERED.model_copy(update={"applicant_id": "somebody-else"})
    await running.publish("applicant-somebody-else", someone)
    known = "select count(*) from party"
    async with asyncio.timeout(10):
        while not await running.runtime.store.pool.fetchval(known):  # what waits holds up nobody else
            await asyncio.sleep(0.01)
    assert await kinds(running) == []
    await running.publish(f"applicant-{APPLICANT}", REGISTERED)
    await running.settle()
    assert await kinds(running) == [ContractOffered]
    assert await running.parked() == []


async def test_who_agreed_to_co_lenders_is_offered_a_contract_when_it_is_settled_who_lends(running: Served) -> None:
    asked = APPROVED.model_copy(update={"request": APPROVED.request.model_copy(update={"shareable": True})})
    await approve(running, asked)
    assert await kinds(running) == []
    arranged = FundingArranged.model_validate(FundingArranged.example)
    await running.publish(f"funding-{APPLICATION}", arranged.model_copy(update={"approval": asked}))
    await running.settle()
    (event,) = await running.events(STREAM)
    assert isinstance(event, ContractOffered)
    assert event.agreement.lenders == arranged.lenders
    assert event.offered_on == APPROVED.approved_on
    assert (event.template_id, event.template_version) == ("loan-agreement", 2)


async def test_nobody_is_offered_a_contract_of_a_withdrawn_application_once_it_is_settled_who_lends(
    running: Served,
) -> None:
    await running.publish(f"applicant-{APPLICANT}", REGISTERED)
    await running.publish(f"application-{APPLICATION}", WITHDRAWN)
    await running.settle()
    await running.publish(f"funding-{APPLICATION}", FundingArranged.model_validate(FundingArranged.example))
    await running.settle()
    assert await kinds(running) == []


async def test_the_same_approval_twice_is_one_contract(running: Served) -> None:
    await approve(running)
    await running.publish(f"decision-{APPLICATION}", APPROVED)
    await running.settle()
    assert await kinds(running) == [ContractOffered]
    assert await running.runtime.store.pool.fetchval("select count(*) from document") == 1


async def test_what_no_contract_may_cost_is_cancelled_with_the_reason(running: Served) -> None:
    costly = APPROVED.offer.model_copy(update={"annual_rate": Decimal("0.3")})
    await approve(running, APPROVED.model_copy(update={"offer": costly}))
    (event,) = await running.events(STREAM)
    assert isinstance(event, ContractCancelled)
    assert event.reason == "all-in-cost-over-limit"
    assert await running.runtime.store.pool.fetchval("select count(*) from document") == 0
    officer = await running.client("contract_officer")
    answer = await officer.get(PATH)
    assert answer.status_code == 404
    assert "all-in-cost-over-limit" in answer.json()["detail"]


async def test_a_withdrawal_cancels_what_is_not_signed(running: Served) -> None:
    await viewed(running)
    await running.publish(f"application-{APPLICATION}", WITHDRAWN)
    await running.settle()
    event = (await running.events(STREAM))[-1]
    assert isinstance(event, ContractCancelled)
    assert (event.reason, event.cancelled_on) == ("application-withdrawn", date(2026, 2, 2))


async def test_a_withdrawal_that_comes_first_leaves_nothing_to_sign(running: Served) -> None:
    await running.publish(f"application-{APPLICATION}", WITHDRAWN)
    await running.settle()
    await approve(running)
    assert await kinds(running) == []
    assert await running.parked() == []


async def test_a_withdrawal_after_the_signature_changes_nothing(running: Served) -> None:
    await signed(running)
    before = await kinds(running)
    await running.publish(f"application-{APPLICATION}", WITHDRAWN)
    await running.settle()
    assert await kinds(running) == before


async def test_the_day_after_the_last_ends_every_open_offer_and_no_signed_contract(running: Served) -> None:
    await signed(running)
    others = [another(number) for number in range(3)]
    for approved in others:
        await approve(running, approved)
    streams = [f"contract-{contract_id_of(approved.application_id)}" for approved in others]
    await running.publish("businessday-cn", opened(date(2026, 2, 15)))
    await running.settle()
    assert [await kinds(running, stream) for stream in streams] == [[ContractOffered]] * 3
    await running.publish("businessday-cn", opened(date(2026, 2, 16)))
    await running.settle()
    assert [await kinds(running, stream) for stream in streams] == [[ContractOffered, ContractExpired]] * 3
    assert ContractExpired not in await kinds(running)
    assert await running.runtime.store.pool.fetchval("select count(*) from open_offer") == 0
    staff = await running.client("contract_officer")
    ended = await staff.get("/contract/contracts", params={"status": "EXPIRED"})
    assert {item["ended_on"] for item in ended.json()["items"]} == {"2026-02-16"}


class OutOfOrderOnce:
    """A signature service that cannot be reached at first."""

    def __init__(self, inner: SignatureService) -> None:
        self.inner, self.keys = inner, list[str]()

    async def sign(self, party: Party, signatory: str, document_sha256: str, *, key: str) -> Signature:
        self.keys.append(key)
        if len(self.keys) == 1:
            raise ConnectionError("the signature service does not answer")
        return await self.inner.sign(party, signatory, document_sha256, key=key)

    async def verify(self, signature: Signature, document_sha256: str) -> bool:
        return await self.inner.verify(signature, document_sha256)


async def test_a_signature_service_out_of_order_is_asked_again_with_the_same_key(running: Served) -> None:
    service = running.runtime.extras["signatures"] = OutOfOrderOnce(running.runtime.extras["signatures"])
    await signed(running)
    assert (await kinds(running))[-1] is ContractSigned
    assert service.keys[0] == service.keys[1] != service.keys[2]


async def test_signing_takes_the_date_on_which_the_borrower_signed(running: Served) -> None:
    await signed(running)
    event = (await running.events(STREAM))[-1]
    assert isinstance(event, ContractSigned)
    assert event.signed_on == date(2026, 2, 1)
    assert event.account.number == "6222020200012345678"
