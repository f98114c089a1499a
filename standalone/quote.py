"""`puhui quote`: what a loan would cost, before there is one."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from libs.lending.annual_cost import percent
from libs.lending.disclosure import CostDisclosure, CostItem, cost_disclosure
from libs.lending.money import Money
from libs.lending.schedule import RepaymentPlan, repayment_plan
from libs.lending.terms import Fee, LoanTerms, RepaymentMethod

PRODUCTS = Path(__file__).with_name("quote_products.json")

app = typer.Typer(help="Quote a loan: repayment plan, costs, annual cost by both methods.")

TABLE_WIDTH = 100
LENDER_ZONE = ZoneInfo("Asia/Shanghai")
METHOD_NAMES = {
    "等额本息": RepaymentMethod.EQUAL_INSTALMENT,
    "等额本金": RepaymentMethod.EQUAL_PRINCIPAL,
    "按期付息到期还本": RepaymentMethod.INTEREST_ONLY_BALLOON,
    "到期一次还本付息": RepaymentMethod.BULLET,
}


class QuoteError(ValueError):
    """What was asked is outside the product; the message says what is possible."""


def find_product(code: str, on: date, file: Path = PRODUCTS) -> dict[str, Any]:
    """The product in force on a day."""
    products = json.loads(file.read_text(encoding="utf-8"))["products"]
    known = [product for product in products if date.fromisoformat(product["effective_from"]) <= on]
    found = [product for product in known if product["code"] == code]
    if not found:
        raise QuoteError(f"no product {code!r} on {on}; there are: {', '.join(p['code'] for p in known) or 'none'}")
    return dict(max(found, key=lambda product: str(product["effective_from"])))


def method_of(name: str | None, product: dict[str, Any]) -> RepaymentMethod:
    """A repayment method by its name in English or Chinese; the product's first when none is named."""
    wanted = METHOD_NAMES.get(name) if name else None
    code = wanted.value if wanted else (name or product["methods"][0]).upper().replace("-", "_")
    if code not in product["methods"]:
        raise QuoteError(f"{product['code']} has no method {name!r}; it has: {', '.join(product['methods'])}")
    return RepaymentMethod(code)


def quote_plan(product: dict[str, Any], amount: Money, months: int, method: RepaymentMethod, on: date) -> RepaymentPlan:
    """The plan of a product for an amount and a term; raises `QuoteError` outside its limits."""
    low, high = Money.of(product["amount"]["min"]), Money.of(product["amount"]["max"])
    if not low <= amount <= high:
        raise QuoteError(f"{product['code']} lends {low.amount} to {high.amount}")
    terms = product["term_months"]
    if not terms["min"] <= months <= terms["max"]:
        raise QuoteError(f"{product['code']} runs {terms['min']} to {terms['max']} months")
    data = {
        **product["terms"],
        "principal": {"amount": amount.amount, "currency": amount.currency},
        "instalments": months,
        "disbursed_on": on.isoformat(),
        "method": method.value,
    }
    return repayment_plan(LoanTerms.from_json(data))


def quote_json(product: dict[str, Any], plan: RepaymentPlan, costs: CostDisclosure) -> dict[str, Any]:
    """The quotation as plain JSON: amounts and rates as decimal strings, rates in percent where so named."""
    terms, cost = plan.terms, costs.annual
    return {
        "product": product["code"],
        "name": product["name"],
        "amount": terms.principal.amount,
        "currency": terms.principal.currency,
        "term_months": terms.instalments,
        "method": terms.method.value,
        "disbursement_date": terms.disbursed_on.isoformat(),
        "maturity_date": plan.maturity.isoformat(),
        "annual_rate_percent": percent(terms.annual_rate),
        "plan": plan.to_json(),
        "costs": {
            "interest": plan.interest.amount,
            "fees": plan.fee.amount,
            "fees_at_disbursement": plan.upfront_fee.amount,
            "items": [_fee_item(fee, item) for fee, item in zip(terms.fees, costs.items[1:], strict=True)],
            "total": costs.total.amount,
            "paid_out": costs.paid_out.amount,
            "total_repaid": plan.total.amount,
        },
        "annual_cost": {
            "method": "PBoC announcement 2021 No. 3",
            "irr_percent": percent(cost.irr),
            "simple_percent": percent(cost.simple),
            "simple_is_labelled": "单利",
        },
    }


def _fee_item(fee: Fee, item: CostItem) -> dict[str, Any]:
    return {
        "code": fee.code,
        "payee": fee.payee,
        "timing": fee.timing.value,
        "amount": fee.amount.amount if fee.amount else None,
        "rate_percent": percent(fee.rate) if fee.rate is not None else None,
        "base": fee.base.value,
        "total": item.amount.amount,
    }


def show(product: dict[str, Any], plan: RepaymentPlan, costs: CostDisclosure) -> None:
    """The quotation as a table for people."""
    table = Table(title=f"{product['name']['zh-CN']} · {product['name']['en']}")
    for heading in ("期 n", "到期日 due", "本金 principal", "利息 interest", "费用 fee", "合计 total", "余额 balance"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in plan.rows:
        amounts = (row.principal, row.interest, row.fee, row.total, row.closing)
        table.add_row(str(row.number), row.due.isoformat(), *(amount.amount for amount in amounts))
    console = Console()
    console.width = max(console.width, TABLE_WIDTH)
    console.print(table)
    console.print(f"利息 interest {plan.interest.amount}  费用 fees {plan.fee.amount}  合计 total {plan.total.amount}")
    for item in costs.items:
        console.print(f"  {item.code}  {item.payee}  {item.amount.amount}")
    cost = costs.annual
    console.print(
        f"综合融资成本 annual cost: {percent(cost.irr, 2)} % (IRR), {percent(cost.simple, 2)} % (单利 simple rate)"
    )


@app.command()
def quote(
    product: Annotated[str, typer.Option(help="Product code.")],
    amount: Annotated[str, typer.Option(help="Amount, a decimal number.")],
    term: Annotated[int, typer.Option(help="Term in months.")],
    method: Annotated[str | None, typer.Option(help="Repayment method, in English or Chinese.")] = None,
    on: Annotated[str | None, typer.Option("--date", help="Disbursement date, ISO 8601; today when left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Quote a loan: repayment plan, costs, annual cost by both methods."""
    try:
        day = date.fromisoformat(on) if on else datetime.now(LENDER_ZONE).date()
        found = find_product(product, day)
        plan = quote_plan(found, Money.of(amount), term, method_of(method, found), day)
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    costs = cost_disclosure(plan)
    if as_json:
        typer.echo(json.dumps(quote_json(found, plan, costs), ensure_ascii=False, indent=2))
    else:
        show(found, plan, costs)


if __name__ == "__main__":
    app()
