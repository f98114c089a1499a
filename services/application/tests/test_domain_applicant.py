"""Who is registered, and how often."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from libs.contracts.application import ApplicantRegistered
from libs.contracts.values import ApplicantKind
from libs.events.testing import Scenario
from services.application.domain.applicant import RegisterEnterprise, RegisterPerson, age_on
from services.application.handlers import APPLICANT
from services.application.tests.numbers import ENTERPRISE, person_number

TODAY = date(2026, 2, 1)
PERSON = RegisterPerson(
    applicant_id="a-1", name="王小明", identity_number=person_number(), mobile="13912345678", today=TODAY
)
COMPANY = RegisterEnterprise(
    applicant_id="a-2",
    name="杭州示例商贸有限公司",
    identity_number=ENTERPRISE,
    mobile="13912345678",
    legal_representative="李四",
    today=TODAY,
)
PERSON_REGISTERED = ApplicantRegistered(
    applicant_id="a-1",
    kind=ApplicantKind.PERSON,
    name="王小明",
    identity_number=person_number(),
    mobile="13912345678",
    birth_date=date(1990, 5, 17),
    region="330106",
    registered_on=TODAY,
)


def test_a_person_is_registered_with_what_the_number_says() -> None:
    Scenario(APPLICANT).given().when(PERSON).then(PERSON_REGISTERED)


def test_an_enterprise_is_registered_with_its_representative() -> None:
    Scenario(APPLICANT).given().when(COMPANY).then(
        ApplicantRegistered(
            applicant_id="a-2",
            kind=ApplicantKind.ENTERPRISE,
            name="杭州示例商贸有限公司",
            identity_number=ENTERPRISE,
            mobile="13912345678",
            legal_representative="李四",
            region="330106",
            registered_on=TODAY,
        )
    )


def test_the_same_particulars_on_another_day_change_nothing() -> None:
    later = replace(PERSON, today=date(2027, 1, 1), identity_number=person_number().lower())
    Scenario(APPLICANT).given(PERSON_REGISTERED).when(later).then()


@pytest.mark.parametrize("other", [{"name": "王大明"}, {"mobile": "13912345679"}])
def test_other_particulars_are_refused_without_telling_those_on_record(other: dict[str, str]) -> None:
    refusal = (
        Scenario(APPLICANT)
        .given(PERSON_REGISTERED)
        .when(replace(PERSON, **other))
        .refused("applicant-particulars-differ")
    )
    assert "王小明" not in str(refusal)
    assert getattr(refusal, "field", "") is None


@pytest.mark.parametrize(
    "mobile", ["", "1391234567", "139123456789", "23912345678", "12912345678", "+8613912345678", "1391234567a"]
)
def test_a_number_that_is_no_mainland_mobile_number_is_refused(mobile: str) -> None:
    Scenario(APPLICANT).given().when(replace(PERSON, mobile=mobile)).refused("mobile-form")


def test_a_wrong_identity_number_registers_nobody() -> None:
    Scenario(APPLICANT).given().when(replace(PERSON, identity_number="110105194912310020")).refused(
        "identity-number-check"
    )
    Scenario(APPLICANT).given().when(replace(COMPANY, identity_number=ENTERPRISE[:-1] + "0")).refused(
        "identity-number-check"
    )


def test_age_is_counted_in_full_years() -> None:
    assert age_on(date(2008, 2, 1), date(2026, 1, 31)) == 17
    assert age_on(date(2008, 2, 1), date(2026, 2, 1)) == 18
    assert age_on(date(2008, 2, 29), date(2026, 2, 28)) == 17
    assert age_on(date(2008, 2, 29), date(2026, 3, 1)) == 18
