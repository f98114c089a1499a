"""Who applies in the demonstration: the 1,000 applications of the German credit data under made-up identities.

Amounts, terms, purposes and answers are the data's; names, identity numbers and incomes are made to fit them. What
became of each loan then (`defaulted`) decides how its borrower behaves here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, Final

from data.german_credit import Applicant, applicants
from libs.lending.money import Money

SURNAMES: Final = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN: Final = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英华建文玲辉红玉兰"
REGIONS: Final = ("330106", "330108", "110105", "310115", "440305", "510104", "320102", "420106")
ID_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
ID_CHECK: Final = "10X98765432"
"""GB 11643: ISO 7064 MOD 11-2 over the first seventeen digits."""

INSTALMENT_SHARE_PERCENT: Final = {
    "at-least-35-percent": 38,
    "25-to-35-percent": 30,
    "20-to-25-percent": 22,
    "below-20-percent": 15,
}
OTHER_DEBT_PERCENT: Final = {"none": 0, "stores": 6, "bank": 12}
UNSECURED_MAX: Final = Money.of("50000.00")
UNSECURED_MONTHS_MAX: Final = 36
CHANNELS: Final = ("ONLINE", "ONLINE", "ONLINE", "BRANCH", "TELEPHONE", "PARTNER")
SOURCES: Final = ("spring-campaign", "search", "referral", "branch-walk-in", "app-store")
EARLIEST_BIRTH: Final = date(1975, 1, 1)


def draw(what: int | str, purpose: str, size: int) -> int:
    """A number below `size` that belongs to a thing, as an application by its number, and a purpose: the same in every
    run."""
    digest = sha256(f"puhui/{purpose}/{what}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % size


@dataclass(frozen=True, slots=True)
class Person:
    """An application of the data with the identity it is made under."""

    source: Applicant
    product: str
    instalments: int
    period_months: int
    method: str
    guarantee: str

    @property
    def number(self) -> int:
        return self.source.number

    @property
    def name(self) -> str:
        surname = SURNAMES[draw(self.number, "surname", len(SURNAMES))]
        return surname + "".join(GIVEN[draw(self.number, f"given{i}", len(GIVEN))] for i in range(2))

    @property
    def region(self) -> str:
        return REGIONS[draw(self.number, "region", len(REGIONS))]

    @property
    def identity_number(self) -> str:
        birth = date.fromordinal(EARLIEST_BIRTH.toordinal() + draw(self.number, "birth", 25 * 365))
        digits = f"{self.region}{birth:%Y%m%d}{self.number % 1000:03d}"
        total = sum(int(digit) * weight for digit, weight in zip(digits, ID_WEIGHTS, strict=True))
        return digits + ID_CHECK[total % 11]

    @property
    def monthly_income(self) -> Money:
        """Such that the instalment is the share of it that the data tell."""
        share = INSTALMENT_SHARE_PERCENT[str(self.source.answers["instalment-to-income"])]
        months = self.instalments * self.period_months
        instalment = self.source.amount_minor * 110 // (100 * months)  # principal and about a tenth of interest
        return Money(max(instalment * 100 // share, 1_000_00) // 100 * 100)

    @property
    def monthly_debt_service(self) -> Money:
        percent = OTHER_DEBT_PERCENT[str(self.source.answers["other-instalment-plans"])]
        return Money(self.monthly_income.minor * percent // 100)

    def registration(self) -> dict[str, Any]:
        return {
            "kind": "PERSON",
            "name": self.name,
            "identity_number": self.identity_number,
            "mobile": f"13{draw(self.number, 'mobile', 10**9):09d}",
        }

    def application(self, applicant_id: str) -> dict[str, Any]:
        """The body of a new application."""
        amount = Money(self.source.amount_minor)
        secured = self.guarantee != "UNSECURED"
        return {
            "applicant_id": applicant_id,
            "product": self.product,
            "amount": money(amount),
            "instalments": self.instalments,
            "period_months": self.period_months,
            "method": self.method,
            "purpose": str(self.source.answers["loan-purpose"]),
            "channel": CHANNELS[draw(self.number, "channel", len(CHANNELS))],
            "source": SOURCES[draw(self.number, "source", len(SOURCES))],
            "guarantee": {
                "kind": self.guarantee,
                "value": money(amount * 2) if secured else None,
                "description": "保证人连带责任保证" if secured else "",
            },
            "monthly_income": money(self.monthly_income),
            "monthly_debt_service": money(self.monthly_debt_service),
            "answers": dict(self.source.answers),
        }

    def account(self) -> dict[str, str]:
        return {
            "bank": "中国示范银行",
            "number": f"622202{draw(self.number, 'account', 10**13):013d}",
            "holder": self.name,
        }

    def document(self, kind: str, today: date) -> dict[str, Any]:
        """A document of a kind, issued lately."""
        return {
            "document_type": kind,
            "sha256": sha256(f"{self.number}/{kind}".encode()).hexdigest(),
            "media_type": "image/jpeg",
            "size_bytes": 100_000 + draw(self.number, kind, 400_000),
            "issued_on": date.fromordinal(today.toordinal() - 10).isoformat(),
            "expires_on": date.fromordinal(today.toordinal() + 3650).isoformat() if kind == "identity-card" else None,
            "source": "applicant",
        }


def money(amount: Money) -> dict[str, str]:
    return {"amount": amount.amount, "currency": amount.currency}


def people(count: int) -> Iterator[Person]:
    """The first `count` applications, each with the product, method and security that fit it."""
    for source in applicants():
        if source.number > count:
            return
        yield _fitted(source)


def _fitted(source: Applicant) -> Person:
    """Business purposes go to the products for business, long or large loans need a surety, the rest is unsecured."""
    amount, months = Money(source.amount_minor), source.term_months
    business = source.answers["loan-purpose"] == "business"
    if business and months <= UNSECURED_MONTHS_MAX and months % 3 == 0 and draw(source.number, "farm", 3) == 0:
        method = ("INTEREST_ONLY_BALLOON", "EQUAL_PRINCIPAL")[draw(source.number, "method", 2)]
        return Person(source, "farmer-production", months // 3, 3, method, "SURETY")
    if business and months <= 12 and draw(source.number, "bullet", 2) == 0:
        return Person(source, "micro-startup", months, 1, "BULLET", "SURETY")
    if business and amount >= Money.of("5000.00"):
        method = ("EQUAL_INSTALMENT", "EQUAL_PRINCIPAL", "INTEREST_ONLY_BALLOON")[draw(source.number, "method", 3)]
        return Person(source, "micro-startup", months, 1, method, "SURETY")
    method = "EQUAL_PRINCIPAL" if draw(source.number, "method", 4) == 0 else "EQUAL_INSTALMENT"
    if amount > UNSECURED_MAX or months > UNSECURED_MONTHS_MAX or months < 3:
        return Person(source, "consumer-secured", max(months, 3), 1, method, "SURETY")
    return Person(source, "consumer-standard", max(months, 3), 1, method, "UNSECURED")
