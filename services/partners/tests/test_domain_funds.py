"""A partner's money with us: never set aside twice, never more than there is, whatever comes in which order."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.partners import FundsCalled, FundsMissing, FundsReceived, FundsReleased, FundsReserved, FundsUsed
from libs.events.testing import Scenario
from libs.lending.money import Money
from services.partners.domain.funds import (
    Command,
    Funds,
    GiveUpCall,
    ReceiveFunds,
    ReleaseFunds,
    SetAside,
    UseFunds,
)
from services.partners.handlers import FUNDS

DAY = date(2026, 2, 2)
RECEIVED = FundsReceived.model_validate(FundsReceived.example)
RESERVED = FundsReserved.model_validate(FundsReserved.example)
CALLED = FundsCalled.model_validate(FundsCalled.example)
MISSING = FundsMissing.model_validate(FundsMissing.example)
RELEASED = FundsReleased.model_validate(FundsReleased.example)
USED = FundsUsed.model_validate(FundsUsed.example)
LATE = CALLED.until.replace("02:03", "02:04")

RECEIVE = ReceiveFunds(
    partner="harbour-bank",
    receipt_id=RECEIVED.receipt_id,
    amount=RECEIVED.amount,
    bank_reference=RECEIVED.bank_reference,
    value_date=RECEIVED.value_date,
    by="finance-2",
    today=RECEIVED.received_on,
)
SET_ASIDE = SetAside(
    partner="harbour-bank",
    loan_id=RESERVED.loan_id,
    application_id=RESERVED.application_id,
    amount=RESERVED.amount,
    call_until="",
    on=DAY,
)
CALL = replace(SET_ASIDE, call_until=CALLED.until)
GIVE_UP = GiveUpCall(loan_id=CALLED.loan_id, now=LATE, today=MISSING.missing_on)
RELEASE = ReleaseFunds(loan_id=RESERVED.loan_id, on=RELEASED.released_on)


def test_money_that_is_there_is_set_aside_and_used() -> None:
    Scenario(FUNDS).when(RECEIVE).then(RECEIVED)
    Scenario(FUNDS).given(RECEIVED).when(SET_ASIDE).then(RESERVED)
    Scenario(FUNDS).given(RECEIVED, RESERVED).when(SET_ASIDE).then()
    Scenario(FUNDS).given(RECEIVED, RESERVED).when(UseFunds(loan_id=RESERVED.loan_id, on=DAY)).then(USED)
    Scenario(FUNDS).given(RECEIVED).when(UseFunds(loan_id=RESERVED.loan_id, on=DAY)).then()


def test_money_that_is_not_there_is_called_for_or_missing_as_agreed() -> None:
    Scenario(FUNDS).when(SET_ASIDE).then(MISSING.model_copy(update={"missing_on": DAY}))
    Scenario(FUNDS).when(CALL).then(CALLED)
    Scenario(FUNDS).given(CALLED).when(replace(GIVE_UP, now=CALLED.until)).then()
    Scenario(FUNDS).given(CALLED).when(GIVE_UP).then(MISSING)
    Scenario(FUNDS).given(CALLED, MISSING).when(GIVE_UP).then()


def test_what_comes_serves_the_calls_that_wait() -> None:
    enough = replace(RECEIVE, amount=CALLED.amount)
    received = RECEIVED.model_copy(update={"amount": CALLED.amount})
    reserved = RESERVED.model_copy(update={"reserved_on": RECEIVE.today})
    Scenario(FUNDS).given(CALLED).when(enough).then(received, reserved)
    short = Money(CALLED.amount.minor - 1)
    Scenario(FUNDS).given(CALLED).when(replace(RECEIVE, amount=short)).then(
        RECEIVED.model_copy(update={"amount": short})
    )
    Scenario(FUNDS).given(RECEIVED).when(RECEIVE).refused("funds-recorded-already")
    Scenario(FUNDS).when(replace(RECEIVE, value_date=date(2026, 3, 1))).refused("value-date-later")
    Scenario(FUNDS).when(replace(RECEIVE, amount=Money.of("1.00", "USD"))).refused("wrong-currency")


def test_a_loan_that_comes_to_nothing_gives_back_what_was_set_aside_or_called() -> None:
    state = Scenario(FUNDS).given(RECEIVED, RESERVED).when(RELEASE).then(RELEASED)
    assert state.available == RECEIVED.amount.minor
    of_a_call = RELEASED.model_copy(update={"was_reserved": False})
    assert Scenario(FUNDS).given(CALLED).when(RELEASE).then(of_a_call).available == 0
    Scenario(FUNDS).given(RECEIVED, RESERVED, USED).when(RELEASE).then()


LOANS = st.integers(0, 4).map(str)
AMOUNTS = st.integers(1, 1000).map(Money)


def asked() -> st.SearchStrategy[Command]:
    until = st.sampled_from(["", CALLED.until])
    return st.one_of(
        st.builds(
            lambda amount, reference: replace(RECEIVE, amount=amount, bank_reference=reference),
            AMOUNTS,
            st.uuids().map(str),
        ),
        st.builds(
            lambda loan, amount, u: replace(SET_ASIDE, loan_id=loan, amount=amount, call_until=u), LOANS, AMOUNTS, until
        ),
        st.builds(lambda loan: replace(GIVE_UP, loan_id=loan), LOANS),
        st.builds(lambda loan: replace(RELEASE, loan_id=loan), LOANS),
        st.builds(lambda loan: UseFunds(loan_id=loan, on=DAY), LOANS),
    )


@given(st.lists(asked(), max_size=40))
def test_what_came_is_free_set_aside_or_used_whatever_happens(commands: list[Command]) -> None:
    state, received = Funds(), 0
    for command in commands:
        events = FUNDS.decide(command, state)
        state = FUNDS.replay(events, state)
        received += sum(event.amount.minor for event in events if isinstance(event, FundsReceived))
        reserved = sum(each.amount.minor for each in state.reserved.values())
        assert state.available >= 0
        assert state.available + reserved + state.used == received
        assert not state.reserved.keys() & state.called.keys()
