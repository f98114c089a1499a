"""By which subjects an event is found."""

from __future__ import annotations

from typing import Any

import pytest

from libs.contracts import application as app
from libs.contracts import approval, contract, ledger, partners
from libs.contracts import examples as ex
from libs.contracts.base import DomainEvent
from services.audit.domain.subjects import SUBJECTS, subjects
from services.audit.tests.given import example


@pytest.mark.parametrize(
    ("event", "named"),
    [
        (app.ApplicantRegistered, {("applicant", ex.APPLICANT)}),
        (app.ApplicationSubmitted, {("application", ex.APPLICATION), ("applicant", ex.APPLICANT)}),
        (
            approval.SecurityOffered,
            {("application", ex.APPLICATION), ("security", "security-1"), ("provider", ex.APPLICANT)},
        ),
        (approval.SecurityConsented, {("application", ex.APPLICATION), ("security", "security-2")}),
        (approval.CaseClaimed, {("application", ex.APPLICATION)}),
        (
            contract.ContractSigned,
            {("application", ex.APPLICATION), ("contract", ex.CONTRACT), ("applicant", ex.APPLICANT)},
        ),
        (
            ledger.LoanBooked,
            {
                ("application", ex.APPLICATION),
                ("contract", ex.CONTRACT),
                ("applicant", ex.APPLICANT),
                ("loan", ex.LOAN),
            },
        ),
        (ledger.RepaymentReceived, {("loan", ex.LOAN), ("repayment", "repayment-1")}),
        (ledger.DisbursementRequested, {("loan", ex.LOAN), ("payment", ex.PAYMENT)}),
        (ledger.ActRequested, {("act", "act-1"), ("loan", ex.LOAN)}),
        (ledger.ActApproved, {("act", "act-1"), ("loan", ex.LOAN)}),
        (ledger.BusinessDayOpened, set()),
        (partners.AgreementApproved, set()),
        (partners.ContactChanged, {("contact", partners.CONTACT["person_id"])}),
        (partners.FundingOffered, {("application", ex.APPLICATION), ("applicant", ex.APPLICANT)}),
        (
            partners.FundingArranged,
            {("application", ex.APPLICATION), ("applicant", ex.APPLICANT), ("loan", ex.LOAN)},
        ),
    ],
)
def test_an_event_is_found_by_what_it_names(event: type[DomainEvent], named: set[tuple[str, str]]) -> None:
    found = list(subjects(example(event).payload()))
    assert set(found) == named
    assert len(found) == len(named), "each once"


@pytest.mark.parametrize(
    "payload", [{}, {"loan_id": ""}, {"loan_id": None}, {"request": None}, {"agreement": None}, {"agreement": "a-code"}]
)
def test_what_names_nobody_is_found_by_nobody(payload: dict[str, Any]) -> None:
    assert list(subjects(payload)) == []


def test_each_kind_of_subject_has_one_member() -> None:
    assert len(set(SUBJECTS.values())) == len(SUBJECTS)
