"""A partner's part of a late loan is bought from it: when, from whom, at which price, and that no fen is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from libs.contracts import examples as ex
from libs.contracts.partners import (
    BuyBack,
    BuyBackPriced,
    BuyBackProposed,
    BuyBackRefused,
    LoanShared,
    MovementSplit,
    SharesTransferred,
    TransferKind,
)
from libs.events.testing import Scenario
from libs.lending.money import Money
from services.partners.domain.buy_back import ApproveBuyBack, PriceBuyBack, ProposeBuyBack, shares_after
from services.partners.domain.movements import Movement
from services.partners.domain.sharing import Event, Sharing, SplitMovement
from services.partners.handlers import SHARE

DAY = date(2026, 7, 2)
PAID_OUT = date(2026, 2, 2)
TERMS = BuyBack(days_past_due_min=90, with_interest=True)
SHARED = LoanShared.model_validate(LoanShared.example)
PROPOSED = BuyBackProposed.model_validate(BuyBackProposed.example)
PROPOSE = ProposeBuyBack(
    loan_id=ex.LOAN,
    proposal_id=PROPOSED.proposal_id,
    agreement="harbour-consumer",
    version=1,
    partner="harbour-bank",
    terms=TERMS,
    effective_from=DAY,
    by="finance-2",
    today=DAY,
)
PRICE = PriceBuyBack(proposal_id=PROPOSED.proposal_id, days_past_due=91, interest_earned_minor=846_00, on=DAY)
APPROVE = ApproveBuyBack(proposal_id=PROPOSED.proposal_id, by="finance-1", today=DAY)


def split(on: date, past: list[Event], **amounts: int) -> list[Event]:
    """What happened, and a movement more."""
    command = SplitMovement(
        movement_id=f"event-{len(past)}", movement_type="puhui.ledger.some.v1", movement=Movement(on, amounts)
    )
    return [*past, *SHARE.decide(command, SHARE.replay(past))]


def lent() -> list[Event]:
    """12,000.00 in 70 : 30, of which 920.16 and 180.00 of interest were paid."""
    return split(date(2026, 3, 2), split(PAID_OUT, [SHARED], disbursed=12_000_00), principal=920_16, interest=180_00)


def after(past: list[Event], *commands: Any) -> tuple[list[Event], Sharing]:
    state = SHARE.replay(past)
    for command in commands:
        events = SHARE.decide(command, state)
        past, state = [*past, *events], SHARE.replay(events, state)
    return past, state


def test_two_people_buy_the_part_of_a_late_loan_at_its_face_value_with_what_it_had_earned() -> None:
    Scenario(SHARE).given(*lent()).when(PROPOSE).then(PROPOSED)
    priced = BuyBackPriced(
        loan_id=ex.LOAN,
        proposal_id=PROPOSED.proposal_id,
        days_past_due=91,
        interest_earned=Money(846_00),
        principal=Money(7_755_88),
        interest=Money(466_20),  # 70 % of 846.00 less the 180.00 that were paid
        priced_on=DAY,
    )
    Scenario(SHARE).given(*lent(), PROPOSED).when(PRICE).then(priced)
    Scenario(SHARE).given(*lent(), PROPOSED, priced).when(replace(APPROVE, by="finance-2")).refused("four-eyes")
    past, state = after([*lent(), PROPOSED, priced], APPROVE)
    bought = past[-1]
    assert isinstance(bought, SharesTransferred)
    assert (bought.kind, bought.interest_earned) == (TransferKind.BUY_BACK, Money(846_00))
    assert [(part.funder, part.cash.minor) for part in bought.parts] == [
        ("harbour-bank", 8_222_08),
        ("own", -8_222_08),
    ]
    assert state.book is not None
    assert state.book.lenders_on(DAY) == ("own",)
    assert state.book.lenders_on(DAY - timedelta(days=1)) == ("harbour-bank", "own")
    Scenario(SHARE).given(*past).when(APPROVE).refused("nothing-proposed")
    Scenario(SHARE).given(*past).when(replace(PROPOSE, effective_from=DAY)).refused("share-not-held")


def test_a_loan_that_is_not_late_enough_or_on_which_nothing_is_owed_is_not_bought() -> None:
    for early, reason in (
        (replace(PRICE, days_past_due=89), "not-late-enough"),
        (replace(PRICE, days_past_due=90), "nothing-owed"),
    ):
        paid = {} if reason == "not-late-enough" else {"principal": 11_079_84}
        past = split(date(2026, 3, 3), lent(), **paid)
        refused = BuyBackRefused(
            loan_id=ex.LOAN,
            proposal_id=PROPOSED.proposal_id,
            reason=reason,
            days_past_due=early.days_past_due,
            refused_on=DAY,
        )
        Scenario(SHARE).given(*past, PROPOSED).when(early).then(refused)
        Scenario(SHARE).given(*past, PROPOSED, refused).when(APPROVE).refused("buy-back-refused")


def test_what_the_agreement_does_not_allow_is_refused() -> None:
    past = lent()
    Scenario(SHARE).when(PROPOSE).refused("loan-not-shared")
    for change, code in (
        ({"terms": None}, "buy-back-not-agreed"),
        ({"partner": "hill-bank"}, "share-not-held"),
        ({"effective_from": DAY + timedelta(days=1)}, "buy-back-date-later"),
        ({"effective_from": PAID_OUT}, "shares-changed-later"),
        ({"effective_from": date(2026, 3, 2)}, "moved-since"),
    ):
        Scenario(SHARE).given(*past).when(replace(PROPOSE, **change)).refused(code)
    Scenario(SHARE).given(*split(DAY, past, written_off=11_079_84)).when(
        replace(PROPOSE, effective_from=DAY + timedelta(days=1), today=DAY + timedelta(days=1))
    ).refused("loan-written-off")


def test_what_is_approved_is_what_was_read() -> None:
    past, _ = after(lent(), PROPOSE)
    Scenario(SHARE).given(*past).when(APPROVE).refused("not-priced")
    past, _ = after(past, PRICE)
    Scenario(SHARE).given(*past).when(replace(APPROVE, proposal_id="another")).refused("proposal-not-current")
    paid_before = split(date(2026, 4, 2), past, interest=10_00)
    Scenario(SHARE).given(*paid_before).when(APPROVE).refused("price-outdated")
    Scenario(SHARE).given(*split(DAY, past, interest=10_00)).when(APPROVE).refused("moved-since")
    again = replace(PROPOSE, proposal_id="proposal-2")
    past, state = after(paid_before, again, PRICE, replace(PRICE, proposal_id="proposal-2"))
    assert state.buy_back is not None
    assert state.buy_back.priced is not None, "the word on the first proposal is passed over, that on the second counts"
    assert state.buy_back.priced.interest == Money(459_20)


def test_without_interest_it_passes_to_the_buyer_for_nothing() -> None:
    past, _ = after(lent(), replace(PROPOSE, terms=BuyBack(days_past_due_min=90, with_interest=False)), PRICE, APPROVE)
    bought = past[-1]
    assert isinstance(bought, SharesTransferred)
    assert bought.interest_earned is None
    assert {part.transferred_interest.minor for part in bought.parts} == {0}


def test_another_lender_takes_the_place_of_the_seller() -> None:
    shares = (("harbour-bank", 700_000), ("own", 300_000))
    assert shares_after(shares, "harbour-bank", "hill-bank") == (("hill-bank", 700_000), ("own", 300_000))
    assert shares_after(shares, "harbour-bank", "own") == (("own", 1_000_000),)
    three = (("a", 100_000), ("b", 200_000), ("own", 700_000))
    assert shares_after(three, "a", "b") == (("b", 300_000), ("own", 700_000))


moved_later = st.lists(
    st.tuples(
        st.integers(0, 400), st.sampled_from(["principal", "interest", "penalty", "fee"]), st.integers(-(10**6), 10**6)
    ),
    max_size=12,
)


@given(st.integers(1, 10**8), st.integers(0, 10**8), moved_later, st.booleans())
def test_whatever_is_recorded_afterwards_the_parts_are_the_whole_and_the_seller_has_nothing_of_later_dates(
    principal: int, earned: int, later: list[tuple[int, str, int]], with_interest: bool
) -> None:
    past = split(PAID_OUT, [SHARED], disbursed=principal)
    terms = BuyBack(days_past_due_min=1, with_interest=with_interest)
    past, _ = after(past, replace(PROPOSE, terms=terms), replace(PRICE, interest_earned_minor=earned), APPROVE)
    for day, account, amount in later:
        on = PAID_OUT + timedelta(days=day)
        past = split(on, past, **{account: amount})
        event = past[-1]
        assert isinstance(event, MovementSplit)
        assert sum((part.cash.minor for part in event.parts), 0) == event.whole.cash.minor
        if on >= DAY:
            assert [part.funder for part in event.parts] == (["own"] if amount else [])
    state = SHARE.replay(past)
    assert state.book is not None
    sold = state.book.holdings()["harbour-bank"]
    assert sold["disbursed"] - sold["principal"] + sold["transferred"] == 0, "nothing is owed to who has sold"
