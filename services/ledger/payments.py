"""Paying out through the bank: each payment id is honoured once, and nothing is paid again before the bank has said
that the former payment did not and will not move money.

A payment without an answer is unresolved: the bank is asked about it until it says. When it knows nothing of it, the
same payment is sent once more under the same id, which the bank pays at most once.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from libs.events.canonical import canonical
from libs.events.commands import Cause
from libs.events.envelope import Actor
from libs.events.ids import derive_id
from libs.events.store import Session, Task
from libs.events.tasks import Finish, Job, Tasks, TryLater
from libs.service.runtime import Runtime
from services.ledger.bank import Bank, BankPayment, BankState, NoAnswer, NotSent, purpose_of
from services.ledger.domain.commands import (
    ConfirmDisbursement,
    FailDisbursement,
    LeaveUnresolved,
    LoanCommand,
)
from services.ledger.domain.disbursement import PAID
from services.ledger.domain.loan import Loan
from services.ledger.domain.payouts import payment_id_of
from services.ledger.handlers import LOAN
from services.ledger.library import library

PAY: Final = "pay"
INQUIRE: Final = "inquire"
PATIENCE: Final = timedelta(milliseconds=100)
"""Before the bank is asked again about a payment that it has accepted."""
ACTOR: Final = Actor("service:ledger", "service")


class Payments:
    """The tasks that talk to the bank. `runtime` is given when the service starts."""

    runtime: Runtime

    def __init__(self) -> None:
        self.tasks = Tasks()
        self.tasks.on(PAY)(self.pay)
        self.tasks.on(INQUIRE)(self.inquire)

    @property
    def bank(self) -> Bank:
        bank: Bank | None = self.runtime.extras.get("bank")
        if bank is None:
            raise TryLater("no bank is configured: set PUHUI_BANK_URL", timedelta(seconds=30))
        return bank

    async def pay(self, job: Job) -> Finish | None:
        """Send the payment that the loan waits for."""
        payment_id = str(job.payload["payment_id"])
        loan, _ = await self.runtime.commands.state(LOAN, job.key)
        if loan.payment is None or loan.payment.payment_id != payment_id or loan.payment.state in PAID:
            return None
        requested_on = date.fromisoformat(job.payload["requested_on"])
        try:
            purpose = purpose_of(job.key, loan.payment.tranche)
            answer = await self.bank.pay(payment_id, loan.payment.amount, loan.agreed.account, purpose, requested_on)
        except NotSent as error:
            raise TryLater(str(error)) from error
        except NoAnswer as error:
            return self._unresolved(job, payment_id, str(error))
        return self._answered(job, loan, answer)

    async def inquire(self, job: Job) -> Finish | None:
        """Ask what became of a payment, until the bank says."""
        payment_id = str(job.payload["payment_id"])
        loan, _ = await self.runtime.commands.state(LOAN, job.key)
        try:
            answer = await self.bank.inquire(payment_id)
        except (NotSent, NoAnswer) as error:
            raise TryLater(str(error)) from error
        if answer is None:
            return self._again(job, PAY, payment_id)
        if answer.state is BankState.ACCEPTED:
            raise TryLater("the bank has not decided yet", PATIENCE)
        return self._answered(job, loan, answer)

    def _answered(self, job: Job, loan: Loan, answer: BankPayment) -> Finish:
        if answer.state is BankState.ACCEPTED:
            return self._again(job, INQUIRE, answer.payment_id)

        async def finish(session: Session) -> None:
            for command in self._commands(loan, answer):
                await self._handle(session, job, command)

        return finish

    def _commands(self, loan: Loan, answer: BankPayment) -> list[LoanCommand]:
        """What an answer means for the loan. A return is left to the statement, which has its date."""
        today = self.runtime.today
        policy = library().policy(today)
        if answer.state is BankState.REFUSED:
            assert loan.payment is not None, "only a requested payment is answered"
            return [
                FailDisbursement(
                    today=today,
                    policy=policy,
                    payment_id=answer.payment_id,
                    reason=answer.reason,
                    retryable=answer.retryable,
                    next_payment_id=payment_id_of(loan.loan_id, loan.payment.attempt + 1, loan.payment.tranche),
                )
            ]
        return [
            ConfirmDisbursement(
                today=today,
                policy=policy,
                payment_id=answer.payment_id,
                bank_reference=answer.reference,
                value_date=answer.value_date,
            )
        ]

    def _unresolved(self, job: Job, payment_id: str, reason: str) -> Finish:
        today = self.runtime.today
        command = LeaveUnresolved(today=today, policy=library().policy(today), payment_id=payment_id, reason=reason)
        inquire = self._again(job, INQUIRE, payment_id)

        async def finish(session: Session) -> None:
            await self._handle(session, job, command)
            await inquire(session)

        return finish

    def _again(self, job: Job, kind: str, payment_id: str) -> Finish:
        """Another task after this one."""
        payload: dict[str, Any] = {**job.payload, "payment_id": payment_id}
        task = Task(derive_id(job.task_id, kind), kind, job.key, canonical(payload))

        async def finish(session: Session) -> None:
            await session.schedule([task])

        return finish

    async def _handle(self, session: Session, job: Job, command: LoanCommand) -> None:
        cause = Cause(
            actor=ACTOR,
            correlation_id=str(job.payload.get("correlation_id", job.task_id)),
            effective_date=command.today.isoformat(),
            rules={"ledger-policy": command.policy.label},
        )
        await self.runtime.commands.handle(LOAN, job.key, command, cause, within=session)
