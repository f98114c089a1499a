"""The chart of accounts: data, in which posting rules find an account by the part it plays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    ASSET = "ASSET"
    LIABILITY = "LIABILITY"
    EQUITY = "EQUITY"
    INCOME = "INCOME"
    EXPENSE = "EXPENSE"


class Role(StrEnum):
    """What an account is for, whatever its number in a company's chart."""

    BANK = "bank"
    LOANS = "loans"
    INTEREST_RECEIVABLE = "interest-receivable"
    PENALTY_RECEIVABLE = "penalty-receivable"
    FEE_RECEIVABLE = "fee-receivable"
    LOSS_ALLOWANCE = "loss-allowance"
    BORROWER_CREDIT = "borrower-credit"
    SUSPENSE = "suspense"
    CLEARING = "clearing"
    """What one loan pays on another without money moving: in and out at once."""
    SUSPENDED_INTEREST = "suspended-interest"
    INTEREST_INCOME = "interest-income"
    PENALTY_INCOME = "penalty-income"
    FEE_INCOME = "fee-income"
    IMPAIRMENT_LOSS = "impairment-loss"
    WAIVED = "waived"


@dataclass(frozen=True, slots=True)
class LedgerAccount:
    code: str
    kind: Kind
    role: Role
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One account for every role."""

    name: str
    version: int
    accounts: Mapping[Role, LedgerAccount]

    def code(self, role: Role) -> str:
        return self.accounts[role].code

    def find(self, code: str) -> LedgerAccount | None:
        return next((account for account in self.accounts.values() if account.code == code), None)


def read_chart(document: dict[str, Any]) -> Chart:
    """Raises `ValueError` when a role has no account, or two accounts share a role or a code."""
    accounts = [
        LedgerAccount(entry["code"], Kind(entry["kind"]), Role(entry["role"]), entry["zh"], entry["en"])
        for entry in document["accounts"]
    ]
    by_role = {account.role: account for account in accounts}
    if set(by_role) != set(Role) or len(by_role) != len(accounts) or len({a.code for a in accounts}) != len(accounts):
        raise ValueError(f"chart {document['name']}: one account for every role, each with a code of its own")
    return Chart(document["name"], document["version"], by_role)
