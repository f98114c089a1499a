"""What sources tell anew of a borrower, and what befalls those who are linked with him, as it comes about."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from libs.contracts.application import ConsentPurpose
from libs.contracts.approval import (
    BorrowerConnected,
    BorrowerDisconnected,
    SecurityConsented,
    SecurityOffered,
    SecurityReinstated,
    SecurityReleased,
)
from libs.contracts.collections import WarningRaised, WatchEntered
from libs.contracts.ledger import Bucket
from libs.contracts.scoring import FactChange, RefreshObtained, RefreshRole
from libs.contracts.values import GuaranteeKind
from libs.service.testing import Served, key
from services.collections.handlers import WATCH
from services.collections.tests.loans import DUES, TheLoan, day_opens, position

BEHIND = DUES[1] + timedelta(days=1)
"""A second instalment late: no rule over behaviour warns."""
AGREED = {"document_sha256": "0" * 64}


async def rules(running: Served, applicant_id: str) -> list[str]:
    """The rules that warned of a borrower, in order of their names."""
    events = await running.events(WATCH.stream_id(applicant_id))
    return sorted(event.rule for event in events if isinstance(event, WarningRaised))


async def borrower(running: Served, number: int) -> TheLoan:
    """A borrower of his own, with a loan of an application of its own that runs."""
    loan = TheLoan(running, number, applicant_id=f"borrower-{number}")
    event = loan.disbursement().model_copy(update={"application_id": f"application-{number}"})
    await loan.happens(event)
    return loan


def told(loan: TheLoan, item: str, *changes: tuple[str, Any, Any], refresh_id: str = "refresh-1") -> RefreshObtained:
    return RefreshObtained.model_validate(
        RefreshObtained.example
        | {"applicant_id": loan.applicant_id, "loan_id": loan.loan_id, "item": item, "refresh_id": refresh_id}
        | {"changes": [FactChange(fact=fact, before=before, after=after) for fact, before, after in changes]}
        | {"obtained_on": BEHIND}
    )


async def answers_for(running: Served, guarantor: TheLoan, of: TheLoan, *, agreed: bool = True, **more: Any) -> None:
    """A guarantor for a borrower's application."""
    key_ = {"application_id": f"application-{of.number}", "security_id": "security-1"}
    offered = {"kind": GuaranteeKind.SURETY, "provider_id": guarantor.applicant_id, "asset_class": "", **more}
    events: list[Any] = [SecurityOffered.model_validate(SecurityOffered.example | key_ | offered)]
    if agreed:
        events.append(SecurityConsented.model_validate(SecurityConsented.example | key_))
    await running.publish(f"security-{of.number}", *events)


async def connects(running: Served, group_id: str, *loans: TheLoan) -> None:
    for loan in loans:
        example = BorrowerConnected.example | {"group_id": group_id, "applicant_id": loan.applicant_id}
        await running.publish(f"group-{group_id}", BorrowerConnected.model_validate(example))


async def test_what_a_source_tells_anew_warns_once_and_puts_on_the_list(running: Served) -> None:
    loan = await borrower(running, 1)
    worse = told(loan, "credit-report", ("bureau-score", 700, 640), ("overdue-now-minor", 0, 5), ("x-years", 1, 2))
    for event in (worse, worse, told(loan, "interview", ("bureau-score", 700, 1))):
        await running.publish("refresh-1", event)
    await running.settle()
    assert await rules(running, loan.applicant_id) == ["bureau-score-fell", "overdue-elsewhere"]
    watched = (await (await running.client("collector")).get(f"/collections/watch-list/{loan.applicant_id}")).json()
    assert (watched["watched"], watched["reason"], watched["severity"]) == (True, "bureau-score-fell", "MEDIUM")
    assert {each["rule"] for each in watched["warnings"]} == {"bureau-score-fell", "overdue-elsewhere"}
    again = told(loan, "credit-report", ("bureau-score", 640, 500), refresh_id="refresh-2")
    await running.publish("refresh-1", again)
    await running.settle()
    assert (await rules(running, loan.applicant_id)).count("bureau-score-fell") == 2, "another fall is another thing"


