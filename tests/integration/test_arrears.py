"""Money that does not come in: reminded, called, promised, cured, written off, recovered."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import pytest

from standalone.http import Refused
from tests.integration.borrowers import Borrower, fen, of_fen, yuan
from tests.integration.running import FINANCE_LEAD, PlatformProcess
from tests.integration.soundness import assert_sound
from tests.integration.town import Story, Town

pytestmark = pytest.mark.integration

STORIES: Final[list[Story]] = []


def story(told: Story) -> Story:
    STORIES.append(told)
    return told


async def overdue_by(town: Town, who: Borrower, days: int) -> dict[str, Any]:
    """A borrower who has not paid his first instalment for so many days; his case."""
    await who.borrows()
    await town.until((await who.due_dates())[0] + timedelta(days=days))
    [case] = await who.cases()
    return case


async def owed_by_now(who: Borrower) -> dict[str, str]:
    """All that is due, with what is charged for the delay."""
    due = (await who.loan())["position"]["due"]
    return of_fen(sum(fen(part) for part in due.values()))


@story
async def a_reminder_goes_out_before_the_due_date_and_no_case_opens_for_who_pays(town: Town) -> None:
    who = Borrower(town, "reminded")
    await who.borrows()
    due = (await who.due_dates())[0]
    await town.until(due - timedelta(days=3))
    reminders = await town.client.pages("collector", "/collections/reminders", loan_id=who.loan_id)
    assert [reminder["due"] for reminder in reminders] == [due.isoformat()]
    await town.until(due)
    await who.repays(await owed_by_now(who), key="in-time")
    await town.for_days(5)
    assert await who.cases() == []


@story
async def arrears_are_cured_by_a_promise_that_is_kept(town: Town) -> None:
    who = Borrower(town, "cured")
    case = await overdue_by(town, who, 10)
    assert (case["state"], case["stage"], case["days_past_due"] >= 1) == ("OPEN", "EARLY", True)
    assert case["collector"], "cases are given out each morning"
    path, post = f"/collections/cases/{case['case_id']}", town.client.post
    at_night = {
        "channel": "TELEPHONE",
        "result": "REACHED",
        "at_local": f"{town.today}T22:30:00",
        "number": "mobile-1",
        "note": "Called",
    }
    with pytest.raises(Refused) as refused:
        await post("collector", f"{path}/contacts", at_night, key="cured/at-night")
    assert refused.value.status in (409, 422)
    by_day = at_night | {"at_local": f"{town.today}T10:30:00"}
    await post("collector", f"{path}/contacts", by_day, key="cured/by-day")
    promise = {"amount": await owed_by_now(who), "due": (town.today + timedelta(days=5)).isoformat()}
    promised = await post("collector", f"{path}/promises", promise, key="cured/promise")
    assert promised["promise"]["state"] == "OPEN"

    await town.for_days(3)
    await who.repays(await owed_by_now(who), key="as-promised")
    await town.settled()

    closed = await town.client.get("collector", path)
    assert (closed["state"], closed["end"], closed["promise"]["state"]) == ("CLOSED", "CURED", "KEPT")
    assert (await who.loan())["bucket"] == "CURRENT"
    told = await who.story()
    expected = ("collection-case-opened", "promise-made", "promise-kept", "collection-case-closed")
    assert sorted(told.index(each) for each in expected) == [told.index(each) for each in expected]


@story
async def a_promise_that_is_not_kept_is_broken_the_day_after(town: Town) -> None:
    who = Borrower(town, "breaks-promise")
    case = await overdue_by(town, who, 12)
    path = f"/collections/cases/{case['case_id']}"
    promise = {"amount": case["overdue"], "due": (town.today + timedelta(days=2)).isoformat()}
    await town.client.post("collector", f"{path}/promises", promise, key="breaks-promise/promise")
    await town.for_days(2)
    assert (await town.client.get("collector", path))["promise"]["state"] == "OPEN"
    await town.for_days(1)
    case = await town.client.get("collector", path)
    assert (case["state"], case["promise"]["state"]) == ("OPEN", "BROKEN")


@story
async def who_is_watched_and_limited_borrows_no_more_by_rule(town: Town) -> None:
    who = Borrower(town, "limited")
    await overdue_by(town, who, 6)
    path, post = f"/collections/watch-list/{who.applicant_id}", town.client.post
    watch = await town.client.get("collection-manager", path)
    assert (watch["watched"], watch["reason"]) == (True, "first-instalment-late")
    lower = {"kind": "LOWER_LIMIT", "limit": yuan("15000.00"), "reason": "Behind from the first instalment on"}
    proposed = await post("collection-manager", f"{path}/measures", lower, key="limited/propose")
    decision = f"{path}/measures/{proposed['measures'][0]['measure_id']}/decision"
    await post("risk-manager", decision, {"take": True, "reason": "Agreed"}, key="limited/decide")
    await town.settled()
    again = Borrower(town, "limited-again", again=who)
    await again.applies()
    await town.settled()
    assert again.applicant_id == who.applicant_id
    shown = await again.decision()
    assert (shown["status"], shown["reasons"][0]["code"]) == ("REFERRED", "exposure-limit")


@story
async def a_complaint_stops_collection_until_it_is_resolved(town: Town) -> None:
    who = Borrower(town, "complains")
    case = await overdue_by(town, who, 6)
    path, post = f"/collections/cases/{case['case_id']}", town.client.post
    complaint = await post(
        "customer", f"{path}/complaints", {"subject": "Called at work"}, key="complains", on_behalf_of=who.applicant_id
    )
    call = {
        "channel": "TELEPHONE",
        "result": "REACHED",
        "at_local": f"{town.today}T10:30:00",
        "number": "mobile-1",
        "note": "Called",
    }
    with pytest.raises(Refused):
        await post("collector", f"{path}/contacts", call, key="complains/call")
    resolution = {"outcome": "Apologised; the number at work is blocked"}
    resolve = f"{path}/complaints/{complaint['complaint_id']}/resolve"
    await post("collection-manager", resolve, resolution, key="complains/resolve")
    await post("collector", f"{path}/contacts", call, key="complains/call-again")


@story
async def a_loan_is_written_off_by_two_persons_and_partly_recovered(town: Town) -> None:
    who = Borrower(town, "written-off")
    await overdue_by(town, who, 30)
    path, post = f"/ledger/loans/{who.loan_id}/write-off", town.client.post
    reason = {"reason": "No means; enforcement without result"}
    with pytest.raises(Refused, match="loan-performing"):
        await post("collection-manager", path, reason, key="written-off/too-early")
    await town.for_days(80)
    assert (await who.loan())["tier"] == "SUBSTANDARD"
    with pytest.raises(Refused, match="write-off-not-requested"):
        await post("finance-manager", f"{path}/approval", key="written-off/unasked")
    await post(FINANCE_LEAD.client_id, path, reason, key="written-off/request")
    with pytest.raises(Refused, match="four-eyes") as refused:
        await post(FINANCE_LEAD.client_id, f"{path}/approval", key="written-off/own-approval")
    assert refused.value.status == 403
    await post("finance-manager", f"{path}/approval", key="written-off/approval")
    await town.settled()
    assert (await who.loan())["state"] == "WRITTEN_OFF"
    [case] = await who.cases()
    assert (case["state"], case["end"]) == ("CLOSED", "WRITTEN_OFF")

    await town.for_days(20)
    answer = await who.repays(yuan("700.00"), key="recovery")
    assert answer["repayment"]["recovery"] is True
    await town.settled()
    assert ((await who.loan())["recovered"], (await who.page())["loan"]["recovered"]) == (yuan("700.00"),) * 2
    page = await who.page()
    assert page["loan"]["loan_state"] == "WRITTEN_OFF"
    assert fen(page["loan"]["written_off"]) > 12_000_00


def test_story(told: dict[Story, Exception | None], story: Story) -> None:
    if (error := told[story]) is not None:
        raise error


def test_the_platform_is_sound_afterwards(told: dict[Story, Exception | None], process: PlatformProcess) -> None:
    assert told
    assert_sound(process, seed=__name__)
