"""What a loan costs, every item of it with who charges it: 综合融资成本明示 (金规〔2026〕2号, PBoC announcement 2021 No. 3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from libs.lending.annual_cost import AnnualCost, annual_cost
from libs.lending.fees import fee_minor, instalment_fees
from libs.lending.money import Money, total
from libs.lending.schedule import RepaymentPlan
from libs.lending.terms import Fee, FeeTiming

INTEREST: Final = "interest"
LENDER: Final = "LENDER"


class CostItem(NamedTuple):
    """One cost over the whole term; `timing` is None for interest, which comes with the instalments."""

    code: str
    payee: str
    timing: FeeTiming | None
    amount: Money


@dataclass(frozen=True, slots=True)
class CostDisclosure:
    """Everything that a borrower pays beyond what is lent, and what that is a year by both methods.

    `paid_out` is what the borrower has in hand once the fees of the first day are paid.
    """

    principal: Money
    paid_out: Money
    items: tuple[CostItem, ...]
    annual: AnnualCost

    @property
    def total(self) -> Money:
        """All costs together: what is repaid beyond the principal."""
        return total((item.amount for item in self.items), self.principal.currency)


def cost_disclosure(plan: RepaymentPlan) -> CostDisclosure:
    """The costs of a plan, interest first, then each fee of its terms in order."""
    terms = plan.terms
    interest = CostItem(INTEREST, LENDER, None, plan.interest)
    fees = (CostItem(fee.code, fee.payee, fee.timing, fee_total(plan, fee)) for fee in terms.fees)
    return CostDisclosure(terms.principal, terms.principal - plan.upfront_fee, (interest, *fees), annual_cost(plan))


def fee_total(plan: RepaymentPlan, fee: Fee) -> Money:
    """What one fee of the plan's terms comes to over the whole term."""
    terms = plan.terms
    if fee.timing is not FeeTiming.EACH_INSTALMENT:
        return Money(fee_minor(fee, terms.principal.minor, terms), terms.principal.currency)
    parts = [(row.principal_minor, row.interest_minor) for row in plan.rows]
    drawn = [row.drawn_minor for row in plan.rows]
    charges = instalment_fees(replace(terms, fees=(fee,)), plan.rows[0].opening_minor, parts, drawn)
    return Money(sum(charges), terms.principal.currency)