async def test_what_befalls_a_guarantor_warns_of_the_borrower(running: Served) -> None:
    await day_opens(running, BEHIND)
    guarantor, owes, other = [await borrower(running, number) for number in (1, 2, 3)]
    await answers_for(running, guarantor, owes)
    await answers_for(running, guarantor, other, agreed=False)
    await running.settle()
    await guarantor.happens(guarantor.delinquency(BEHIND, 1))
    await running.publish("refresh-1", told(guarantor, "business-registration", ("enforcement-listed", "no", "yes")))
    await running.settle()
    assert await rules(running, guarantor.applicant_id) == ["enforcement-listed"]
    assert await rules(running, owes.applicant_id) == ["guarantor-adverse", "guarantor-overdue", "guarantor-watched"]
    assert await rules(running, other.applicant_id) == [], "nobody answers who has not agreed in writing"
    await guarantor.happens(
        guarantor.delinquency(BEHIND + timedelta(days=30), 31).model_copy(update={"previous": Bucket.M1})
    )
    await running.settle()
    assert len(await rules(running, owes.applicant_id)) == 3, "deeper arrears are no news"


def told_of_guarantor(
    guarantor_id: str, of: TheLoan, item: str, *changes: tuple[str, Any, Any], refresh_id: str = "refresh-1"
) -> RefreshObtained:
    """Of somebody who was asked about since he answers for a loan."""
    as_guarantor = {"applicant_id": guarantor_id, "role": RefreshRole.GUARANTOR}
    consent = ConsentPurpose.CREDIT_REPORT if item == "credit-report" else None
    return told(of, item, *changes, refresh_id=refresh_id).model_copy(update={**as_guarantor, "consent": consent})


async def test_what_is_told_of_a_guarantor_without_a_loan_warns_of_the_borrower_alone(running: Served) -> None:
    owes, other = [await borrower(running, number) for number in (1, 2)]
    await answers_for(running, TheLoan(running, 9, applicant_id="guarantor-9"), owes)
    await running.settle()
    fine = told_of_guarantor("guarantor-9", owes, "credit-report", ("bureau-score", 640, 650))
    worse = told_of_guarantor("guarantor-9", owes, "credit-report", ("overdue-now-minor", None, 5), refresh_id="r-2")
    for event in (fine, worse, worse):
        await running.publish("refresh-9", event)
    await running.settle()
    assert await rules(running, owes.applicant_id) == ["guarantor-adverse"]
    collector = await running.client("collector")
    watch = (await collector.get(f"/collections/watch-list/{owes.applicant_id}")).json()
    assert [(each["rule"], each["loan_id"]) for each in watch["warnings"]] == [("guarantor-adverse", owes.loan_id)]
    (raised,) = (
        each for each in await running.events(WATCH.stream_id("borrower-1")) if isinstance(each, WarningRaised)
    )
    assert raised.reason.text.zh == "保证人出现不利信息"
    assert (await collector.get("/collections/watch-list/guarantor-9")).status_code == 404, "he is nobody's borrower"
    assert await rules(running, other.applicant_id) == []
    listed = told_of_guarantor("guarantor-9", owes, "business-registration", ("enforcement-listed", "no", "yes"))
    await running.publish("refresh-9", listed)
    await running.settle()
    assert await rules(running, owes.applicant_id) == ["guarantor-adverse"] * 2, "another item is another thing"
    assert await rules(running, "guarantor-9") == []


