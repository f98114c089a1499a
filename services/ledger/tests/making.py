"""Contracts to make loans of, and the way a test asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from importlib import import_module
from typing import Any
from uuid import UUID, uuid5

import httpx

from libs.contracts.contract import Agreement, ContractSigned
from libs.contracts.values import BankAccount, RateIncreaseRule, plan_rows
from libs.events.ids import derive_id
from libs.lending.money import Money
from libs.lending.schedule import repayment_plan
from libs.lending.terms import LoanTerms

NAMES = UUID("5b1f9a3e-55a1-5c3f-9d0e-3b9a1c0f4d27")
DAY = date(2026, 1, 5)
"""The business date on which an empty store begins."""


@cache
def contract_id(n: int) -> str:
    return str(uuid5(NAMES, f"contract/{n}"))


@cache
def loan_id(n: int) -> str:
    return str(derive_id(UUID(contract_id(n)), "loan"))


@cache
def applicant_id(n: int) -> str:
    return str(uuid5(NAMES, f"applicant/{n}"))


def loan_terms(**changes: Any) -> LoanTerms:
    given: dict[str, Any] = {
        "principal": Money.of("12000.00"),
        "annual_rate": Decimal("0.18"),
        "instalments": 12,
        "disbursed_on": DAY,
        **changes,
    }
    return LoanTerms(**given)


RISE = RateIncreaseRule(clause="watched-rate", increase_max=Decimal("0.02"), notice_days=30)


def signed(
    n: int = 1,
    *,
    grace_days: int = 3,
    prepayment_fee_rate: str = "0",
    irr: str = "0.195618",
    rise: RateIncreaseRule | None = None,
    **terms: Any,
) -> ContractSigned:
    """A signed contract; `terms` change the loan's terms, `rise` is the clause under which its rate may be raised."""
    agreed = loan_terms(**terms)
    example = ContractSigned.model_validate(ContractSigned.example)
    plan = repayment_plan(agreed)
    agreement = Agreement(
        request=example.agreement.request.model_copy(
            update={
                "applicant_id": applicant_id(n),
                "amount": agreed.principal,
                "instalments": agreed.instalments,
                "method": agreed.method,
            }
        ),
        terms=agreed,
        plan=plan_rows(plan),
        disclosure=example.agreement.disclosure.model_copy(
            update={
                "principal": agreed.principal,
                "irr_annual": Decimal(irr),
                "prepayment_fee_rate": Decimal(prepayment_fee_rate),
                "raised_rate": agreed.annual_rate + rise.increase_max if rise else None,
            }
        ),
        overdue_annual_rate=agreed.annual_rate * Decimal("1.5"),
        overdue_grace_days=grace_days,
        grade="B",
        score=612,
        rate_increase=rise,
    )
    return example.model_copy(
        update={
            "contract_id": contract_id(n),
            "application_id": str(uuid5(NAMES, f"application/{n}")),
            "agreement": agreement,
            "account": BankAccount(bank="Bank of Example", number="6222020200012345678", holder="Zhang San"),
            "signed_on": agreed.disbursed_on,
        }
    )


@dataclass
class OutsideBank:
    """The simulated bank beside the service under test, over HTTP. The ledger's own code never imports it."""

    app: Any

    @property
    def transport(self) -> httpx.ASGITransport:
        return httpx.ASGITransport(self.app, raise_app_exceptions=False)

    async def totals(self) -> dict[str, Any]:
        async with httpx.AsyncClient(transport=self.transport, base_url="http://bank.test") as client:
            answer: dict[str, Any] = (await client.get("/bank/totals")).json()
            return answer


def outside_bank(seed: int = 1, **faults: Any) -> OutsideBank:
    bank, fault_rates = import_module("services.bank.app"), import_module("services.bank.faults")
    return OutsideBank(bank.create_bank(seed, fault_rates.Faults(**faults)))
