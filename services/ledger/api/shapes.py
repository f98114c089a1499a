"""How loans look from outside."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import ConfigDict, Field

from libs.contracts import examples as ex
from libs.contracts.ledger import POSITION, Bucket, LoanPosition, RepaymentPurpose, Tier
from libs.contracts.values import Components
from libs.lending.money import Money
from libs.service.models import Code, DecimalField, Id, MoneyField, RateField, ResponseModel
from services.ledger.domain.account import Account, advance, penalty_of
from services.ledger.domain.loan import Loan, PaymentState, Receipt, Status
from services.ledger.domain.policy import Policy
from services.ledger.domain.position import components, position

CNY: dict[str, str] = ex.cny("1100.16")


def example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


class InstalmentState(ResponseModel):
    """One instalment: as planned, and what is open of it. Number 0 is what was due with the payout."""

    model_config = example(
        number=1,
        due="2026-03-02",
        principal=ex.cny("920.16"),
        interest=ex.cny("180.00"),
        fee=ex.cny("0.00"),
        total=CNY,
        open=ex.cny("0.00"),
        penalty=ex.cny("0.00"),
        state="PAID",
    )

    number: int
    due: date
    principal: MoneyField
    interest: MoneyField
    fee: MoneyField
    total: MoneyField
    open: MoneyField = Field(description="What is left to pay, overdue interest included.")
    penalty: MoneyField = Field(description="Overdue interest on this instalment so far, paid or not.")
    state: str = Field(description="PAID, DUE, OVERDUE, or COMING.")


class PaymentShown(ResponseModel):
    """The payout: its last attempt."""

    model_config = example(payment_id=ex.PAYMENT, attempt=1, state="CONFIRMED", reason="")

    payment_id: Id
    attempt: int
    state: PaymentState
    reason: str


class RepaymentShown(ResponseModel):
    """Money that came in, and where it went as things were known then."""

    model_config = example(
        loan_id=ex.LOAN,
        repayment_id="repayment-1",
        amount=CNY,
        value_date="2026-03-02",
        received_on="2026-03-02",
        purpose="INSTALMENT",
        channel="bank-transfer",
        bank_reference="R20260302-000001",
        allocated={
            "principal": ex.cny("920.16"),
            "interest": ex.cny("180.00"),
            "fee": ex.cny("0.00"),
            "penalty": ex.cny("0.00"),
        },
        credit=ex.cny("0.00"),
        recovery=False,
        reversed_on=None,
        reversal_reason="",
    )

    loan_id: Id
    repayment_id: Id
    amount: MoneyField
    value_date: date
    received_on: date
    purpose: RepaymentPurpose
    channel: Code
    bank_reference: str
    allocated: Components
    credit: MoneyField
    recovery: bool = Field(description="Whether it came after the write-off.")
    reversed_on: date | None
    reversal_reason: str


class LoanShown(ResponseModel):
    """A loan as it stands on the business date."""

    model_config = example(
        loan_id=ex.LOAN,
        application_id=ex.APPLICATION,
        applicant_id=ex.APPLICANT,
        contract_id=ex.CONTRACT,
        state="ACTIVE",
        product="consumer-standard",
        grade="B",
        principal=ex.cny("12000.00"),
        annual_rate="0.18",
        booked_on="2026-02-02",
        disbursed_on="2026-02-02",
        matures_on="2027-02-02",
        closed_on=None,
        payment={"payment_id": ex.PAYMENT, "attempt": 1, "state": "CONFIRMED", "reason": ""},
        position=POSITION,
        tier="NORMAL",
        bucket="CURRENT",
        write_off_requested_by=None,
        recovered=ex.cny("0.00"),
        undrawn=ex.cny("0.00"),
        refinances=None,
        refinanced_by=None,
        funder="OWN",
    )

    loan_id: Id
    application_id: Id
    applicant_id: Id
    contract_id: Id
    state: Status
    product: Code
    grade: str
    principal: MoneyField
    annual_rate: RateField
    booked_on: date
    disbursed_on: date | None
    matures_on: date | None
    closed_on: date | None
    payment: PaymentShown | None
    position: LoanPosition | None = Field(description="None until the money was paid out, or after it came back.")
    tier: Tier
    bucket: Bucket
    write_off_requested_by: str | None
    recovered: MoneyField
    undrawn: MoneyField = Field(description="Of the principal, what was not paid out yet.")
    refinances: Id | None = Field(description="The loan that this one was made to end.")
    refinanced_by: Id | None = Field(description="The loan that has ended this one.")
    funder: str = Field(description="Whose claim it is; OWN is the lender itself.")


class RepaymentAnswer(ResponseModel):
    """A repayment with the loan after it."""

    repayment: RepaymentShown
    loan: LoanShown


class PayoffShown(ResponseModel):
    """What ends a loan on one date, and no other."""

    model_config = example(
        loan_id=ex.LOAN,
        on="2026-04-10",
        components={
            "principal": ex.cny("10145.88"),
            "interest": ex.cny("40.58"),
            "fee": ex.cny("0.00"),
            "penalty": ex.cny("0.00"),
        },
        credit=ex.cny("0.00"),
        total=ex.cny("10186.46"),
        prepayment_fee_rate="0",
    )

    loan_id: Id
    on: date
    components: Components
    credit: MoneyField = Field(description="What was paid in advance; it is taken off.")
    total: MoneyField = Field(description="What has to come in on that date, with purpose PAYOFF.")
    prepayment_fee_rate: DecimalField


def loan_shown(loan: Loan, today: date, policy: Policy) -> LoanShown:
    booked = loan.agreed
    payment = loan.payment
    return LoanShown(
        loan_id=booked.loan_id,
        application_id=booked.application_id,
        applicant_id=booked.applicant_id,
        contract_id=booked.contract_id,
        state=loan.status,
        product=booked.agreement.request.product.code,
        grade=booked.agreement.grade,
        principal=booked.agreement.terms.principal,
        annual_rate=booked.agreement.terms.annual_rate,
        booked_on=booked.booked_on,
        disbursed_on=loan.disbursed.value_date if loan.disbursed else None,
        matures_on=loan.account.plan.maturity if loan.account else None,
        closed_on=loan.closed_on,
        payment=PaymentShown(
            payment_id=payment.payment_id, attempt=payment.attempt, state=payment.state, reason=payment.reason
        )
        if payment
        else None,
        position=position(loan.account, today, policy.buckets) if loan.account else None,
        tier=loan.tier,
        bucket=loan.bucket,
        write_off_requested_by=loan.write_off_request.requested_by if loan.write_off_request else None,
        recovered=Money(loan.recovered, loan.currency),
        undrawn=_undrawn(loan),
        refinances=booked.refinances.loan_id if booked.refinances else None,
        refinanced_by=loan.refinanced_by,
        funder=loan.funder,
    )


def _undrawn(loan: Loan) -> Money:
    first = loan.disbursed.amount.minor if loan.disbursed is not None else 0
    return loan.agreed.agreement.terms.principal - Money(first + sum(d.amount for d in loan.draws), loan.currency)


def repayment_shown(loan: Loan, receipt: Receipt) -> RepaymentShown:
    return RepaymentShown(
        loan_id=loan.loan_id,
        repayment_id=receipt.repayment_id,
        amount=receipt.amount,
        value_date=receipt.value_date,
        received_on=receipt.received_on,
        purpose=receipt.purpose,
        channel=receipt.channel,
        bank_reference=receipt.bank_reference,
        allocated=components(receipt.allocated, loan.currency),
        credit=Money(receipt.credit, loan.currency),
        recovery=receipt.recovery,
        reversed_on=receipt.reversed_on,
        reversal_reason=receipt.reversal_reason,
    )


def plan_shown(account: Account, on: date) -> list[InstalmentState]:
    """The plan with what is open of each instalment on a date."""
    account = advance(account, on)
    planned = {row.number: row for row in account.instalments}
    shown = []
    for row in account.rows:
        plan = planned.get(row.number)
        parts = (
            (plan.principal_minor, plan.interest_minor, plan.fee_minor)
            if plan
            else (0, 0, account.plan.upfront_fee.minor)
        )
        penalty = penalty_of(row, account.overdue, on)
        left = row.planned_open + penalty - row.penalty_paid
        principal, interest, fee = (Money(part, account.currency) for part in parts)
        shown.append(
            InstalmentState(
                number=row.number,
                due=row.due,
                principal=principal,
                interest=interest,
                fee=fee,
                total=principal + interest + fee,
                open=Money(left, account.currency),
                penalty=Money(penalty, account.currency),
                state=_state(left, row.due, on),
            )
        )
    return shown


def _state(left: int, due: date, on: date) -> str:
    if left == 0:
        return "PAID"
    if due > on:
        return "COMING"
    return "DUE" if due == on else "OVERDUE"
