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
        "current-account-status",
        {
            "... < 0 DM": "no-account",
            "0 <= ... < 200 DM": "overdrawn",
            "... >= 200 DM / salary assignments for at least 1 year": "positive-below-2000",
            "no checking account": "at-least-2000-or-salary",
        },
    ),
    "credit_history": (
        "credit-history",
        {
            "no credits taken/ all credits paid back duly": "past-delay",
            "all credits at this bank paid back duly": "critical-or-credits-elsewhere",
            "existing credits paid back duly till now": "none-or-all-repaid",
            "delay in paying off in the past": "existing-paid-duly",
            "critical account/ other credits existing (not at this bank)": "all-here-repaid-duly",
        },
    ),
    "purpose": (
        "loan-purpose",
        {
            "car (new)": "other",
            "car (used)": "car-new",
            "furniture/equipment": "car-used",
            "radio/television": "furniture-equipment",
            "domestic appliances": "electronics",
            "repairs": "domestic-appliances",
            "education": "repairs",
            "retraining": "vacation",
            "business": "retraining",
            "others": "business",
        },
    ),
    "savings_account_and_bonds": (
        "savings-balance",
        {
            "... < 100 DM": "none",
            "100 <= ... < 500 DM": "below-1000",
            "500 <= ... < 1000 DM": "1000-to-5000",
            "... >= 1000 DM": "5000-to-10000",
            "unknown/ no savings account": "at-least-10000",
        },
    ),
    "present_employment_since": (
        "employment-length",
        {
            "unemployed": "unemployed",
            "... < 1 year": "below-1-year",
            "1 <= ... < 4 years": "1-to-4-years",
            "4 <= ... < 7 years": "4-to-7-years",
            "... >= 7 years": "at-least-7-years",
        },
    ),
    "installment_rate_in_percentage_of_disposable_income": (
        "instalment-to-income",
        {"1": "at-least-35-percent", "2": "25-to-35-percent", "3": "20-to-25-percent", "4": "below-20-percent"},
    ),
    "other_debtors_or_guarantors": (
        "other-liable-party",
        {"none": "none", "co-applicant": "co-applicant", "guarantor": "guarantor"},
    ),
    "present_residence_since": (
        "residence-length",
        {"1": "below-1-year", "2": "1-to-4-years", "3": "4-to-7-years", "4": "at-least-7-years"},
    ),
    "property": (
        "most-valuable-property",
        {
            "real estate": "none",
            "building society savings agreement/ life insurance": "car-or-other",
            "car or other, not in attribute Savings account/bonds": "savings-plan-or-life-insurance",
            "unknown / no property": "real-estate",
        },
    ),
    "other_installment_plans": ("other-instalment-plans", {"none": "none", "bank": "bank", "stores": "stores"}),
    "housing": ("housing-tenure", {"rent": "rent-free", "own": "rented", "for free": "owned"}),
    "number_of_existing_credits_at_this_bank": (
        "loans-with-lender",
        {"1": "1", "2": "2-to-3", "3": "4-to-5", "4": "6-or-more"},
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
    answers: dict[str, int | str] = {"requested-amount-minor": amount_minor, "requested-term-months": term_months}
    for column, (indicator, codes) in _CODES.items():
        answers[indicator] = codes[row[column]]
    return Applicant(
        number=number,
        amount_minor=amount_minor,
        term_months=term_months,
        answers=MappingProxyType(answers),
        defaulted={"good": False, "bad": True}[row["creditability"]],
    )
