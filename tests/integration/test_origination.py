"""From application to signature: approved, declined, referred, withdrawn, expired."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import pytest

from standalone.http import Refused
from tests.integration.borrowers import BAD, Borrower, fen, yuan
from tests.integration.running import PlatformProcess
from tests.integration.soundness import assert_sound
from tests.integration.town import Story, Town

pytestmark = pytest.mark.integration

STORIES: Final[list[Story]] = []


def story(told: Story) -> Story:
    STORIES.append(told)
    return told


@story
async def who_is_within_policy_is_approved_at_once_and_paid_after_signing(town: Town) -> None:
    who = Borrower(town, "approved")
    await who.applies()
    await town.settled()
    decision = await who.decision()
    assert (decision["status"], decision["basis"]["grade"], decision["decided_by"]) == ("APPROVED", "A", [])
    assert [reason["code"] for reason in decision["reasons"]] == ["within-policy"]
    contract = await who.contract()
    assert (contract["status"], contract["amount"], contract["annual_rate"]) == ("OFFERED", yuan("12000.00"), "0.15")

    await who.signs()
    await town.settled()

    assert (await who.contract())["status"] == "SIGNED"
    assert (await who.application())["status"] == "CONTRACTED"
    assert (await who.decision())["status"] == "ACCEPTED"
    assert (await who.loan())["state"] == "ACTIVE"
    papers = await town.client.get("contract-officer", f"/contract/contracts/{who.contract_id}/verification")
    assert papers["valid"]
    assert len(papers["signatures"]) == 2


@story
async def a_farmer_repays_principal_in_the_season_of_harvest(town: Town) -> None:
    who = Borrower(
        town, "by-season", product="farmer-production", method="IRREGULAR", instalments=12, purpose="seeds-fertiliser"
    )
    await who.borrows()
    plan = (await town.client.get("finance-officer", f"/ledger/loans/{who.loan_id}/plan"))["instalments"]
    assert len(plan) == 12
    for row in plan:
        in_season = date.fromisoformat(row["due"]).month in (6, 7, 9, 10, 11) or row is plan[-1]
        assert (fen(row["principal"]) > 0) == in_season, row
    assert sum(fen(row["principal"]) for row in plan) == 12_000_00
    assert (await who.loan())["state"] == "ACTIVE"


@story
async def too_much_debt_is_declined_with_the_reason_in_both_languages(town: Town) -> None:
    who = Borrower(town, "in-debt", monthly_debt_service=yuan("13500.00"))
    await who.applies()
    await town.settled()
    decision = await who.decision()
    assert decision["status"] == "DECLINED"
    [reason] = decision["reasons"]
    assert reason == {
        "code": "debt-too-high",
        "text": {"zh": "负债与收入比例过高", "en": "Debt service is too high for the income"},
    }
    assert (await who.application())["status"] == "DECLINED"
    with pytest.raises(Refused) as refused:
        await who.contract()
    assert refused.value.status == 404


@story
async def a_low_score_is_declined(town: Town) -> None:
    who = Borrower(town, "low-score", answers=BAD)
    await who.applies()
    await town.settled()
    decision = await who.decision()
    assert (decision["status"], decision["basis"]["grade"]) == ("DECLINED", "E")
    assert "score-too-low" in [reason["code"] for reason in decision["reasons"]]
    assert (await who.application())["status"] == "DECLINED"


@story
async def a_referred_application_is_decided_by_one_officer_within_his_authority(town: Town) -> None:
    who = Borrower(town, "referred", monthly_debt_service=yuan("10500.00"))
    await who.applies()
    await town.settled()
    decision = await who.decision()
    assert (decision["status"], decision["queue"], decision["four_eyes"]) == ("REFERRED", "standard", False)
    path = f"/approval/decisions/{who.application_id}"
    post = town.client.post
    approve = {"outcome": "APPROVE", "note": "Income confirmed", "offer": {"amount": yuan("8000.00")}}
    with pytest.raises(Refused, match="case-not-claimed"):
        await post("credit-officer", f"{path}/decide", approve, key="referred/unclaimed")
    await post("credit-officer", f"{path}/claim", key="referred/claim")
    with pytest.raises(Refused, match="case-claimed"):
        await post("senior-credit-officer", f"{path}/claim", key="referred/senior-claim")
    await post("credit-officer", f"{path}/decide", approve, key="referred/decide")
    await town.settled()
    assert (await who.decision())["decided_by"] == ["credit-officer"]
    assert (await who.contract())["amount"] == yuan("8000.00")


@story
async def an_officer_declines_and_the_applicant_is_told_why(town: Town) -> None:
    who = Borrower(town, "refused-by-officer", monthly_debt_service=yuan("10500.00"))
    await who.applies()
    await town.settled()
    path = f"/approval/decisions/{who.application_id}"
    await town.client.post("credit-officer", f"{path}/claim", key="refused-by-officer/claim")
    decline = {"outcome": "DECLINE", "note": "Income not confirmed", "reasons": ["officer-decision"]}
    await town.client.post("credit-officer", f"{path}/decide", decline, key="refused-by-officer/decide")
    await town.settled()
    decision = await who.decision()
    assert (decision["status"], [reason["code"] for reason in decision["reasons"]]) == (
        "DECLINED",
        ["officer-decision"],
    )
    assert (await who.application())["status"] == "DECLINED"


@story
async def a_large_loan_needs_two_persons_and_enough_authority(town: Town) -> None:
    who = Borrower(
        town,
        "large",
        product="consumer-secured",
        amount=yuan("150000.00"),
        instalments=24,
        guarantee={"kind": "SURETY", "value": yuan("300000.00"), "description": "保证人连带责任保证"},
        monthly_income=yuan("60000.00"),
    )
    await who.applies()
    await town.settled()
    decision = await who.decision()
    assert (decision["status"], decision["queue"], decision["four_eyes"]) == ("REFERRED", "large", True)
    path, post = f"/approval/decisions/{who.application_id}", town.client.post
    approve = {"outcome": "APPROVE", "note": "Security valued"}

    await post("senior-credit-officer", f"{path}/claim", key="large/claim")
    with pytest.raises(Refused, match="second-person-needed"):
        await post("senior-credit-officer", f"{path}/decide", approve, key="large/alone")
    await post("senior-credit-officer", f"{path}/recommend", approve, key="large/recommend")
    await post("credit-officer", f"{path}/claim", key="large/claim-without-authority")
    with pytest.raises(Refused, match="authority-exceeded") as refused:
        await post("credit-officer", f"{path}/decide", approve, key="large/decide-without-authority")
    assert refused.value.status == 403
    await post("credit-officer", f"{path}/release", {"reason": "Above my limit"}, key="large/release")
    await post("senior-credit-officer", f"{path}/claim", key="large/claim-again")
    with pytest.raises(Refused, match="second-person-needed"):
        await post("senior-credit-officer", f"{path}/decide", approve, key="large/own-recommendation")
    await post("senior-credit-officer", f"{path}/release", {"reason": "Recommended it"}, key="large/release-again")
    await post("risk-manager", f"{path}/claim", key="large/claim-with-authority")
    await post("risk-manager", f"{path}/decide", approve, key="large/decide")

    decision = await who.decision()
    assert (decision["status"], decision["decided_by"]) == ("APPROVED", ["senior-credit-officer", "risk-manager"])
    await town.settled()
    await who.signs()
    await town.settled()
    assert (await who.loan())["principal"] == yuan("150000.00")
    assert [payment["amount_minor"] for payment in town.bank.payments_of(who.loan_id)] == [150_000_00]


@story
async def who_withdraws_after_submitting_gets_no_offer(town: Town) -> None:
    who = Borrower(town, "withdrawn-early")
    await who.applies()
    await who.withdraws()
    await town.settled()
    assert (await who.application())["status"] == "WITHDRAWN"
    assert (await who.decision())["status"] == "LAPSED"
    with pytest.raises(Refused, match=r"409|404"):
        await who.signs()
    await town.settled()
    assert town.bank.payments_of(who.loan_id) == []


@story
async def who_withdraws_after_the_approval_cannot_sign_any_more(town: Town) -> None:
    who = Borrower(town, "withdrawn-late")
    await who.applies()
    await town.settled()
    await who.withdraws()
    await town.settled()
    assert (await who.application())["status"] == "WITHDRAWN"
    assert (await who.decision())["status"] == "LAPSED"
    assert (await who.contract())["status"] == "CANCELLED"
    with pytest.raises(Refused) as refused:
        await who.signs()
    assert refused.value.status == 409
    await town.settled()
    assert town.bank.payments_of(who.loan_id) == []


@story
async def an_offer_that_nobody_signs_expires_after_its_last_day(town: Town) -> None:
    who = Borrower(town, "unsigned")
    await who.applies()
    await town.settled()
    last_day = date.fromisoformat((await who.contract())["expires_on"])
    await town.until(last_day)
    assert (await who.contract())["status"] == "OFFERED"
    await town.until(last_day + timedelta(days=1))
    assert (await who.contract())["status"] == "EXPIRED"
    assert (await who.decision())["status"] == "LAPSED"
    assert (await who.application())["status"] == "OFFER_LAPSED"
    with pytest.raises(Refused) as refused:
        await who.signs()
    assert refused.value.status == 409


@story
async def an_unfinished_application_says_what_it_lacks_and_is_not_taken(town: Town) -> None:
    who = Borrower(town, "unfinished")
    registered = await town.client.post(
        "customer", "/application/applicants", who.person.registration(), key="unfinished/register"
    )
    body = {**who.person.application(registered["applicant_id"]), **who.asked}
    started = await town.client.post("customer", "/application/applications", body, key="unfinished/start")
    path = f"/application/applications/{started['application_id']}"
    with pytest.raises(Refused) as refused:
        await town.client.post("customer", f"{path}/submit", key="unfinished/submit")
    assert refused.value.status in (409, 422)
    checklist = await town.client.get("customer", f"{path}/checklist")
    assert {item["code"] for item in checklist["items"] if item["status"] != "PRESENT"} >= {"identity-card"}
    assert (await town.client.get("customer", path))["status"] == "DRAFT"


def test_story(told: dict[Story, Exception | None], story: Story) -> None:
    if (error := told[story]) is not None:
        raise error


def test_the_platform_is_sound_afterwards(told: dict[Story, Exception | None], process: PlatformProcess) -> None:
    assert told
    assert_sound(process, seed=__name__)
