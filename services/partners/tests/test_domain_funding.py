"""Given what became of an offer, when a command comes, then this follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from libs.contracts import examples as ex
from libs.contracts.partners import (
    FundingAnswer,
    FundingAnswered,
    FundingArranged,
    FundingClarified,
    FundingLapsed,
    FundingOffered,
    FundingQuestioned,
    FundingWithdrawn,
)
from libs.events.testing import Scenario
from services.partners.domain.funding import (
    AnswerFunding,
    AskAboutFunding,
    ClarifyFunding,
    FundAlone,
    LapseFunding,
    OfferFunding,
    WithdrawFunding,
)
from services.partners.handlers import FUNDING

DAY = date(2026, 2, 1)
OFFERED = FundingOffered.model_validate(FundingOffered.example)
DECLINED = FundingAnswered.model_validate(FundingAnswered.example)
ACCEPTED = DECLINED.model_copy(update={"answer": FundingAnswer.ACCEPT, "reason": ""})
ARRANGED = FundingArranged.model_validate(FundingArranged.example)
ALONE = ARRANGED.model_copy(update={"lenders": (), "agreement": "", "agreement_version": 0, "asked": ()})
LAPSED = FundingLapsed.model_validate(FundingLapsed.example)
WITHDRAWN = FundingWithdrawn.model_validate(FundingWithdrawn.example)
QUESTIONED = FundingQuestioned.model_validate(FundingQuestioned.example)
CLARIFIED = FundingClarified.model_validate(FundingClarified.example)
IN_TIME, LATE = OFFERED.answer_until, OFFERED.answer_until.replace("02:13", "02:14")

OFFER = OfferFunding(
    approval=OFFERED.approval,
    partner="harbour-bank",
    agreement="harbour-consumer",
    version=1,
    share_ppm=700_000,
    amount=OFFERED.amount,
    data=OFFERED.data,
    answer_until=OFFERED.answer_until,
    on=DAY,
)
FUND_ALONE = FundAlone(approval=OFFERED.approval, loan_id=ex.LOAN, on=DAY)
ACCEPT = AnswerFunding(
    partner="harbour-bank",
    answer=FundingAnswer.ACCEPT,
    reason="",
    loan_id=ex.LOAN,
    lenders=ARRANGED.lenders,
    now=IN_TIME,
    by="partner",
    today=DAY,
)
DECLINE = replace(ACCEPT, answer=FundingAnswer.DECLINE, reason=DECLINED.reason)
LAPSE = LapseFunding(partner="harbour-bank", now=LATE, today=DAY)
WITHDRAW = WithdrawFunding(reason="offer-expired", today=date(2026, 2, 16))


def test_a_partner_that_accepts_is_a_lender_of_the_contract() -> None:
    Scenario(FUNDING).when(OFFER).then(OFFERED)
    Scenario(FUNDING).given(OFFERED).when(ACCEPT).then(ACCEPTED, ARRANGED)


def test_a_partner_decides_once_within_its_time_and_says_why_it_declines() -> None:
    Scenario(FUNDING).given(OFFERED).when(DECLINE).then(DECLINED)
    Scenario(FUNDING).given(OFFERED).when(replace(DECLINE, reason="")).refused("reason-missing")
    Scenario(FUNDING).given(OFFERED).when(replace(ACCEPT, now=LATE)).refused("funding-lapsed")
    Scenario(FUNDING).given(OFFERED, DECLINED).when(ACCEPT).refused("funding-not-open")
    Scenario(FUNDING).given(OFFERED, ACCEPTED, ARRANGED).when(DECLINE).refused("funding-not-open")
    Scenario(FUNDING).given(OFFERED).when(replace(ACCEPT, partner="hill-bank")).refused("funding-not-found")


def test_time_that_is_over_ends_the_offer_and_no_answer_comes_after_it() -> None:
    Scenario(FUNDING).given(OFFERED).when(LAPSE).then(LAPSED)
    Scenario(FUNDING).given(OFFERED).when(replace(LAPSE, now=IN_TIME)).then()
    Scenario(FUNDING).given(OFFERED, LAPSED).when(LAPSE).then()
    Scenario(FUNDING).given(OFFERED, LAPSED).when(ACCEPT).refused("funding-not-open")
    Scenario(FUNDING).given(OFFERED, ACCEPTED, ARRANGED).when(LAPSE).then()


def test_nobody_is_asked_twice_and_nobody_while_another_decides() -> None:
    other = replace(OFFER, partner="hill-bank")
    offered = OFFERED.model_copy(update={"partner": "hill-bank"})
    Scenario(FUNDING).given(OFFERED).when(other).then()
    Scenario(FUNDING).given(OFFERED, DECLINED).when(OFFER).then()
    Scenario(FUNDING).given(OFFERED, DECLINED).when(other).then(offered)
    Scenario(FUNDING).given(OFFERED, ACCEPTED, ARRANGED).when(other).then()


def test_in_the_end_we_fund_it_ourselves_and_say_who_was_asked() -> None:
    Scenario(FUNDING).when(FUND_ALONE).then(ALONE)
    Scenario(FUNDING).given(OFFERED, LAPSED).when(FUND_ALONE).then(
        ALONE.model_copy(update={"asked": ("harbour-bank",)})
    )
    Scenario(FUNDING).given(OFFERED).when(FUND_ALONE).then()
    Scenario(FUNDING).given(ALONE).when(FUND_ALONE).then()


def test_what_comes_to_nothing_is_withdrawn_from_whom_it_was_offered_to_or_who_accepted() -> None:
    Scenario(FUNDING).given(OFFERED).when(WITHDRAW).then(WITHDRAWN)
    Scenario(FUNDING).given(OFFERED, ACCEPTED, ARRANGED).when(WITHDRAW).then(WITHDRAWN)
    Scenario(FUNDING).given(OFFERED, WITHDRAWN).when(WITHDRAW).then()
    Scenario(FUNDING).given(OFFERED, WITHDRAWN).when(ACCEPT).refused("funding-not-open")
    Scenario(FUNDING).given(OFFERED, WITHDRAWN).when(FUND_ALONE).then()
    Scenario(FUNDING).given(ALONE).when(WITHDRAW).then()
    Scenario(FUNDING).when(WITHDRAW).then()


def test_a_partner_asks_and_is_answered_before_it_decides() -> None:
    ask = AskAboutFunding(partner="harbour-bank", question=QUESTIONED.question, by="partner", today=DAY)
    clarify = ClarifyFunding(answer=CLARIFIED.answer, by="credit-1", today=DAY)
    Scenario(FUNDING).given(OFFERED).when(ask).then(QUESTIONED)
    Scenario(FUNDING).given(OFFERED, QUESTIONED).when(clarify).then(CLARIFIED)
    Scenario(FUNDING).given(OFFERED).when(clarify).refused("nothing-asked")
    Scenario(FUNDING).given(OFFERED, LAPSED).when(clarify).refused("funding-not-open")
    Scenario(FUNDING).given(OFFERED, LAPSED).when(ask).refused("funding-not-open")
    Scenario(FUNDING).given(OFFERED, *[QUESTIONED] * 20).when(ask).refused("questions-too-many")
