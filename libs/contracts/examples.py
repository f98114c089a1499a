"""One applicant, one loan: the values from which every event's example is made."""

from __future__ import annotations

from typing import Any, Final

APPLICANT: Final = "0197a3f0-0000-7000-8000-000000000001"
APPLICATION: Final = "0197a3f0-0000-7000-8000-000000000002"
CONTRACT: Final = "0197a3f0-0000-7000-8000-000000000003"
LOAN: Final = "0197a3f0-0000-7000-8000-000000000004"
CASE: Final = "0197a3f0-0000-7000-8000-000000000005"
OTHER_LOAN: Final = "0197a3f0-0000-7000-8000-000000000007"
OTHER_CONTRACT: Final = "0197a3f0-0000-7000-8000-000000000008"
PAYMENT: Final = "0197a3f0-0000-7000-8000-000000000006"
SHA256: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def cny(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


PRODUCT: Final[dict[str, Any]] = {
    "code": "consumer-standard",
    "version": 1,
    "name": {"zh": "个人消费贷款", "en": "Personal consumption loan"},
    "kind": "consumer",
    "annual_rate": "0.18",
    "day_count": "ACT_360",
    "fees": [],
    "overdue": {"rate_multiplier": "1.5", "grace_days": 3, "on_interest": False},
    "prepayment_fee_rate": "0",
    "guarantees": ["UNSECURED"],
}
REQUEST: Final[dict[str, Any]] = {
    "applicant_id": APPLICANT,
    "applicant_kind": "PERSON",
    "product": PRODUCT,
    "amount": cny("12000.00"),
    "instalments": 12,
    "period_months": 1,
    "method": "EQUAL_INSTALMENT",
    "purpose": "household",
    "channel": "ONLINE",
    "source": "spring-campaign",
    "region": "330100",
    "guarantee": {"kind": "UNSECURED", "value": None, "description": ""},
    "monthly_income": cny("9000.00"),
    "monthly_debt_service": cny("1500.00"),
    "answers": {"current-account-status": "at-least-2000-or-salary", "savings-balance": "below-1000"},
}
TERMS: Final[dict[str, Any]] = {
    "principal": cny("12000.00"),
    "annual_rate": "0.18",
    "instalments": 12,
    "disbursed_on": "2026-02-02",
    "method": "EQUAL_INSTALMENT",
}
REASON: Final[dict[str, Any]] = {
    "code": "within-policy",
    "text": {"zh": "符合自动审批条件", "en": "Within the limits of automatic approval"},
}
ACCOUNT: Final = {"bank": "Bank of Example", "number": "6222020200012345678", "holder": "Zhang San"}
PLAN_ROW: Final[dict[str, Any]] = {
    "number": 1,
    "due": "2026-03-02",
    "principal": cny("920.16"),
    "interest": cny("180.00"),
    "fee": cny("0.00"),
    "total": cny("1100.16"),
    "balance": cny("11079.84"),
}
CO_LENDERS: Final = [
    {
        "funder": "harbour-bank",
        "legal_name": {"zh": "港湾银行股份有限公司", "en": "Harbour Bank Co., Ltd."},
        "licence": "B0000H233010001",
        "share_ppm": 700000,
        "amount": cny("8400.00"),
    },
    {"funder": "own", "legal_name": None, "licence": "", "share_ppm": 300000, "amount": cny("3600.00")},
]