@pytest.mark.parametrize("first", ["item", "loan", "surety"])
async def test_what_is_told_of_a_guarantor_waits_for_the_loan_and_not_for_the_surety(
    running: Served, first: str
) -> None:
    """Scoring knew of both when it asked; here the word of either may come later."""
    guarantor, owes = TheLoan(running, 9, applicant_id="guarantor-9"), TheLoan(running, 1, applicant_id="borrower-1")
    worse = told_of_guarantor("guarantor-9", owes, "credit-report", ("overdue-now-minor", 0, 5))
    if first == "surety":
        await answers_for(running, guarantor, owes)
    if first == "loan":
        await borrower(running, 1)
        await running.settle()
    await running.publish("refresh-9", worse)
    if first != "loan":
        before = TheLoan(running, 2, applicant_id="borrower-2")
        await before.happens(before.disbursement())
        known = "select count(*) from borrower_loan"
        async with asyncio.timeout(10):
            while not await running.runtime.store.pool.fetchval(known):  # what waits holds up nobody else
                await asyncio.sleep(0.01)
        assert await rules(running, "borrower-1") == []
        await borrower(running, 1)
    await running.settle()
    assert await rules(running, "borrower-1") == ["guarantor-adverse"]
    await answers_for(running, guarantor, owes)
    await running.settle()
    assert await rules(running, "borrower-1") == ["guarantor-adverse"], "once, whenever the surety is heard of"


@pytest.mark.parametrize(
    ("item", "change", "own"),
    [
        ("credit-report", ("overdue-now-minor", 0, 5), []),
        ("business-registration", ("enforcement-listed", "no", "yes"), ["enforcement-listed"]),
    ],
)
async def test_what_came_on_a_guarantors_consent_is_about_what_he_answers_for_alone(
    running: Served, item: str, change: tuple[str, Any, Any], own: list[str]
) -> None:
    guarantor, owes, kin = [await borrower(running, number) for number in (1, 2, 3)]
    await answers_for(running, guarantor, owes)
    await connects(running, "group-1", guarantor, kin)
    await running.settle()
    await running.publish("refresh-1", told_of_guarantor(guarantor.applicant_id, owes, item, change))
    await running.settle()
    assert await rules(running, guarantor.applicant_id) == own, "what is public is about a loan of his own too"
    assert ("connected-adverse" in await rules(running, kin.applicant_id)) == bool(own)
    assert "guarantor-adverse" in await rules(running, owes.applicant_id)
    events = await running.events(WATCH.stream_id(guarantor.applicant_id))
    assert {each.loan_id for each in events if isinstance(each, WarningRaised)} <= {guarantor.loan_id}


async def test_a_guarantor_of_a_loan_that_is_over_warns_of_nobody(running: Served) -> None:
    owes = await borrower(running, 1)
    await answers_for(running, TheLoan(running, 9, applicant_id="guarantor-9"), owes)
    await owes.happens(owes.settled(BEHIND))
    await running.settle()
    worse = told_of_guarantor("guarantor-9", owes, "credit-report", ("overdue-now-minor", 0, 5))
    await running.publish("refresh-9", worse)
    await running.settle()
    assert await rules(running, owes.applicant_id) == []


@pytest.mark.parametrize("over", ["released", "settled", "owner"])
async def test_who_answers_no_more_warns_of_nobody(running: Served, over: str) -> None:
    await day_opens(running, BEHIND)
    guarantor, owes = [await borrower(running, number) for number in (1, 2)]
    kind = {"kind": GuaranteeKind.PLEDGE, "asset_class": "receivables"} if over == "owner" else {}
    await answers_for(running, guarantor, owes, **kind)
    if over == "released":
        key_ = {"application_id": "application-2", "security_id": "security-1"}
        await running.publish("security-2", SecurityReleased.model_validate(SecurityReleased.example | key_))
    if over == "settled":
        await owes.happens(owes.settled(BEHIND))
    await running.settle()
    await guarantor.happens(guarantor.delinquency(BEHIND, 1))
    await running.settle()
    assert await rules(running, owes.applicant_id) == []


async def test_who_answers_again_warns_again(running: Served) -> None:
    await day_opens(running, BEHIND)
    guarantor, owes = [await borrower(running, number) for number in (1, 2)]
    await answers_for(running, guarantor, owes)
    keys = {"application_id": "application-2", "security_id": "security-1", "provider_id": guarantor.applicant_id}
    for kind in (SecurityReleased, SecurityReinstated):
        await running.publish("security-2", kind.model_validate(kind.example | keys))
    await running.settle()
    await guarantor.happens(guarantor.delinquency(BEHIND, 1))
    await running.settle()
    assert await rules(running, owes.applicant_id) == ["guarantor-overdue"]


