"""Money that comes in: paid to the end, early, twice, wrongly, all at once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Final

import pytest

from standalone.http import Refused
from tests.integration.borrowers import Borrower, fen, of_fen, yuan
from tests.integration.running import PlatformProcess
from tests.integration.soundness import assert_sound
from tests.integration.town import Story, Town

pytestmark = pytest.mark.integration

STORIES: Final[list[Story]] = []
ONCE: Final = "8c6a1c1c-6c0d-4b7c-9b61-3b8f0a6f2f51"
AT_ONCE: Final = 8


def story(told: Story) -> Story:
    STORIES.append(told)
    return told


@story
async def a_loan_is_repaid_to_its_end_and_the_audit_tells_its_whole_life(town: Town) -> None:
    who = Borrower(town, "repaid", instalments=3)
    await who.borrows()
    paid = 0
    for row, due in zip(await who.instalments(), await who.due_dates(), strict=True):
        await town.until(due)
        answer = await who.repays(row["total"], key=str(row["number"]))
        assert answer["repayment"]["credit"] == yuan("0.00")
        paid += fen(row["total"])
    await town.settled()

    loan = await who.loan()
    assert (loan["state"], loan["closed_on"]) == ("SETTLED", town.today.isoformat())
    assert fen(loan["principal"]) == 12_000_00 < paid
    page = await who.page()
    assert (page["application"]["application_state"], page["application"]["contract_state"]) == ("CONTRACTED", "SIGNED")
    assert (page["loan"]["loan_state"], page["loan"]["settlement"]) == ("SETTLED", "MATURITY")
    assert (page["loan"]["repaid"], page["loan"]["repayments"]) == (of_fen(paid), 3)
    told = await who.story()
    milestones = (
        "application-started",
        "application-submitted",
        "application-scored",
        "application-approved",
        "contract-offered",
        "contract-signed",
        "loan-booked",
        "loan-disbursed",
        "repayment-received",
        "loan-settled",
    )
    assert set(milestones) <= set(told)
    assert told.count("repayment-received") == 3
    actors = {event["type"].split(".")[2]: event["actor"] for event in page["events"]}
    assert (actors["application-submitted"], actors["repayment-received"]) == ("customer", "finance-officer")
    assert [payment["amount_minor"] for payment in town.bank.payments_of(who.loan_id)] == [12_000_00]
    with pytest.raises(Refused) as refused:
        await who.repays(yuan("1.00"), key="after-the-end")
    assert refused.value.status == 409


@story
async def a_loan_is_paid_off_early_by_its_quote_and_not_for_less(town: Town) -> None:
    who = Borrower(town, "paid-off")
    await who.borrows()
    await town.for_days(20)
    path = f"/ledger/loans/{who.loan_id}"
    quote = await town.client.get("finance-officer", f"{path}/payoff", on=town.today.isoformat())
    assert fen(quote["total"]) > 12_000_00
    with pytest.raises(Refused, match="payoff-too-small"):
        await who.repays(of_fen(fen(quote["total"]) - 1), key="too-little", purpose="PAYOFF")
    answer = await who.repays(quote["total"], key="payoff", purpose="PAYOFF")
    assert answer["loan"]["state"] == "SETTLED"
    await town.settled()
    assert (await who.page())["loan"]["settlement"] == "EARLY"


@story
async def a_payment_sent_twice_under_one_key_counts_once_and_another_body_is_refused(town: Town) -> None:
    who = Borrower(town, "twice")
    await who.borrows()
    path, headers = f"/ledger/loans/{who.loan_id}/repayments", {"Idempotency-Key": f'"{ONCE}"'}
    body = who.repayment(yuan("500.00"), key="twice")

    first = await town.client.answer("POST", "finance-officer", path, body, headers=headers)
    again = await town.client.answer("POST", "finance-officer", path, body, headers=headers)
    other = await town.client.answer(
        "POST", "finance-officer", path, body | {"amount": yuan("501.00")}, headers=headers
    )

    assert (first.status, first.headers.get("Idempotency-Replayed")) == (201, None)
    assert (again.status, again.headers["Idempotency-Replayed"], again.body) == (201, "true", first.body)
    assert (other.status, other.code) == (422, "idempotency-key-reused")
    assert [received["amount"] for received in await who.repayments()] == [yuan("500.00")]


@story
async def a_payment_sent_at_the_same_time_under_one_key_counts_once(town: Town) -> None:
    who = Borrower(town, "twice-at-once")
    await who.borrows()
    path, headers = f"/ledger/loans/{who.loan_id}/repayments", {"Idempotency-Key": '"twice-at-once"'}
    body = who.repayment(yuan("500.00"), key="twice-at-once")
    sending = (town.client.answer("POST", "finance-officer", path, body, headers=headers) for _ in range(AT_ONCE))
    answers = await asyncio.gather(*sending)
    assert {answer.status for answer in answers} <= {201, 409}
    made = [answer for answer in answers if answer.status == 201 and "Idempotency-Replayed" not in answer.headers]
    assert len(made) == 1
    assert [received["amount"] for received in await who.repayments()] == [yuan("500.00")]


@story
async def a_bank_reference_is_accepted_once_whatever_the_loan(town: Town) -> None:
    who, other = Borrower(town, "reference"), Borrower(town, "reference-of-another")
    await asyncio.gather(who.applies(), other.applies())
    await town.settled()
    await asyncio.gather(who.signs(), other.signs())
    await town.settled()
    await who.repays(yuan("300.00"), key="first", bank_reference="ONE-MOVEMENT")
    with pytest.raises(Refused, match="bank-reference-used"):
        await who.repays(yuan("300.00"), key="second", bank_reference="ONE-MOVEMENT")
    await town.settled()
    with pytest.raises(Refused, match="bank-reference-used"):
        await other.repays(yuan("300.00"), key="third", bank_reference="ONE-MOVEMENT")
    assert (len(await who.repayments()), await other.repayments()) == (1, [])


@story
async def a_repayment_that_was_none_is_taken_back(town: Town) -> None:
    who = Borrower(town, "reversed")
    await who.borrows()
    first = (await who.due_dates())[0]
    await town.until(first)
    before = (await who.loan())["position"]
    received = await who.repays(yuan("1083.10"), key="bounces")
    path = f"/ledger/loans/{who.loan_id}/repayments/{received['repayment']['repayment_id']}/reversal"
    await town.client.post("finance-manager", path, {"reason": "returned-by-bank"}, key="reversed/reversal")
    assert (await who.loan())["position"] == before
    [repayment] = await who.repayments()
    assert (repayment["reversed_on"], repayment["reversal_reason"]) == (first.isoformat(), "returned-by-bank")
    with pytest.raises(Refused, match="repayment-reversed"):
        await town.client.post("finance-manager", path, {"reason": "again"}, key="reversed/reversal-again")
    await who.repays(yuan("1083.10"), key="comes-in-the-end")
    await town.settled()
    page = await who.page()
    assert (page["loan"]["repaid"], page["loan"]["reversals"]) == (yuan("1083.10"), 1)


@story
async def eight_payments_at_once_on_one_loan_all_count(town: Town) -> None:
    who = Borrower(town, "at-once")
    await who.borrows()
    answers: list[Any] = await asyncio.gather(*(who.repays(of_fen(100_00 + n), key=str(n)) for n in range(AT_ONCE)))
    received = await who.repayments()
    assert len({answer["repayment"]["repayment_id"] for answer in answers}) == AT_ONCE
    assert sorted(fen(each["amount"]) for each in received) == [100_00 + n for n in range(AT_ONCE)]
    await town.settled()
    page = await who.page()
    assert (page["loan"]["repayments"], page["loan"]["repaid"]) == (AT_ONCE, of_fen(8 * 100_00 + sum(range(AT_ONCE))))


@story
async def money_of_tomorrow_or_from_before_the_payout_is_refused_with_the_field(town: Town) -> None:
    who = Borrower(town, "wrong-date")
    await who.borrows()
    for days, code in ((1, "value-date-in-future"), (-1, "value-date-too-early")):
        with pytest.raises(Refused, match=code) as refused:
            await who.repays(yuan("10.00"), key=code, value_date=town.today + timedelta(days=days))
        assert refused.value.problem["errors"][0]["pointer"] == "#/value_date"
    assert await who.repayments() == []


def test_story(told: dict[Story, Exception | None], story: Story) -> None:
    if (error := told[story]) is not None:
        raise error


def test_the_platform_is_sound_afterwards(told: dict[Story, Exception | None], process: PlatformProcess) -> None:
    assert told
    assert_sound(process, seed=__name__)
