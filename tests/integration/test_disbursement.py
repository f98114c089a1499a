"""Paying out through a bank that refuses, delays, breaks and sends back: money moves once, or not at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import pytest

from services.bank.faults import Outcome
from standalone.http import Refused
from tests.integration.borrowers import Borrower, fen, yuan
from tests.integration.running import PlatformProcess
from tests.integration.soundness import assert_sound
from tests.integration.town import Story, Town

pytestmark = pytest.mark.integration

STORIES: Final[list[Story]] = []
AMOUNT_FEN: Final = 12_000_00


def story(told: Story) -> Story:
    STORIES.append(told)
    return told


async def paid_out_once(who: Borrower) -> None:
    """The borrower has the money, once, by the bank's own record."""
    loan = await who.loan()
    assert (loan["state"], loan["payment"]["state"]) == ("ACTIVE", "CONFIRMED")
    paid = [payment for payment in who.town.bank.payments_of(who.loan_id) if payment["state"] == "CONFIRMED"]
    assert [(payment["payment_id"], payment["amount_minor"]) for payment in paid] == [
        (loan["payment"]["payment_id"], AMOUNT_FEN)
    ]
    assert (await who.story()).count("loan-disbursed") == 1


Ending = Callable[[Town, Borrower], Awaitable[None]]


def paid_in_spite_of(outcome: Outcome) -> Callable[[Ending], Story]:
    """The story of a payout that the bank confirms in the end; what is decorated is what is particular to it."""

    def story_with(ending: Ending) -> Story:
        async def told(town: Town) -> None:
            who = Borrower(town, f"bank-{outcome.value}", bank=(outcome,))
            await who.borrows()
            await paid_out_once(who)
            await ending(town, who)

        told.__name__ = ending.__name__
        return story(told)

    return story_with


@paid_in_spite_of(Outcome.ACCEPTED)
async def a_payment_that_the_bank_only_accepted_is_asked_about_until_it_is_paid(town: Town, who: Borrower) -> None:
    assert town.bank.payments_of(who.loan_id)[0]["inquiries"] >= 1


@paid_in_spite_of(Outcome.SLOW)
async def a_payment_without_an_answer_in_time_is_unresolved_and_then_found_paid(town: Town, who: Borrower) -> None:
    told = await who.story()
    assert told.index("disbursement-unresolved") < told.index("loan-disbursed")


@paid_in_spite_of(Outcome.ERROR_AFTER)
async def a_payment_that_moved_money_and_said_error_is_not_sent_twice(town: Town, who: Borrower) -> None:
    assert "disbursement-unresolved" in await who.story()
    assert town.bank.requests_for(who.loan_id) == 1


@paid_in_spite_of(Outcome.ERROR_BEFORE)
async def a_payment_that_broke_before_money_moved_is_sent_again_under_its_id(town: Town, who: Borrower) -> None:
    assert "disbursement-unresolved" in await who.story()
    assert town.bank.requests_for(who.loan_id) == 2


@paid_in_spite_of(Outcome.DUPLICATE)
async def a_payment_that_the_statement_tells_twice_is_booked_once(town: Town, who: Borrower) -> None:
    await town.for_days(2)
    assert len(town.bank.entries_of(who.loan_id)) == 2
    assert (await who.story()).count("loan-disbursed") == 1
    journal = await town.client.pages("finance-officer", "/ledger/journal", loan_id=who.loan_id)
    outgoing = [line for line in journal if line["event_type"].endswith("loan-disbursed.v1")]
    assert sum(line["debit"] == yuan("12000.00") for line in outgoing) == 1


@story
async def a_payment_refused_for_good_cancels_the_loan(town: Town) -> None:
    who = Borrower(town, "bank-refused", bank=(Outcome.REFUSED,))
    await who.borrows()
    loan = await who.loan()
    assert (loan["state"], loan["payment"]["state"]) == ("CANCELLED", "FAILED")
    assert loan["payment"]["reason"] in ("account-closed", "invalid-account")
    assert [payment["state"] for payment in town.bank.payments_of(who.loan_id)] == ["REFUSED"]
    assert "loan-disbursed" not in await who.story()
    with pytest.raises(Refused, match="loan-not-booked"):
        await town.client.post(
            "finance-officer",
            f"/ledger/loans/{who.loan_id}/disbursement-attempts",
            {"reason": "New account"},
            key="bank-refused/again",
        )
    with pytest.raises(Refused) as refused:
        await who.repays(yuan("100.00"), key="for-nothing")
    assert refused.value.status == 409


@story
async def a_payment_refused_for_now_is_tried_again_under_another_id(town: Town) -> None:
    who = Borrower(town, "bank-refused-for-now", bank=(Outcome.REFUSED_FOR_NOW, Outcome.CONFIRMED))
    await who.borrows()
    await paid_out_once(who)
    assert (await who.loan())["payment"]["attempt"] == 2
    assert [payment["state"] for payment in town.bank.payments_of(who.loan_id)] == ["REFUSED", "CONFIRMED"]
    told = await who.story()
    assert told.index("disbursement-failed") < told.index("loan-disbursed")


@story
async def a_payment_that_the_receiving_bank_sends_back_ends_the_loan_as_if_it_had_never_been(town: Town) -> None:
    who = Borrower(town, "bank-returned", bank=(Outcome.RETURNED,))
    await who.borrows()
    assert (await who.loan())["state"] == "ACTIVE"
    await town.until(town.today + timedelta(days=7))
    loan = await who.loan()
    assert (loan["state"], loan["payment"]["state"], loan["position"]) == ("CANCELLED", "RETURNED", None)
    assert [payment["state"] for payment in town.bank.payments_of(who.loan_id)] == ["RETURNED"]
    page = await who.page()
    assert (page["loan"]["loan_state"], page["loan"]["disbursement"]) == ("CANCELLED", "RETURNED")
    journal = await town.client.pages("finance-officer", "/ledger/journal", loan_id=who.loan_id)
    claims = [line for line in journal if line["account"] == "1303"]
    assert claims
    assert sum(fen(line["debit"]) - fen(line["credit"]) for line in claims) == 0


def test_story(told: dict[Story, Exception | None], story: Story) -> None:
    if (error := told[story]) is not None:
        raise error


def test_the_platform_is_sound_afterwards(told: dict[Story, Exception | None], process: PlatformProcess) -> None:
    assert told
    assert_sound(process, seed=__name__)
