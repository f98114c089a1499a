"""Loans as the ledger tells of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid5

from libs.contracts import examples as ex
from libs.contracts.base import DomainEvent
from libs.contracts.ledger import (
    Bucket,
    BusinessDayOpened,
    DelinquencyChanged,
    DisbursementReturned,
    LoanBooked,
    LoanDisbursed,
    LoanPosition,
    LoanSettled,
    LoanWrittenOff,
    RepaymentPurpose,
    RepaymentReceived,
    RepaymentReversed,
    SettlementKind,
)
from libs.contracts.values import Components, PlanRow
from libs.lending.money import Money
from libs.service.testing import Served
from services.collections.handlers import case_id

NONE = Money(0)
INSTALMENT = Money.of("1100.00")
DISBURSED = date(2026, 2, 2)
DUES = (date(2026, 3, 2), date(2026, 4, 2), date(2026, 5, 2))
LOANS = UUID("0197a3f0-0000-7000-8000-00000000aaaa")


def components(amount: Money) -> Components:
    return Components(principal=amount, interest=NONE, fee=NONE, penalty=NONE)


def bucket(days: int) -> Bucket:
    return Bucket.CURRENT if days == 0 else Bucket(f"M{min((days - 1) // 30 + 1, 7)}")


def position(
    on: date,
    *,
    days: int = 0,
    overdue: Money = NONE,
    outstanding: Money = INSTALMENT * 3,
    credit: Money = NONE,
    next_due: date | None = None,
    next_amount: Money | None = None,
) -> LoanPosition:
    return LoanPosition(
        as_of=on,
        outstanding=components(outstanding),
        due=components(overdue),
        overdue=components(overdue),
        days_past_due=days,
        bucket=bucket(days),
        credit=credit,
        next_due=next_due,
        next_amount=next_amount,
    )


@dataclass
class TheLoan:
    """Three instalments of 1,100, and what happens to them."""

    running: Served
    number: int = 0
    applicant_id: str = ex.APPLICANT
    _repayments: int = field(default=0)

    @property
    def loan_id(self) -> str:
        return str(uuid5(LOANS, str(self.number)))

    @property
    def stream_id(self) -> str:
        return f"loan-{self.loan_id}"

    def case(self, opened_on: date) -> str:
        return case_id(self.loan_id, opened_on)

    async def happens(self, event: DomainEvent) -> None:
        await self.running.publish(self.stream_id, event)

    def booking(self, rule: dict[str, Any] | None = None) -> LoanBooked:
        """With a clause under which the rate may be raised, where one is given."""
        agreement = LoanBooked.example["agreement"] | {"rate_increase": rule}
        ids = {"loan_id": self.loan_id, "applicant_id": self.applicant_id}
        return LoanBooked.model_validate(LoanBooked.example | ids | {"agreement": agreement})

    def disbursement(self, dues: tuple[date, ...] = DUES) -> LoanDisbursed:
        plan = tuple(
            PlanRow(
                number=number,
                due=due,
                principal=INSTALMENT,
                interest=NONE,
                fee=NONE,
                total=INSTALMENT,
                balance=INSTALMENT * (len(dues) - number),
            )
            for number, due in enumerate(dues, 1)
        )
        example: dict[str, Any] = LoanDisbursed.example | {
            "loan_id": self.loan_id,
            "applicant_id": self.applicant_id,
            "plan": plan,
            "value_date": DISBURSED,
        }
        return LoanDisbursed.model_validate(example)

    def delinquency(self, on: date, days: int, overdue: Money = INSTALMENT, **more: Any) -> DelinquencyChanged:
        return DelinquencyChanged(
            loan_id=self.loan_id,
            application_id=ex.APPLICATION,
            applicant_id=self.applicant_id,
            previous=Bucket.CURRENT if days else Bucket.M1,
            position=position(on, days=days, overdue=overdue if days else NONE, **more),
            changed_on=on,
        )

    def repayment(self, on: date, amount: Money, at: LoanPosition, value_date: date | None = None) -> RepaymentReceived:
        self._repayments += 1
        return RepaymentReceived(
            loan_id=self.loan_id,
            repayment_id=f"repayment-{self._repayments}",
            amount=amount,
            value_date=value_date or on,
            purpose=RepaymentPurpose.INSTALMENT,
            channel="bank-transfer",
            bank_reference="",
            allocated=components(amount),
            credit=at.credit,
            position=at,
            received_on=on,
        )

    def reversal(self, repayment: RepaymentReceived, on: date, at: LoanPosition) -> RepaymentReversed:
        return RepaymentReversed(
            loan_id=self.loan_id,
            repayment_id=repayment.repayment_id,
            reason="returned-by-bank",
            amount=repayment.amount,
            difference=components(-repayment.amount),
            credit_difference=NONE,
            position=at,
            reversed_on=on,
        )

    def settled(self, on: date) -> LoanSettled:
        return LoanSettled(
            loan_id=self.loan_id,
            application_id=ex.APPLICATION,
            kind=SettlementKind.EARLY,
            credit=NONE,
            settled_on=on,
        )

    def written_off(self, on: date) -> LoanWrittenOff:
        example = LoanWrittenOff.example | {"loan_id": self.loan_id, "written_off_on": on}
        return LoanWrittenOff.model_validate(example)

    def returned(self, on: date) -> DisbursementReturned:
        example = DisbursementReturned.example | {"loan_id": self.loan_id, "value_date": on}
        return DisbursementReturned.model_validate(example)


async def day_opens(running: Served, on: date, previous: date | None = None) -> None:
    event = BusinessDayOpened(business_date=on, previous=previous or on - timedelta(days=1))
    await running.publish("businessday-cn", event)