@pytest.mark.parametrize("changes", [{"kind": "MORTGAGE"}, {"consented_on": None}])
async def test_who_never_answered_does_not_after_it_either(running: Served, changes: dict[str, Any]) -> None:
    await day_opens(running, BEHIND)
    guarantor, owes = [await borrower(running, number) for number in (1, 2)]
    keys = {"application_id": "application-2", "security_id": "security-1", "provider_id": guarantor.applicant_id}
    back = SecurityReinstated.model_validate(SecurityReinstated.example | keys | changes)
    await running.publish("security-2", back)
    await running.settle()
    await guarantor.happens(guarantor.delinquency(BEHIND, 1))
    await running.settle()
    assert await rules(running, owes.applicant_id) == []


async def test_a_loan_that_is_owed_again_is_warned_of_again(running: Served) -> None:
    await day_opens(running, BEHIND)
    guarantor, owes = [await borrower(running, number) for number in (1, 2)]
    await answers_for(running, guarantor, owes)
    await owes.happens(owes.settled(BEHIND))
    paid = owes.repayment(BEHIND, position(BEHIND).outstanding.total, position(BEHIND))
    await owes.happens(owes.reversal(paid, BEHIND, position(BEHIND)).model_copy(update={"reason": "by-mistake"}))
    await running.settle()
    await guarantor.happens(guarantor.delinquency(BEHIND, 1))
    await running.settle()
    assert await rules(running, owes.applicant_id) == ["guarantor-overdue"]


async def test_what_befalls_one_of_a_group_warns_of_the_others_and_goes_no_further(running: Served) -> None:
    await day_opens(running, BEHIND)
    one, two, three = [await borrower(running, number) for number in (1, 2, 3)]
    await connects(running, "group-1", one, two)
    await connects(running, "group-2", three)
    await running.settle()
    await one.happens(one.delinquency(BEHIND, 1))
    await running.settle()
    assert await rules(running, one.applicant_id) == [], "what befell two for one's sake is no news of one"
    assert await rules(running, two.applicant_id) == ["connected-overdue"]
    entered = [each for each in await running.events(WATCH.stream_id("borrower-2")) if isinstance(each, WatchEntered)]
    assert [each.reason for each in entered] == ["connected-overdue"], "he is watched all the same"
    assert await rules(running, three.applicant_id) == []


async def test_a_person_who_puts_a_borrower_on_the_list_warns_of_those_he_is_connected_with(running: Served) -> None:
    await day_opens(running, BEHIND)
    one, two = [await borrower(running, number) for number in (1, 2)]
    await connects(running, "group-1", one, two)
    manager = await running.client("collection_manager")
    await running.settle()
    body = {"loan_id": one.loan_id, "severity": "HIGH", "reason": "Cannot be reached"}
    assert (await manager.post("/collections/watch-list", json=body, headers=key())).status_code == 201
    await running.settle()
    assert await rules(running, two.applicant_id) == ["connected-watched"]


async def test_who_moved_to_another_group_is_of_that_one(running: Served) -> None:
    await day_opens(running, BEHIND)
    one, two, three = [await borrower(running, number) for number in (1, 2, 3)]
    await connects(running, "group-1", one, two)
    await connects(running, "group-2", three, one)
    left = BorrowerDisconnected.example | {"group_id": "group-1", "applicant_id": one.applicant_id}
    await running.publish("group-group-1", BorrowerDisconnected.model_validate(left))
    await running.settle()
    await one.happens(one.delinquency(BEHIND, 1))
    await running.settle()
    assert (await rules(running, two.applicant_id), await rules(running, three.applicant_id)) == (
        [],
        ["connected-overdue"],
    )
    assert await running.parked() == []
