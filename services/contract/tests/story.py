"""What happens before a test begins: an applicant, an approval, an offer."""

from __future__ import annotations

from datetime import date
from typing import Any, Final
from uuid import UUID

from libs.contracts import examples as ex
from libs.contracts.application import ApplicantRegistered
from libs.contracts.approval import ApplicationApproved
from libs.contracts.ledger import BusinessDayOpened
from libs.events.ids import derive_id
from libs.service.testing import Served, key
from services.contract.handlers import contract_id_of

APPLICANT: Final = ex.APPLICANT
APPLICATION: Final = ex.APPLICATION
CONTRACT: Final = contract_id_of(APPLICATION)
ACCOUNT: Final = {"bank": "中国工商银行", "number": "6222020200012345678", "holder": "张三"}
PATH: Final = f"/contract/contracts/{CONTRACT}"
APPROVED: Final = ApplicationApproved.model_validate(ApplicationApproved.example)
REGISTERED: Final = ApplicantRegistered.model_validate(ApplicantRegistered.example)


def another(number: int) -> ApplicationApproved:
    """The nth approval of the same applicant."""
    return APPROVED.model_copy(update={"application_id": str(derive_id(UUID(APPLICATION), str(number)))})


def opened(day: date) -> BusinessDayOpened:
    return BusinessDayOpened.model_validate(BusinessDayOpened.example | {"business_date": day.isoformat()})


async def approve(running: Served, approved: ApplicationApproved = APPROVED) -> None:
    await running.publish(f"applicant-{APPLICANT}", REGISTERED)
    await running.publish(f"decision-{approved.application_id}", approved)
    await running.settle()


async def offered(running: Served) -> dict[str, Any]:
    """The contract as its borrower's front end is shown it."""
    await running.publish("businessday-cn", opened(date(2026, 2, 1)))
    await approve(running)
    client = await running.client("customer", **{"On-Behalf-Of": APPLICANT})
    answer = await client.get(PATH)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def viewed(running: Served) -> dict[str, Any]:
    contract = await offered(running)
    client = await running.client("customer", **{"On-Behalf-Of": APPLICANT})
    view = {"document_sha256": contract["document_sha256"], "reading_seconds": 30, "disclosure_confirmed": True}
    answer = await client.post(f"{PATH}/view", json=view, headers=key())
    assert answer.status_code == 200, answer.text
    return contract


async def signed(running: Served) -> dict[str, Any]:
    contract = await viewed(running)
    client = await running.client("customer", **{"On-Behalf-Of": APPLICANT})
    sign = {"document_sha256": contract["document_sha256"], "account": ACCOUNT}
    answer = await client.post(f"{PATH}/sign", json=sign, headers=key())
    assert answer.status_code == 202, answer.text
    await running.settle()
    return contract
