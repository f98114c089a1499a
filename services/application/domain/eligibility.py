"""What a product asks of an applicant and a request, rule by rule: every rule that is not met, not the first alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from libs.contracts.application import ApplicantRegistered, Product, Segment
from libs.contracts.values import ApplicantKind, Business, GuaranteeKind, LoanRequest
from libs.lending.calendar import add_months
from services.application.domain.applicant import age_on
from services.application.domain.finding import Finding, finding
from services.application.domain.segment import Profile, outside

VALUED = (GuaranteeKind.MORTGAGE, GuaranteeKind.PLEDGE)
"""Securities in things, whose worth is part of the offer."""


def findings(
    request: LoanRequest, applicant: ApplicantRegistered, product: Product | None, today: date
) -> list[Finding]:
    """Everything that stands in the way of the request under the product in force today; empty when nothing does."""
    if product is None:
        zh, en = "该产品当前不接受申请，请另选产品", "This product takes no applications now; choose another one"
        return [finding("product-not-in-force", "/product", zh, en)]
    segment = product.segment or Segment()
    months = request.instalments * request.period_months
    return [
        *_amount(request, product),
        *_term(request, product),
        *_choices(request, product),
        *_guarantee(request, product),
        *kind_and_age(applicant.kind, applicant.birth_date, months, product, today),
        *outside(segment, _profile(request, applicant, segment), today),
    ]


def _amount(request: LoanRequest, product: Product) -> Iterator[Finding]:
    low, high = product.amount_min, product.amount_max
    if request.amount.currency != low.currency:
        yield finding("amount-currency", "/amount", f"请以 {low.currency} 申请", f"Ask for an amount in {low.currency}")
    elif not low <= request.amount <= high:
        zh, en = f"金额应在 {low} 至 {high} 之间", f"Ask for an amount from {low} to {high}"
        yield finding("amount-out-of-range", "/amount", zh, en)


def _term(request: LoanRequest, product: Product) -> Iterator[Finding]:
    low, high = product.instalments_min, product.instalments_max
    if not low <= request.instalments <= high:
        zh, en = f"期数应在 {low} 至 {high} 之间", f"Choose {low} to {high} instalments"
        yield finding("instalments-out-of-range", "/instalments", zh, en)
    if request.period_months not in product.period_months:
        months = ", ".join(map(str, product.period_months))
        zh, en = f"每期月数可选：{months}", f"Choose a period of these numbers of months: {months}"
        yield finding("period-not-offered", "/period_months", zh, en)
    longest = product.term_months_max
    if longest is not None and request.instalments * request.period_months > longest:
        zh, en = f"总期限不得超过 {longest} 个月", f"Choose a term of at most {longest} months in all"
        yield finding("term-too-long", "/instalments", zh, en)


def _choices(request: LoanRequest, product: Product) -> Iterator[Finding]:
    if request.method not in product.methods:
        choices = ", ".join(product.methods)
        zh, en = f"还款方式可选：{choices}", f"Choose a repayment method among {choices}"
        yield finding("method-not-offered", "/method", zh, en)
    if request.purpose not in product.purposes:
        choices = ", ".join(product.purposes)
        zh, en = f"贷款用途可选：{choices}", f"Choose a purpose among {choices}"
        yield finding("purpose-not-allowed", "/purpose", zh, en)
    if request.channel not in product.channels:
        choices = ", ".join(product.channels)
        zh, en = f"该产品的申请渠道：{choices}", f"Apply through one of these channels: {choices}"
        yield finding("channel-not-offered", "/channel", zh, en)


def _guarantee(request: LoanRequest, product: Product) -> Iterator[Finding]:
    kind, value = request.guarantee.kind, request.guarantee.value
    if kind not in product.guarantees:
        choices = ", ".join(product.guarantees)
        zh, en = f"担保方式可选：{choices}", f"Offer security of one of these kinds: {choices}"
        yield finding("guarantee-not-accepted", "/guarantee/kind", zh, en)
    limit = product.unsecured_max
    if (
        kind is GuaranteeKind.UNSECURED
        and limit is not None
        and request.amount.currency == limit.currency
        and request.amount > limit
    ):
        zh, en = f"超过 {limit} 须提供担保", f"Offer security, or ask for at most {limit} without"
        yield finding("unsecured-limit-exceeded", "/guarantee/kind", zh, en)
    if kind in VALUED and (value is None or value.minor <= 0):
        yield finding(
            "guarantee-value-missing", "/guarantee/value", "请填写担保物价值", "State the value of the security"
        )


def kind_and_age(
    kind: ApplicantKind, birth_date: date | None, months: int, product: Product, today: date
) -> Iterator[Finding]:
    """What keeps somebody of a kind and age from a loan of so many months; an enterprise has no age."""
    if kind not in product.applicants:
        zh, en = (
            "该产品不面向此类申请人，请另选产品",
            "This product is not for applicants of this kind; choose another one",
        )
        yield finding("applicant-kind-not-served", "/product", zh, en)
    if birth_date is not None:
        if product.age_min is not None and age_on(birth_date, today) < product.age_min:
            zh, en = f"申请人须年满 {product.age_min} 周岁", f"Applicants must be at least {product.age_min} years old"
            yield finding("age-below-minimum", "/applicant_id", zh, en)
        if product.age_max is not None and age_on(birth_date, add_months(today, months)) > product.age_max:
            zh = f"到期时申请人年龄不得超过 {product.age_max} 周岁，请缩短期限或另选产品"
            en = (
                f"At the end of the term the applicant may be at most {product.age_max} years old; choose a shorter one, "
                "or another product"
            )
            yield finding("age-above-maximum", "/instalments", zh, en)


def _profile(request: LoanRequest, applicant: ApplicantRegistered, segment: Segment) -> Profile:
    known = request.region_stated or applicant.kind is ApplicantKind.ENTERPRISE or segment.region_of_identity
    return Profile(
        region=request.region if known else "",
        business=request.business or Business(),
        monthly_income=request.monthly_income,
    )
