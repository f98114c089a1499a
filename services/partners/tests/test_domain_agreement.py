"""Given what happened to an agreement or an offer, when a command comes, then this follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts import examples as ex
from libs.contracts.approval import ApplicationApproved
from libs.contracts.partners import (
    FUNDING_TERMS,
    AgreementApproved,
    AgreementEnded,
    AgreementProposed,
    Caps,
    ContactRole,
    DataItem,
    FirstLoss,
    FundingTerms,
    PartnerRegistered,
    Price,
    ShareRule,
    Side,
)
from libs.events.testing import Scenario
from libs.lending.money import Money
from services.partners.domain.agreement import ApproveAgreement, EndAgreement, ProposeAgreement
from services.partners.domain.fitting import Used, co_lenders, data_for, share_for, shares_with, within_caps
from services.partners.handlers import AGREEMENT
from services.partners.library import regimes_on

DAY = date(2026, 1, 20)
TERMS = FundingTerms.model_validate(FUNDING_TERMS)
PROPOSED = AgreementProposed.model_validate(AgreementProposed.example)
APPROVED = AgreementApproved.model_validate(AgreementApproved.example)
ENDED = AgreementEnded.model_validate(AgreementEnded.example)
APPROVAL = ApplicationApproved.model_validate(ApplicationApproved.example)
HARBOUR = PartnerRegistered.model_validate(PartnerRegistered.example)
PROPOSE = ProposeAgreement(
    agreement="harbour-consumer",
    partner="harbour-bank",
    terms=TERMS,
    effective_from=date(2026, 2, 1),
    regimes=regimes_on(date(2026, 2, 1)),
    registered=frozenset({"own", "harbour-bank", "hill-bank"}),
    by="finance-2",
    today=DAY,
)
APPROVE = ApproveAgreement(version=1, by="finance-1", today=date(2026, 1, 21))


def test_a_buy_back_is_agreed_where_the_regime_admits_it_and_by_a_lender_that_there_is() -> None:
    def with_(regime: str, buyer: str) -> ProposeAgreement:
        terms = {"buyer": buyer, "days_past_due_min": 90, "with_interest": True}
        changes = {"regime": regime, "buy_back": terms, "rules": [{"share_ppm": 700_000}]}
        return replace(PROPOSE, terms=FundingTerms.model_validate(FUNDING_TERMS | changes))

    for buyer in ("own", "hill-bank"):
        assert AGREEMENT.decide(with_("cn-small-loan-company", buyer), AGREEMENT.initial)
    for buyer in ("nobody", "harbour-bank"):
        Scenario(AGREEMENT).when(with_("cn-small-loan-company", buyer)).refused("buyer-unknown")
    for regime in ("cn-bank-internet-loan", "in-co-lending"):
        Scenario(AGREEMENT).when(with_(regime, "own")).refused("buy-back-forbidden")


def test_two_people_make_an_agreement_and_its_next_version() -> None:
    Scenario(AGREEMENT).when(PROPOSE).then(PROPOSED)
    Scenario(AGREEMENT).given(PROPOSED).when(APPROVE).then(APPROVED)
    Scenario(AGREEMENT).given(PROPOSED).when(replace(APPROVE, by="finance-2")).refused("four-eyes")
    Scenario(AGREEMENT).given(PROPOSED).when(replace(APPROVE, version=2)).refused("version-not-proposed")
    Scenario(AGREEMENT).given(PROPOSED, APPROVED).when(APPROVE).refused("nothing-proposed")
    without = replace(APPROVE, roles_missing=[ContactRole.SETTLEMENT])
    Scenario(AGREEMENT).given(PROPOSED).when(without).refused("contacts-missing")
    second = PROPOSED.model_copy(update={"version": 2})
    Scenario(AGREEMENT).given(PROPOSED, APPROVED).when(PROPOSE).then(second)


def test_an_agreement_changes_nothing_that_is_past() -> None:
    late = replace(PROPOSE, today=date(2026, 2, 2))
    Scenario(AGREEMENT).when(late).refused("agreement-date-passed")
    approved_late = replace(APPROVE, today=date(2026, 2, 2))
    Scenario(AGREEMENT).given(PROPOSED).when(approved_late).refused("agreement-date-passed")
    Scenario(AGREEMENT).given(PROPOSED).when(replace(PROPOSE, partner="hill-bank")).refused("agreement-of-another")


def test_notice_is_given_in_time_and_once() -> None:
    end = EndAgreement(last_day=date(2026, 12, 31), reason="The partner leaves the market", by="finance-1", today=DAY)
    end = replace(end, today=date(2026, 11, 30))
    Scenario(AGREEMENT).given(PROPOSED, APPROVED).when(end).then(ENDED)
    Scenario(AGREEMENT).given(PROPOSED, APPROVED).when(replace(end, today=date(2026, 12, 2))).refused(
        "notice-too-short"
    )
    Scenario(AGREEMENT).given(PROPOSED, APPROVED, ENDED).when(end).refused("agreement-ended")
    Scenario(AGREEMENT).given(PROPOSED).when(end).refused("agreement-not-found")
    Scenario(AGREEMENT).given(PROPOSED, APPROVED, ENDED).when(PROPOSE).refused("agreement-ended")


@pytest.mark.parametrize(
    ("regime", "share_ppm", "admitted"),
    [
        ("cn-small-loan-company", 999_999, True),
        ("cn-small-loan-company", 1_000_000, False),
        ("cn-bank-internet-loan", 700_000, True),
        ("cn-bank-internet-loan", 700_001, False),
        ("in-co-lending", 100_000, True),
        ("in-co-lending", 99_999, False),
        ("in-co-lending", 900_001, False),
    ],
)
def test_shares_are_what_the_regime_admits(regime: str, share_ppm: int, admitted: bool) -> None:
    terms = TERMS.model_copy(update={"regime": regime, "rules": (ShareRule(share_ppm=share_ppm),)})
    proposed = Scenario(AGREEMENT).when(replace(PROPOSE, terms=terms))
    if admitted:
        proposed.then(PROPOSED.model_copy(update={"terms": terms}))
    else:
        proposed.refused("share-outside-regime")


def test_a_regime_that_is_not_in_force_admits_nothing() -> None:
    terms = TERMS.model_copy(update={"regime": "in-co-lending"})
    before = replace(PROPOSE, terms=terms, regimes=regimes_on(date(2025, 12, 31)))
    Scenario(AGREEMENT).when(before).refused("regime-unknown")


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        ({}, True),
        ({"products": ["consumer-standard"], "grades": ["A", "B"], "regions": ["33"]}, True),
        ({"products": ["farmer-production"]}, False),
        ({"grades": ["A"]}, False),
        ({"regions": ["3302", "3301"]}, True),
        ({"regions": ["3302"]}, False),
    ],
)
def test_a_loan_fits_by_product_grade_and_region(rule: dict[str, Any], fits: bool) -> None:
    first = ShareRule.model_validate({**rule, "share_ppm": 400_000})
    terms = TERMS.model_copy(update={"rules": (first,)})
    assert share_for(terms, APPROVAL) == (400_000 if fits else None)
    second = TERMS.model_copy(update={"rules": (first, ShareRule(share_ppm=200_000))})
    assert share_for(second, APPROVAL) == (400_000 if fits else 200_000), "the first rule that fits"


def test_a_cap_is_reached_to_the_fen() -> None:
    amount, used = Money(100), Used(900, 900, 900)
    for name in ("open_max", "month_max", "borrower_max"):
        assert within_caps(Caps(**{name: Money(1000)}), used, amount)
        assert not within_caps(Caps(**{name: Money(999)}), used, amount), name
    assert within_caps(Caps(), Used(10**15, 10**15, 10**15), amount)


def test_a_partner_is_sent_what_the_agreement_names_and_nothing_else() -> None:
    assert data_for(TERMS.data, APPROVAL) == {
        "product": "consumer-standard",
        "amount": "12000.00",
        "instalments": 12,
        "annual_rate": "0.18",
        "region": "330100",
        "grade": "B",
    }
    everything = data_for(tuple(DataItem), APPROVAL)
    assert everything.keys() == {item.value for item in DataItem} - {"contract"}
    assert ex.APPLICANT not in str(everything)


@pytest.mark.parametrize("data", [(), (DataItem.AMOUNT,), (DataItem.AMOUNT, DataItem.CONTRACT)])
def test_a_lender_reads_the_contract_only_where_the_agreement_names_it(data: tuple[DataItem, ...]) -> None:
    theirs, ours = co_lenders(Money(100), shares_with("harbour-bank", 700_000), ex.LOAN, HARBOUR, data)
    assert (theirs.subject, theirs.reads_contract) == ("partner", DataItem.CONTRACT in data)
    assert (ours.funder, ours.subject, ours.reads_contract) == ("own", "", False)


@given(st.integers(1, 10**10), st.integers(1, 999_999), st.uuids())
def test_the_parts_that_a_contract_names_are_the_principal(minor: int, share_ppm: int, loan_id: object) -> None:
    lenders = co_lenders(Money(minor), shares_with("harbour-bank", share_ppm), str(loan_id), HARBOUR, ())
    assert sum(each.amount.minor for each in lenders) == minor
    assert sum(each.share_ppm for each in lenders) == 1_000_000
    assert abs(lenders[0].amount.minor * 1_000_000 - minor * share_ppm) < 1_000_000, "within a fen of the exact share"


@pytest.mark.parametrize(
    ("regime", "first_loss", "refused"),
    [
        ("cn-small-loan-company", {"bearer": "OWN", "cap_rate": "0.1"}, None),
        ("cn-small-loan-company", {"bearer": "PARTNER", "cap": ex.cny("1000.00")}, None),
        ("cn-small-loan-company", {"bearer": "PARTNER"}, "first-loss-without-cap"),
        ("cn-small-loan-company", {"bearer": "OWN", "cap": {"amount": "1.00", "currency": "USD"}}, "wrong-currency"),
        ("cn-bank-internet-loan", {"bearer": "OWN", "cap_rate": "0.01"}, "first-loss-forbidden"),
        ("cn-bank-internet-loan", {"bearer": "PARTNER", "cap_rate": "0.01"}, "first-loss-forbidden"),
        ("in-co-lending", {"bearer": "OWN", "cap_rate": "0.05"}, None),
        ("in-co-lending", {"bearer": "OWN", "cap_rate": "0.0501"}, "first-loss-outside-regime"),
        ("in-co-lending", {"bearer": "OWN", "cap": ex.cny("1.00")}, "first-loss-outside-regime"),
        ("in-co-lending", {"bearer": "PARTNER", "cap_rate": "0.05"}, "first-loss-forbidden"),
    ],
)
def test_who_may_bear_losses_first_is_what_the_regime_admits(
    regime: str, first_loss: dict[str, Any], refused: str | None
) -> None:
    terms = TERMS.model_copy(update={"regime": regime, "first_loss": FirstLoss.model_validate(first_loss)})
    proposed = Scenario(AGREEMENT).when(replace(PROPOSE, terms=terms))
    if refused is None:
        proposed.then(PROPOSED.model_copy(update={"terms": terms}))
    else:
        proposed.refused(refused)


def test_an_agreement_from_before_there_was_an_order_of_losses_is_pro_rata() -> None:
    assert FundingTerms.model_validate(FUNDING_TERMS).first_loss is None


def test_a_price_is_a_rate_or_a_spread() -> None:
    for price in (
        Price(shortfall=Side.OWN),
        Price(annual_rate=Decimal("0.06"), spread=Decimal("0.06"), shortfall=Side.OWN),
    ):
        terms = TERMS.model_copy(update={"price": price})
        Scenario(AGREEMENT).when(replace(PROPOSE, terms=terms)).refused("price-ambiguous")
    terms = TERMS.model_copy(update={"price": Price(spread=Decimal("0.06"), shortfall=Side.PARTNER)})
    Scenario(AGREEMENT).when(replace(PROPOSE, terms=terms)).then(PROPOSED.model_copy(update={"terms": terms}))
