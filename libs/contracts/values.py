"""Values that several services speak of."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from libs.contracts.base import Value
from libs.contracts.types import Code, Fact, Id, MoneyField, Personal, RateField, Text
from libs.lending.allocation import Component, Timing
from libs.lending.daycount import DayCount
from libs.lending.money import Money
from libs.lending.schedule import RepaymentPlan
from libs.lending.terms import FeeBase, FeeTiming, RepaymentMethod


class ApplicantKind(StrEnum):
    PERSON = "PERSON"
    ENTERPRISE = "ENTERPRISE"


class Channel(StrEnum):
    """How an application came in: the same rules for all (R4.3)."""

    ONLINE = "ONLINE"
    TELEPHONE = "TELEPHONE"
    BRANCH = "BRANCH"
    PARTNER = "PARTNER"


class GuaranteeKind(StrEnum):
    UNSECURED = "UNSECURED"
    """信用, 免抵押"""
    SURETY = "SURETY"
    """保证"""
    MORTGAGE = "MORTGAGE"
    """抵押"""
    PLEDGE = "PLEDGE"
    """质押"""


class Industry(StrEnum):
    """A section of GB/T 4754-2017 (国民经济行业分类)."""

    AGRICULTURE = "A"
    MINING = "B"
    MANUFACTURING = "C"
    UTILITIES = "D"
    CONSTRUCTION = "E"
    TRADE = "F"
    TRANSPORT = "G"
    HOTELS_AND_CATERING = "H"
    INFORMATION_TECHNOLOGY = "I"
    FINANCE = "J"
    REAL_ESTATE = "K"
    BUSINESS_SERVICES = "L"
    RESEARCH = "M"
    PUBLIC_FACILITIES = "N"
    RESIDENT_SERVICES = "O"
    EDUCATION = "P"
    HEALTH = "Q"
    CULTURE = "R"
    PUBLIC_ADMINISTRATION = "S"
    INTERNATIONAL_ORGANISATIONS = "T"


class Named(Value):
    """A text in both languages of the platform."""

    zh: Text
    en: Text


class FeeRule(Value):
    """A cost to the borrower: an amount or a rate of its base, when it is charged, and by whom."""

    code: Code
    name: Named
    timing: FeeTiming
    amount: MoneyField | None = None
    rate: RateField | None = None
    base: FeeBase = FeeBase.PRINCIPAL
    payee: Text = "LENDER"


class OverdueRule(Value):
    """What is charged when an instalment is late: the contract rate times a multiplier, after the days of grace."""

    rate_multiplier: RateField
    grace_days: Annotated[int, Field(ge=0, le=60)]
    on_interest: bool = False


class AllocationDirection(StrEnum):
    VERTICAL = "VERTICAL"
    """A step over all instalments, the oldest first, then the next step."""
    HORIZONTAL = "HORIZONTAL"
    """The oldest instalment whole, then the next."""


class AllocationStep(Value):
    """One step of an order of allocation: what kind of debt is paid."""

    timing: Timing
    component: Component


class AllocationRule(Value):
    """In which order a repayment pays what is due. Nothing is paid in advance: what is over is the borrower's credit."""

    direction: AllocationDirection = AllocationDirection.VERTICAL
    steps: Annotated[tuple[AllocationStep, ...], Field(min_length=1, max_length=10)]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        refuse_incomplete_steps((step.timing, step.component) for step in self.steps)
        return self


def refuse_incomplete_steps(steps: Iterable[tuple[Timing, Component]]) -> None:
    """Raises a validation error unless all that may be due is paid by some step, and nothing in advance."""
    named = list(steps)
    needed = {(t, c) for t in (Timing.PAST_DUE, Timing.DUE) for c in Component if c is not Component.COST}
    if len(set(named)) != len(named) or not needed <= set(named) or any(t is Timing.IN_ADVANCE for t, _ in named):
        raise PydanticCustomError(
            "allocation",
            "name FEE, PENALTY, INTEREST and PRINCIPAL once each as PAST_DUE and as DUE, and nothing IN_ADVANCE",
        )


class ScheduleRule(Value):
    """How a product has loans of one method repaid, where the method alone does not say it: by the seasons in which its
    borrowers earn, or in steps as a business grows. `libs.contracts.schedules` makes terms of it."""

    method: RepaymentMethod
    principal_grace: Annotated[int, Field(ge=0, le=120)] = 0
    """The first instalments that bear interest alone."""
    balloon_share: RateField | None = None
    """The part of the principal that is left for the last instalment, a fraction."""
    yearly_step: RateField | None = None
    """STEPPED: the instalments of each year over those of the year before, a fraction (0.1: a tenth more)."""
    season_months: Annotated[tuple[Annotated[int, Field(ge=1, le=12)], ...], Field(max_length=12)] = ()
    """IRREGULAR: principal falls on the instalments due in these months, and on the last, in equal parts."""


