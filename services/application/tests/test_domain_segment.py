"""Whom a product is for: each rule at its edges, and what is not stated never counts as met."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from libs.contracts.values import ApplicantKind, Business, Industry
from libs.events.testing import Scenario
from libs.lending.money import Money
from services.application.domain.application_commands import SubmitApplication
from services.application.domain.eligibility import findings
from services.application.domain.segment import INDUSTRY_NAMES
from services.application.handlers import APPLICATION
from services.application.tests.given import MICRO, TODAY, applicant, changed, everything, facts, request, started

HANGZHOU = {"code": "3301", "name": {"zh": "杭州市", "en": "Hangzhou"}}
JIANGSU = {"code": "32", "name": {"zh": "江苏省", "en": "Jiangsu"}}


def cny(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


def found(segment: dict[str, Any], kind: ApplicantKind = ApplicantKind.PERSON, **asked: Any) -> list[str]:
    person = kind is ApplicantKind.PERSON
    who = applicant() if person else applicant(kind=kind, birth_date=None)
    product = changed(MICRO, segment=segment)
    wanted = request(product, purpose="business", applicant_kind=kind, **asked)
    return [each.code for each in findings(wanted, who, product, TODAY)]


@pytest.mark.parametrize(
    ("segment", "asked", "codes"),
    [
        ({"regions": [HANGZHOU, JIANGSU]}, {"region": "330106", "region_stated": True}, []),
        ({"regions": [HANGZHOU, JIANGSU]}, {"region": "320500", "region_stated": True}, []),
        ({"regions": [HANGZHOU, JIANGSU]}, {"region": "330200", "region_stated": True}, ["region-not-served"]),
        ({"regions": [HANGZHOU]}, {"region": "", "region_stated": False}, ["region-not-stated"]),
        ({"industries": ["F"]}, {"business": Business(industry=Industry.TRADE)}, []),
        ({"industries": ["F"]}, {"business": Business(industry=Industry.MINING)}, ["industry-not-served"]),
        ({"industries": ["F"]}, {"business": Business()}, ["industry-not-stated"]),
        ({"industries": ["F"]}, {}, ["industry-not-stated"]),
        ({"business_years_min": 2}, {"business": Business(registered_on=date(2024, 2, 1))}, []),
        (
            {"business_years_min": 2},
            {"business": Business(registered_on=date(2024, 2, 2))},
            ["business-years-below-minimum"],
        ),
        ({"business_years_max": 2}, {"business": Business(registered_on=date(2023, 2, 2))}, []),
        (
            {"business_years_max": 2},
            {"business": Business(registered_on=date(2023, 2, 1))},
            ["business-years-above-maximum"],
        ),
        ({"business_years_min": 0}, {}, ["business-registration-not-stated"]),
        ({"business_years_max": 2}, {"business": Business()}, ["business-registration-not-stated"]),
        ({"monthly_income_min": cny("9000.00")}, {}, []),
        ({"monthly_income_min": cny("9000.01")}, {}, ["income-below-minimum"]),
        ({"monthly_income_min": cny("9000.01")}, {"monthly_income": Money.zero()}, ["income-missing"]),
        (
            {"monthly_income_min": cny("9000.00")},
            {"monthly_income": Money.of("9000.00", "USD")},
            ["income-currency"],
        ),
        ({"annual_turnover_min": cny("5.00")}, {"business": Business(annual_turnover=Money.of("5.00"))}, []),
        (
            {"annual_turnover_min": cny("5.00")},
            {"business": Business(annual_turnover=Money.of("4.99"))},
            ["turnover-below-minimum"],
        ),
        ({"annual_turnover_max": cny("5.00")}, {"business": Business(annual_turnover=Money.of("5.00"))}, []),
        (
            {"annual_turnover_max": cny("5.00")},
            {"business": Business(annual_turnover=Money.of("5.01"))},
            ["turnover-above-maximum"],
        ),
        ({"annual_turnover_max": cny("5.00")}, {"business": Business()}, ["turnover-not-stated"]),
        ({"annual_turnover_min": cny("5.00")}, {}, ["turnover-not-stated"]),
        (
            {"annual_turnover_max": cny("5.00")},
            {"business": Business(annual_turnover=Money.of("1.00", "USD"))},
            ["turnover-currency"],
        ),
    ],
)
def test_the_edges_of_a_segment(segment: dict[str, Any], asked: dict[str, Any], codes: list[str]) -> None:
    assert found(segment, **asked) == codes


def test_the_region_of_issue_is_not_where_somebody_lives_unless_the_product_says_so() -> None:
    issued = {"region": "330106", "region_stated": False}
    assert found({"regions": [HANGZHOU]}, **issued) == ["region-not-stated"]
    assert found({"regions": [HANGZHOU], "region_of_identity": True}, **issued) == []
    assert found({"regions": [JIANGSU], "region_of_identity": True}, **issued) == ["region-not-served"]
    assert found({"regions": [HANGZHOU]}, ApplicantKind.ENTERPRISE, **issued) == []


def test_no_business_is_registered_tomorrow_whatever_the_product_asks() -> None:
    tomorrow = Business(registered_on=date(2026, 2, 2))
    assert found({"industries": ["F"]}, business=tomorrow) == ["industry-not-stated", "business-registered-later"]
    today = Business(registered_on=TODAY, industry=Industry.TRADE)
    assert found({"industries": ["F"]}, business=today) == []


def test_every_rule_that_is_not_met_is_told_at_once_in_both_languages() -> None:
    segment = {
        "regions": [HANGZHOU],
        "industries": ["C", "F"],
        "business_years_min": 1,
        "annual_turnover_min": cny("5.00"),
    }
    product = changed(MICRO, segment=segment)
    asked = request(
        product,
        purpose="business",
        region="440300",
        region_stated=True,
        business=Business(industry=Industry.MINING, annual_turnover=Money.of("1.00")),
    )
    told = {each.pointer: each.text for each in findings(asked, applicant(), product, TODAY)}
    assert list(told) == ["/region", "/business/industry", "/business/registered_on", "/business/annual_turnover"]
    assert told["/region"].zh == "该产品面向的地区：杭州市；请另选产品。"
    assert told["/business/industry"].en == (
        "This product is for these industries: manufacturing, wholesale and retail trade; choose another one."
    )


def test_who_is_outside_the_segment_cannot_submit_and_is_told_why() -> None:
    product = changed(MICRO, segment={"regions": [HANGZHOU]})
    asked = request(product, purpose="business", region="440300", region_stated=True)
    submit = SubmitApplication(facts=facts(product))
    refusal = (
        Scenario(APPLICATION).given(started(asked), *everything(product)).when(submit).refused("application-incomplete")
    )
    assert [error["code"] for error in refusal.extra["errors"]] == ["region-not-served"]


def test_every_industry_has_a_name() -> None:
    assert INDUSTRY_NAMES.keys() == set(Industry)
    assert [industry.value for industry in Industry] == list("ABCDEFGHIJKLMNOPQRST")
