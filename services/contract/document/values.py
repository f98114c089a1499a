"""The values that a template's names stand for, all of them taken from the agreement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from libs.contracts.contract import Agreement
from libs.contracts.types import plain
from libs.contracts.values import GuaranteeKind
from libs.lending.annual_cost import percent
from libs.lending.money import Money
from services.contract.document.parties import Borrower, Lender
from services.contract.document.template import Template
from services.contract.domain.capitals import capitals

AS_SHOWN: Final = 1
"""A setting: characters get their codes in the order in which the document shows them."""
STANDING: Final = 2
"""A setting: the template's characters have the same codes in every document (docs/adr/0077-standing-codes.md)."""
SETTINGS: Final = frozenset({AS_SHOWN, STANDING})
COST_DIGITS: Final = 2
"""Decimals of an annual cost in percent, as in the example of PBoC announcement 2021 No. 3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Everything that a contract's document is made from: the same contents give the same bytes."""

    contract_id: str
    agreement: Agreement
    template: Template
    lender: Lender
    borrower: Borrower
    offered_on: date
    expires_on: date
    setting: int
    """How the document is set; the offer says it, so that it can be made again."""

    @property
    def number(self) -> str:
        return contract_number(self.contract_id, self.offered_on)


def contract_number(contract_id: str, offered_on: date) -> str:
    """A contract's number as people quote it: its day, and the beginning of its identifier."""
    return f"PH{offered_on:%Y%m%d}-{contract_id.replace('-', '')[:12].upper()}"


def values_of(contents: Contents) -> Mapping[str, str]:
    agreement, template = contents.agreement, contents.template
    terms, request = agreement.terms, agreement.request
    purpose = template.word("purpose", request.purpose)
    method = template.word("method", terms.method.value)
    day_count = template.word("day_count", terms.day_count.value)
    guarantee = template.word("guarantee", request.guarantee.kind.value)
    return {
        "contract_number": contents.number,
        "template": template.name,
        "template_digest": template.sha256[:16],
        "principal": yuan(terms.principal),
        "principal_capitals": capitals(terms.principal),
        "purpose_zh": purpose.zh,
        "purpose_en": purpose.en,
        "term_months": str(terms.instalments * terms.period.every),
        "rows": str(len(agreement.plan)),
        "annual_rate": rate(terms.annual_rate),
        "day_count_zh": day_count.zh,
        "day_count_en": day_count.en,
        "method_zh": method.zh,
        "method_en": method.en,
        "disbursed_on": terms.disbursed_on.isoformat(),
        "maturity": agreement.plan[-1].due.isoformat(),
        "prepayment_fee_rate": rate(agreement.disclosure.prepayment_fee_rate),
        "grace_days": str(agreement.overdue_grace_days),
        "overdue_rate": rate(agreement.overdue_annual_rate),
        "guarantee_zh": guarantee.zh,
        "guarantee_en": guarantee.en,
        "guarantee_description": request.guarantee.description,
        "expires_on": contents.expires_on.isoformat(),
        **_of_a_rise(agreement),
    }


def _of_a_rise(agreement: Agreement) -> Mapping[str, str]:
    """Of the clause under which the rate may be raised, where the agreement has it."""
    rule, raised = agreement.rate_increase, agreement.disclosure.raised_rate
    if rule is None or raised is None:
        return dict.fromkeys(("rate_clause", "rate_increase_max", "raised_rate", "notice_days"), "")
    return {
        "rate_clause": rule.clause,
        "rate_increase_max": rate(rule.increase_max),
        "raised_rate": rate(raised),
        "notice_days": str(rule.notice_days),
    }


def conditions_of(agreement: Agreement) -> frozenset[str]:
    """The names of the conditions that hold: which clauses the document has."""
    kind = agreement.request.guarantee.kind
    held = {
        "grace": agreement.overdue_grace_days > 0,
        "prepayment_fee": agreement.disclosure.prepayment_fee_rate > 0,
        "overdue_on_interest": agreement.request.product.overdue.on_interest,
        "guarantee": kind is not GuaranteeKind.UNSECURED,
        "shared": bool(agreement.lenders),
        "rate_increase": agreement.rate_increase is not None,
        **{other.value.lower(): kind is other for other in GuaranteeKind},
    }
    return frozenset(name if holds else f"no_{name}" for name, holds in held.items())


def yuan(amount: Money) -> str:
    """¥12,000.00"""
    return f"¥{amount.decimal:,.2f}"


def figures(amount: Money) -> str:
    """12,000.00, for a column whose head names the unit."""
    return f"{amount.decimal:,.2f}"


def rate(value: Decimal) -> str:
    """A rate in percent with all its digits: 0.27 is 27%."""
    return f"{plain(value * 100)}%"


def cost(value: Decimal) -> str:
    """An annual cost in percent."""
    return f"{percent(value, COST_DIGITS)}%"
