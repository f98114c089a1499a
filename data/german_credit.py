"""The Statlog German credit data, read into the terms of the scoring service's indicator catalogue.

The CSV keeps the labels under which the data set is known since 1994. Several of them are wrong: Grömping
("South German Credit Data: Correcting a Widely Used Data Set", Reports in Mathematics, Physics and Chemistry 4/2019,
Beuth Hochschule Berlin) went back to the bank's code table and showed that the levels of seven attributes were
shifted or swapped. The maps below translate each published label to what the bank meant, so that a reason told to an
applicant ("no current account") is the true one. README.md sets both readings side by side.
"""

from collections.abc import Iterator, Mapping
from csv import DictReader
from dataclasses import dataclass
from hashlib import sha256
from io import StringIO
from pathlib import Path
from types import MappingProxyType

CSV_PATH = Path(__file__).with_name("german_credit.csv")

# One Deutsche Mark stands for ten yuan, so that amounts look like today's microloans; a yuan has 100 fen.
MINOR_PER_DM = 10 * 100

_CODES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "status_of_existing_checking_account": (
        "current_account_status",
        {
            "... < 0 DM": "no_account",
            "0 <= ... < 200 DM": "overdrawn",
            "... >= 200 DM / salary assignments for at least 1 year": "positive_below_2000",
            "no checking account": "at_least_2000_or_salary",
        },
    ),
    "credit_history": (
        "credit_history",
        {
            "no credits taken/ all credits paid back duly": "past_delay",
            "all credits at this bank paid back duly": "critical_or_credits_elsewhere",
            "existing credits paid back duly till now": "none_or_all_repaid",
            "delay in paying off in the past": "existing_paid_duly",
            "critical account/ other credits existing (not at this bank)": "all_here_repaid_duly",
        },
    ),
    "purpose": (
        "loan_purpose",
        {
            "car (new)": "other",
            "car (used)": "car_new",
            "furniture/equipment": "car_used",
            "radio/television": "furniture_equipment",
            "domestic appliances": "electronics",
            "repairs": "domestic_appliances",
            "education": "repairs",
            "retraining": "vacation",
            "business": "retraining",
            "others": "business",
        },
    ),
    "savings_account_and_bonds": (
        "savings_balance",
        {
            "... < 100 DM": "none",
            "100 <= ... < 500 DM": "below_1000",
            "500 <= ... < 1000 DM": "1000_to_5000",
            "... >= 1000 DM": "5000_to_10000",
            "unknown/ no savings account": "at_least_10000",
        },
    ),
    "present_employment_since": (
        "employment_length",
        {
            "unemployed": "unemployed",
            "... < 1 year": "below_1_year",
            "1 <= ... < 4 years": "1_to_4_years",
            "4 <= ... < 7 years": "4_to_7_years",
            "... >= 7 years": "at_least_7_years",
        },
    ),
    "installment_rate_in_percentage_of_disposable_income": (
        "instalment_to_income",
        {"1": "at_least_35_percent", "2": "25_to_35_percent", "3": "20_to_25_percent", "4": "below_20_percent"},
    ),
    "other_debtors_or_guarantors": (
        "other_liable_party",
        {"none": "none", "co-applicant": "co_applicant", "guarantor": "guarantor"},
    ),
    "present_residence_since": (
        "residence_length",
        {"1": "below_1_year", "2": "1_to_4_years", "3": "4_to_7_years", "4": "at_least_7_years"},
    ),
    "property": (
        "most_valuable_property",
        {
            "real estate": "none",
            "building society savings agreement/ life insurance": "car_or_other",
            "car or other, not in attribute Savings account/bonds": "savings_plan_or_life_insurance",
            "unknown / no property": "real_estate",
        },
    ),
    "other_installment_plans": ("other_instalment_plans", {"none": "none", "bank": "bank", "stores": "stores"}),
    "housing": ("housing_tenure", {"rent": "rent_free", "own": "rented", "for free": "owned"}),
    "number_of_existing_credits_at_this_bank": (
        "loans_with_lender",
        {"1": "1", "2": "2_to_3", "3": "4_to_5", "4": "6_or_more"},
    ),
}


@dataclass(frozen=True, slots=True)
class Applicant:
    """One of the 1,000 applications.

    `number` is the row in the file, from 1. `answers` maps indicator ids of the scoring service's catalogue to values
    (codes, months, minor units of CNY). `defaulted` is the recorded outcome, unknown when the loan was asked for.
    """

    number: int
    amount_minor: int
    term_months: int
    answers: Mapping[str, int | str]
    defaulted: bool


def applicants() -> Iterator[Applicant]:
    """Every application in the order of the file; attributes that may not be used for decisions are left out."""
    with StringIO(CSV_PATH.read_text("utf-8"), newline="") as file:
        for number, row in enumerate(DictReader(file), start=1):
            yield _applicant(number, row)


def data_sha256() -> str:
    """SHA-256 of the file's bytes, as `sha256sum` prints it."""
    return sha256(CSV_PATH.read_bytes()).hexdigest()


def _applicant(number: int, row: Mapping[str, str]) -> Applicant:
    amount_minor = int(row["credit_amount"]) * MINOR_PER_DM
    term_months = int(row["duration_in_month"])
    answers: dict[str, int | str] = {"requested_amount_minor": amount_minor, "requested_term_months": term_months}
    for column, (indicator, codes) in _CODES.items():
        answers[indicator] = codes[row[column]]
    return Applicant(
        number=number,
        amount_minor=amount_minor,
        term_months=term_months,
        answers=MappingProxyType(answers),
        defaulted={"good": False, "bad": True}[row["creditability"]],
    )
