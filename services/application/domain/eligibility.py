"""What a product asks of an applicant and a request, rule by rule: every rule that is not met, not the first alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from libs.contracts.application import ApplicantRegistered, Product
from libs.contracts.values import GuaranteeKind, LoanRequest, Named
from libs.lending.calendar import add_months
from services.application.domain.applicant import age_on

VALUED = (GuaranteeKind.MORTGAGE, GuaranteeKind.PLEDGE)
"""Securities in things, whose worth is part of the offer."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that is not met: a stable code, the member of the application concerned, and what to do about it."""

    code: str
    pointer: str
    text: Named


def findings(
    request: LoanRequest, applicant: ApplicantRegistered, product: Product | None, today: date
) -> list[Finding]:
    """Everything that stands in the way of the request under the product in force today; empty when nothing does."""
    if product is None:
        zh, en = "该产品当前不接受申请，请另选产品", "This product takes no applications now; choose another one"
        return [_finding("product-not-in-force", "/product", zh, en)]
    return [
        *_amount(request, product),
        *_term(request, product),
        *_choices(request, product),
        *_guarantee(request, product),
        *_applicant(request, applicant, product, today),
    ]


def _amount(request: LoanRequest, product: Product) -> Iterator[Finding]:
    low, high = product.amount_min, product.amount_max
    if request.amount.currency != low.currency:
        yield _finding(
            "amount-currency", "/amount", f"请以 {low.currency} 申请", f"Ask for an amount in {low.currency}"
        )
    elif not low <= request.amount <= high:
        zh, en = f"金额应在 {low} 至 {high} 之间", f"Ask for an amount from {low} to {high}"
        yield _finding("amount-out-of-range", "/amount", zh, en)


def _term(request: LoanRequest, product: Product) -> Iterator[Finding]:
    low, high = product.instalments_min, product.instalments_max
    if not low <= request.instalments <= high:
        zh, en = f"期数应在 {low} 至 {high} 之间", f"Choose {low} to {high} instalments"
        yield _finding("instalments-out-of-range", "/instalments", zh, en)
    if request.period_months not in product.period_months:
        months = ", ".join(map(str, product.period_months))
        zh, en = f"每期月数可选：{months}", f"Choose a period of these numbers of months: {months}"
        yield _finding("period-not-offered", "/period_months", zh, en)
    longest = product.term_months_max
    if longest is not None and request.instalments * request.period_months > longest:
        zh, en = f"总期限不得超过 {longest} 个月", f"Choose a term of at most {longest} months in all"
        yield _finding("term-too-long", "/instalments", zh, en)


def _choices(request: LoanRequest, product: Product) -> Iterator[Finding]:
    if request.method not in product.methods:
        choices = ", ".join(product.methods)
        zh, en = f"还款方式可选：{choices}", f"Choose a repayment method among {choices}"
        yield _finding("method-not-offered", "/method", zh, en)
    if request.purpose not in product.purposes:
        choices = ", ".join(product.purposes)
        zh, en = f"贷款用途可选：{choices}", f"Choose a purpose among {choices}"
        yield _finding("purpose-not-allowed", "/purpose", zh, en)
    if request.channel not in product.channels:
        choices = ", ".join(product.channels)
        zh, en = f"该产品的申请渠道：{choices}", f"Apply through one of these channels: {choices}"
        yield _finding("channel-not-offered", "/channel", zh, en)


def _guarantee(request: LoanRequest, product: Product) -> Iterator[Finding]:
    kind, value = request.guarantee.kind, request.guarantee.value
    if kind not in product.guarantees:
        choices = ", ".join(product.guarantees)
        zh, en = f"担保方式可选：{choices}", f"Offer security of one of these kinds: {choices}"
        yield _finding("guarantee-not-accepted", "/guarantee/kind", zh, en)
    limit = product.unsecured_max
    if (
        kind is GuaranteeKind.UNSECURED
        and limit is not None
        and request.amount.currency == limit.currency
        and request.amount > limit
    ):
        zh, en = f"超过 {limit} 须提供担保", f"Offer security, or ask for at most {limit} without"
        yield _finding("unsecured-limit-exceeded", "/guarantee/kind", zh, en)
    if kind in VALUED and (value is None or value.minor <= 0):
        yield _finding(
            "guarantee-value-missing", "/guarantee/value", "请填写担保物价值", "State the value of the security"
        )


def _applicant(
    request: LoanRequest, applicant: ApplicantRegistered, product: Product, today: date
) -> Iterator[Finding]:
    if applicant.kind not in product.applicants:
        zh, en = (
            "该产品不面向此类申请人，请另选产品",
            "This product is not for applicants of this kind; choose another one",
        )
        yield _finding("applicant-kind-not-served", "/product", zh, en)
    if applicant.birth_date is not None:
        if product.age_min is not None and age_on(applicant.birth_date, today) < product.age_min:
            zh, en = f"申请人须年满 {product.age_min} 周岁", f"Applicants must be at least {product.age_min} years old"
            yield _finding("age-below-minimum", "/applicant_id", zh, en)
        maturity = add_months(today, request.instalments * request.period_months)
        if product.age_max is not None and age_on(applicant.birth_date, maturity) > product.age_max:
            zh = f"到期时申请人年龄不得超过 {product.age_max} 周岁，请缩短期限"
            en = f"Choose a shorter term: at its end the applicant may be at most {product.age_max} years old"
            yield _finding("age-above-maximum", "/instalments", zh, en)
    if request.monthly_income.minor <= 0:
        yield _finding("income-missing", "/monthly_income", "请填写月收入", "State the monthly income")


def _finding(code: str, pointer: str, zh: str, en: str) -> Finding:
    return Finding(code, pointer, Named(zh=zh + "。", en=en + "."))