class RateIncreaseRule(Value):
    """A clause under which the lender may raise the rate of a loan that runs, while its borrower is on the watch list: by
    at most `increase_max` over the agreed rate, from so many days after he was told (Civil Code 496, 543)."""

    clause: Code
    """The name under which a measure rests on it."""
    increase_max: RateField
    notice_days: Annotated[int, Field(ge=1, le=365)]


class ProductTerms(Value):
    """The version of a product under which an application stands, as far as later steps need it."""

    code: Code
    version: Annotated[int, Field(ge=1)]
    name: Named
    kind: Code
    annual_rate: RateField
    day_count: DayCount
    fees: tuple[FeeRule, ...] = ()
    overdue: OverdueRule
    prepayment_fee_rate: RateField
    guarantees: tuple[GuaranteeKind, ...]
    allocation: AllocationRule | None = None
    """None: the legal order (Civil Code 561)."""
    schedules: tuple[ScheduleRule, ...] = ()
    """At most one for each method."""
    rate_increase: RateIncreaseRule | None = None
    """None: the rate is fixed for the term."""
    instalments_min: Annotated[int, Field(ge=1)] = 1
    instalments_max: Annotated[int, Field(ge=1)] = 360
    term_months_max: Annotated[int, Field(ge=1, le=360)] | None = None


class GuaranteeOffer(Value):
    """What the applicant offers as security, with its value where it has one."""

    kind: GuaranteeKind
    value: MoneyField | None = None
    description: str = ""


class Business(Value):
    """The business of an enterprise or of somebody self-employed, as the applicant states it; None: not stated."""

    industry: Industry | None = None
    registered_on: date | None = None
    """The date of establishment on the business licence."""
    annual_turnover: MoneyField | None = None


class LoanRequest(Value):
    """What is asked for, by whom, through which channel, under which product: an application's facts.

    It travels unchanged from the application to the decision, so that each step decides on what was submitted.
    `answers` are the inputs of indicators: codes, whole numbers, or null where the question was not answered.
    """

    applicant_id: Id
    applicant_kind: ApplicantKind
    product: ProductTerms
    amount: MoneyField
    instalments: Annotated[int, Field(ge=1, le=360)]
    period_months: Annotated[int, Field(ge=1, le=12)] = 1
    method: RepaymentMethod
    purpose: Code
    channel: Channel
    source: str = ""
    region: str = ""
    guarantee: GuaranteeOffer
    monthly_income: MoneyField
    monthly_debt_service: MoneyField
    answers: dict[str, Fact] = Field(default_factory=dict)
    shareable: bool = False
    """The applicant agreed, apart from all else, that a co-lender is told of the application (PIPL 23)."""
    region_stated: bool = False
    """The applicant named the region; otherwise it is that of the identity number, where nobody need live."""
    business: Business | None = None


class Reason(Value):
    """Why something was decided: a stable code with its text for officer and applicant."""

    code: Code
    text: Named


class Components(Value):
    """An amount of money by what it is owed for. Sums of parts; a correction may be negative."""

    principal: MoneyField
    interest: MoneyField
    fee: MoneyField
    penalty: MoneyField

    @property
    def total(self) -> Money:
        return self.principal + self.interest + self.fee + self.penalty


class PlanRow(Value):
    """One instalment of a repayment plan."""

    number: int
    due: date
    principal: MoneyField
    interest: MoneyField
    fee: MoneyField
    total: MoneyField
    balance: MoneyField


class BankAccount(Value):
    """Where money goes to or comes from. The number is personal data."""

    bank: Text
    number: Annotated[str, Field(min_length=8, max_length=34), Personal("applicant_id")]
    holder: Annotated[Text, Personal("applicant_id")]


def plan_rows(plan: RepaymentPlan) -> tuple[PlanRow, ...]:
    """A repayment plan as it is published."""
    return tuple(
        PlanRow(
            number=row.number,
            due=row.due,
            principal=row.principal,
            interest=row.interest,
            fee=row.fee,
            total=row.total,
            balance=row.closing,
        )
        for row in plan.rows
    )
