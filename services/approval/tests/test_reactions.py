"""What approval makes of other services' events, in whatever order they come."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from libs.contracts.application import ApplicationWithdrawn
from libs.contracts.approval import (
    ApplicationApproved,
    ApplicationDeclined,
    ApplicationReferred,
    ApprovalLapsed,
    OfferAccepted,
)
from libs.contracts.contract import ContractSigned
from libs.contracts.ledger import BusinessDayOpened
from libs.contracts.scoring import ScoringFailed
from libs.service.testing import Served
from services.approval.tests.requests import application_id, request, scored

SCORED_ON = date(2026, 2, 1)
LAST_DAY = SCORED_ON + timedelta(days=14)


async def happens(approval: Served, event: Any, stream: str = "assessment", number: int = 0) -> None:
    await approval.publish(f"{stream}-{application_id(number)}", event)
    await approval.settle()


async def day_opens(approval: Served, on: date) -> None:
    await approval.publish("businessday-cn", BusinessDayOpened(business_date=on, previous=on - timedelta(days=1)))
    await approval.settle()


def withdrawn() -> ApplicationWithdrawn:
    return ApplicationWithdrawn.model_validate(ApplicationWithdrawn.example | {"application_id": application_id()})


def signed() -> ContractSigned:
    return ContractSigned.model_validate(ContractSigned.example | {"application_id": application_id()})


async def decisions(approval: Served, number: int = 0) -> list[Any]:
    return await approval.events(f"decision-{application_id(number)}")


async def kinds(approval: Served) -> list[type]:
    return [type(event) for event in await decisions(approval)]


async def status(approval: Served) -> list[str]:
    rows = await approval.runtime.store.pool.fetch("select status from decision")
    return [row["status"] for row in rows]


@pytest.mark.parametrize(
    ("grade", "kind"), [("A", ApplicationApproved), ("C", ApplicationReferred), ("E", ApplicationDeclined)]
)
async def test_a_score_is_decided_by_the_table_of_its_day(approval: Served, grade: str, kind: type) -> None:
    await happens(approval, scored(grade=grade))
    (event,) = await decisions(approval)
    assert type(event) is kind
    assert event.basis.grade == grade
    assert event.basis.rules
    (stored,) = await approval.runtime.store.load(f"decision-{application_id()}")
    assert stored.circumstances.actor.subject == "service:approval"


async def test_what_speaks_against_an_unscored_application_declines_it(approval: Served) -> None:
    against = {"code": "enforcement-found", "text": {"zh": "被执行人", "en": "Enforcement was found"}}
    failed = ScoringFailed.model_validate(
        ScoringFailed.example
        | {
            "application_id": application_id(),
            "request": request("12000.00").model_dump(mode="json"),
            "advice": "DECLINE",
            "reason": against,
        }
    )
    await happens(approval, failed)
    (event,) = await decisions(approval)
    assert isinstance(event, ApplicationDeclined)
    assert (event.basis.score, [reason.code for reason in event.reasons]) == (None, ["enforcement-found"])


async def test_what_could_not_be_scored_is_referred(approval: Served) -> None:
    failed = ScoringFailed.model_validate(
        ScoringFailed.example
        | {"application_id": application_id(), "request": request("12000.00").model_dump(mode="json")}
    )
    await happens(approval, failed)
    (event,) = await decisions(approval)
    assert isinstance(event, ApplicationReferred)
    assert (event.basis.score, event.queue) == (None, "manual")
    assert event.reasons[-1].code == "no-card-in-force", "who decides is told why there is no score"


async def test_a_withdrawal_before_the_score_leaves_nothing_to_decide(approval: Served) -> None:
    await happens(approval, withdrawn(), "application")
    await happens(approval, scored(grade="A"))
    assert await kinds(approval) == [ApprovalLapsed]
    assert await status(approval) == ["LAPSED"]


async def test_a_withdrawal_after_the_approval_lapses_it(approval: Served) -> None:
    await happens(approval, scored(grade="A"))
    await happens(approval, withdrawn(), "application")
    assert await kinds(approval) == [ApplicationApproved, ApprovalLapsed]
    assert await status(approval) == ["LAPSED"]


async def test_an_offer_lapses_on_the_day_after_its_last(approval: Served) -> None:
    await happens(approval, scored(grade="A"))
    await day_opens(approval, LAST_DAY)
    assert await kinds(approval) == [ApplicationApproved]
    await day_opens(approval, LAST_DAY + timedelta(days=1))
    assert await kinds(approval) == [ApplicationApproved, ApprovalLapsed]
    lapsed = (await decisions(approval))[-1]
    assert (lapsed.reason, lapsed.lapsed_on) == ("offer-expired", LAST_DAY + timedelta(days=1))
    await day_opens(approval, LAST_DAY + timedelta(days=2))
    assert len(await decisions(approval)) == 2


async def test_a_signed_offer_does_not_expire(approval: Served) -> None:
    await happens(approval, scored(grade="A"))
    await happens(approval, signed(), "contract")
    await day_opens(approval, LAST_DAY + timedelta(days=30))
    assert await kinds(approval) == [ApplicationApproved, OfferAccepted]
    assert await status(approval) == ["ACCEPTED"]


async def test_a_signature_that_crosses_the_lapse_prevails(approval: Served) -> None:
    await happens(approval, scored(grade="A"))
    await day_opens(approval, LAST_DAY + timedelta(days=1))
    await happens(approval, signed(), "contract")
    await happens(approval, withdrawn(), "application")
    assert await kinds(approval) == [ApplicationApproved, ApprovalLapsed, OfferAccepted]
    assert await status(approval) == ["ACCEPTED"]


async def test_several_offers_lapse_on_one_morning(approval: Served) -> None:
    for number in range(3):
        await happens(approval, scored(number, "A"), number=number)
    await day_opens(approval, LAST_DAY + timedelta(days=1))
    assert await status(approval) == ["LAPSED"] * 3
