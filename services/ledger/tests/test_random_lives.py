"""Random lives of a few loans: whatever happens in whatever order, the incremental state equals the replay from the
first fact, every entry balances, and the control accounts hold exactly what the loans do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from libs.contracts.base import DomainEvent
from libs.contracts.ledger import ChangeKind, ChangeTerms, RepaymentPurpose, Tier
from libs.contracts.problems import Rejected
from libs.contracts.values import Components
from libs.events.canonical import canonical
from libs.lending.daycount import DayCount
from libs.lending.money import Money
from libs.lending.rounding import Rounding
from libs.lending.terms import Fee, FeeTiming, InterestAccrual, PartialPeriod, RepaymentMethod, Tranche
from services.ledger.columns import Columns, F, Kind, late_of
from services.ledger.domain import commands as c
from services.ledger.domain.account import advance, earned
from services.ledger.domain.chart import Role
from services.ledger.domain.consequences import difference
from services.ledger.domain.day import BusinessDay, CloseDay
from services.ledger.domain.loan import NO_LOAN, Loan, Refund, Status, rebuilt
from services.ledger.domain.meter import meter
from services.ledger.domain.payouts import payment_id_of
from services.ledger.domain.posting import entry_of
from services.ledger.domain.refinancing import refinanced
from services.ledger.handlers import BUSINESS_DAY, LOAN
from services.ledger.lateness import first_day_late, may_be
from services.ledger.library import library
from services.ledger.meters import AS_BEFORE
from services.ledger.portfolio import Folded, Portfolio, meter_of, next_look, row_for
from services.ledger.tests.making import DAY, applicant_id, loan_id, signed

KINDS: list[dict[str, Any]] = [
    {},
    {"method": RepaymentMethod.EQUAL_PRINCIPAL, "accrual": InterestAccrual.DAILY, "grace_days": 0},
    {"method": RepaymentMethod.INTEREST_ONLY_BALLOON, "partial_period": PartialPeriod.DAYS, "instalments": 4},
    {"method": RepaymentMethod.BULLET, "instalments": 6, "day_count": DayCount.THIRTY_E_360},
    {"rounding": Rounding.HALF_EVEN, "instalments": 3, "prepayment_fee_rate": "0.01"},
    {
        "fees": (
            Fee(code="service", timing=FeeTiming.EACH_INSTALMENT, amount=Money.of("10.00")),
            Fee(code="opening", timing=FeeTiming.AT_DISBURSEMENT, amount=Money.of("50.00")),
            Fee(code="insurance", timing=FeeTiming.FINANCED, rate=Decimal("0.01")),
        ),
        "instalments": 5,
    },
    {"instalments": 6, "tranches": (Tranche(DAY + timedelta(days=20), Money(300_000)),)},
    {
        "method": RepaymentMethod.EQUAL_PRINCIPAL,
        "accrual": InterestAccrual.DAILY,
        "tranches": tuple(Tranche(DAY + timedelta(days=days), Money(200_000)) for days in (1, 31, 45)),
        "fees": (
            Fee(code="service", timing=FeeTiming.EACH_INSTALMENT, rate=Decimal("0.001")),
            Fee(code="insurance", timing=FeeTiming.FINANCED, rate=Decimal("0.01")),
        ),
    },
    {"method": RepaymentMethod.BULLET, "instalments": 3, "tranches": (Tranche(DAY + timedelta(days=40), Money(1)),)},
]
CHANGES: list[tuple[ChangeKind, dict[str, Any]]] = [
    (ChangeKind.RATE, {"annual_rate": "0.12"}),
    (ChangeKind.RATE, {"annual_rate": "0.24"}),
    (ChangeKind.RATE, {"lpr": {"tenor": "1Y", "margin": "0.08", "reset_month": 3, "reset_day": 1}}),
    (ChangeKind.EXTENSION, {"more_instalments": 3}),
    (ChangeKind.HOLIDAY, {"skipped_instalments": 2}),
    (ChangeKind.RESTRUCTURING, {"more_instalments": 6, "annual_rate": "0.10", "with_arrears": True}),
    (ChangeKind.REAGEING, {"with_arrears": True}),
    (ChangeKind.ASSIGNMENT, {"funder": "bank-b"}),
]
LOANS = 3
MORE = 2
"""Loans that may be made to end one of the others."""
RECEIVABLES = {
    Role.INTEREST_RECEIVABLE: 0,
    Role.FEE_RECEIVABLE: 1,
    Role.PENALTY_RECEIVABLE: 2,
}
which = st.integers(0, LOANS + MORE - 1)


class Rows:
    """What a close stores of a portfolio."""

    def __init__(self, portfolio: Portfolio, loans: Mapping[str, Folded]) -> None:
        self.loans = dict(loans)
        every = range(len(portfolio.columns))
        self.stored = portfolio.columns.packed(every, AS_BEFORE)
        self.segments, self.day = list(portfolio.segments), portfolio.day

    def portfolio(self, closed: date) -> Portfolio:
        again = Portfolio(day=self.day, segments=list(self.segments))
        ids = [stored[0].bytes for stored in self.stored]
        data = np.array([np.frombuffer(stored[1], np.int64) for stored in self.stored]).T
        again.columns.fill(ids, data)
        for n, stored in enumerate(self.stored):
            again.columns.set_late(n, late_of(stored[2]))
            if data[F.KIND, n] == Kind.EXACT:
                again.columns.exact[n] = meter_of(self.loans[str(stored[0])][0], closed + timedelta(days=1))
        again.resume(library().policy(closed))
        return again


class Lives(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.today = DAY
        self.history: list[tuple[str, int, DomainEvent]] = []
        self.balances: defaultdict[Role, int] = defaultdict(int)
        self.loans: dict[str, Folded] = {}
        self.portfolio = Portfolio(day=BusinessDay(self.today))
        self.rows: Rows | None = None
        self.known_until = 0
        self.made = 0
        self.months_to_plan = 0
        """Months that may still go by to plan: each closes some thirty days, which is what a life costs."""
        self.told = 0
        """How often a row said by itself what its loan does."""

    @initialize(kinds=st.lists(st.sampled_from(KINDS), min_size=LOANS, max_size=LOANS), months=st.integers(0, 7))
    def lend(self, kinds: list[dict[str, Any]], months: int = 0) -> None:
        self.months_to_plan = months if months <= 2 else 0
        for n, kind in enumerate(kinds):
            loan = loan_id(n)
            payment_id = payment_id_of(loan, 1)
            contract = signed(n, **kind)
            self.do(n, c.BookLoan, loan_id=loan, payment_id=payment_id, signed=contract, applicant_id=applicant_id(n))
            self.do(n, c.ConfirmDisbursement, payment_id=payment_id, bank_reference="B1", value_date=self.today)

    def loan(self, n: int) -> Loan:
        return self.loans.get(loan_id(n), (NO_LOAN, 0))[0]

    def ago(self, n: int, days: int) -> date:
        """So many days before today, or the day on which the money was paid out."""
        paid_out = self.loan(n).disbursed
        day = self.today - timedelta(days=days)
        return max(day, paid_out.value_date) if paid_out is not None else day

    def do(self, n: int, command: type[c.LoanCommand], **values: Any) -> bool:
        """Decide, record and post; whether it was admitted."""
        asked = command(today=self.today, policy=library().policy(self.today), **values)
        try:
            events = LOAN.decide(asked, self.loans.get(loan_id(n), (NO_LOAN, 0))[0])
        except Rejected:
            return False
        self.record(loan_id(n), events)
        return True

    def record(self, key: str, events: Sequence[DomainEvent]) -> None:
        for event in events:
            loan, version = self.loans.get(key, (NO_LOAN, 0))
            self.loans[key] = LOAN.evolve(loan, event), version + 1
            self.history.append((key, version + 1, event))
            self.post(event)
            self.portfolio.hear(key, version + 1, event.type_name, canonical(event.payload()))

    def post(self, event: DomainEvent) -> None:
        entry = entry_of(type(event).model_validate(event.payload()))
        for line in entry.lines if entry else ():
            self.balances[line.role] += line.amount

    @rule(n=which, amount=st.integers(1, 400_000), back=st.integers(0, 70))
    def repay(self, n: int, amount: int, back: int) -> None:
        self.receive(n, amount, back, RepaymentPurpose.INSTALMENT)

    @rule(n=which, share=st.sampled_from([1, 1, 2]), back=st.integers(0, 40))
    def repay_what_is_overdue(self, n: int, share: int, back: int) -> None:
        loan = self.loan(n)
        if loan.account is not None:
            on = self.ago(n, back)
            open_now = sum(debt.planned_open for debt in advance(loan.account, on).rows if debt.due <= on)
            self.receive(n, max(1, open_now // share), back, RepaymentPurpose.INSTALMENT)

    @precondition(lambda self: self.months_to_plan > 0)
    @rule(n=which)
    def keep_to_the_plan(self, n: int) -> None:
        """Until the next due date, and then its instalment."""
        self.months_to_plan -= 1
        loan = self.loan(n)
        coming = next((row for row in loan.account.rows if row.due > self.today), None) if loan.account else None
        if coming is not None:
            self.close_days((coming.due - self.today).days, pays=True)
            self.repay_what_is_overdue(n, 1, 0)

    @rule(n=which, back=st.integers(0, 10))
    def pay_off(self, n: int, back: int) -> None:
        self.receive(n, 2_000_000, back, RepaymentPurpose.PAYOFF)

    def receive(self, n: int, amount: int, back: int, purpose: RepaymentPurpose) -> None:
        self.made += 1
        self.do(
            n,
            c.ReceiveRepayment,
            repayment_id=f"r{self.made}",
            amount=Money(amount),
            value_date=self.ago(n, back),
            purpose=purpose,
            channel="bank-transfer",
            bank_reference="",
            closed_periods=True,
        )

    @rule(n=which, pick=st.integers(0, 10**6))
    def reverse(self, n: int, pick: int) -> None:
        receipts = self.loan(n).receipts
        if receipts:
            receipt = receipts[pick % len(receipts)]
            self.do(n, c.ReverseRepayment, repayment_id=receipt.repayment_id, reason="returned-by-bank")

    @rule(n=which, amount=st.integers(100_000, 900_000), fewer=st.booleans(), back=st.integers(0, 20))
    def prepay(self, n: int, amount: int, fewer: bool, back: int) -> None:
        purpose = RepaymentPurpose.FEWER_INSTALMENTS if fewer else RepaymentPurpose.SMALLER_INSTALMENTS
        self.receive(n, amount, back, purpose)

    @rule(n=which, pick=st.integers(0, 10**6))
    def reinstate(self, n: int, pick: int) -> None:
        receipts = [receipt for receipt in self.loan(n).receipts if receipt.reversed_on is not None]
        if receipts:
            receipt = receipts[pick % len(receipts)]
            self.do(n, c.ReinstateRepayment, repayment_id=receipt.repayment_id, reason="returned-in-error")

    @rule(n=which, share=st.sampled_from([1, 1, 3]))
    def refund(self, n: int, share: int) -> None:
        loan = self.loan(n)
        credit = advance(loan.account, self.today).credit if loan.account else loan.posted_credit
        if credit >= share:
            self.made += 1
            amount = Money(credit // share)
            assert self.do(n, c.RefundCredit, refund_id=f"b{self.made}", amount=amount, bank_reference="") or (
                loan.status is Status.WRITTEN_OFF
            )

    @rule(n=which, change=st.sampled_from(CHANGES), back=st.integers(0, 50))
    def change(self, n: int, change: tuple[ChangeKind, dict[str, Any]], back: int) -> None:
        self.made += 1
        kind, terms = change
        if kind is ChangeKind.ASSIGNMENT:
            terms = {**terms, "notified_on": self.ago(n, back)}
        self.do(
            n,
            c.ChangeLoan,
            change_id=f"c{self.made}",
            kind=kind,
            effective=self.ago(n, back),
            terms=ChangeTerms.model_validate(terms),
            reason="agreed",
            agreed_by="finance-1",
            closed_periods=True,
        )

    @rule(n=which, amount=st.integers(1, 5_000), what=st.sampled_from(["penalty", "interest", "fee"]))
    def waive(self, n: int, amount: int, what: str) -> None:
        self.made += 1
        none = {part: Money(0) for part in ("principal", "interest", "fee", "penalty")}
        self.do(
            n,
            c.WaiveCharges,
            waiver_id=f"w{self.made}",
            amounts=Components(**{**none, what: Money(amount)}),
            value_date=self.today,
            reason="flood",
            waived_by="finance-1",
            authority="finance_manager",
            limit=None,
        )

    @rule(n=which, amount=st.integers(1, 3_000))
    def charge(self, n: int, amount: int) -> None:
        self.made += 1
        self.do(
            n,
            c.ChargeFee,
            charge_id=f"f{self.made}",
            code="court-fee",
            amount=Money(amount),
            value_date=self.today,
            reason="court",
        )

    @rule(n=which, on=st.integers(0, 5))
    def redate(self, n: int, on: int) -> None:
        self.do(n, c.RedateDisbursement, value_date=DAY + timedelta(days=on), reason="late truth", closed_periods=True)

    @rule(n=which, days=st.integers(0, 40))
    def pause(self, n: int, days: int) -> None:
        end = self.today + timedelta(days=days)
        self.do(n, c.PauseDelinquency, start=self.today, end=end, reason="flood", paused_by="risk-1")

    @rule(n=which, tier=st.sampled_from([None, Tier.SUBSTANDARD, Tier.LOSS]))
    def overlay(self, n: int, tier: Tier | None) -> None:
        self.do(n, c.OverlayClassification, tier=tier, reason="shop closed", decided_by="risk-1")

    @rule(n=which)
    def write_off(self, n: int) -> None:
        if self.do(n, c.RequestWriteOff, reason="No means", requested_by="maker"):
            assert self.do(n, c.ApproveWriteOff, approved_by="checker")

    @precondition(lambda self: self.today < DAY + timedelta(days=20))
    @rule(n=which, chance=st.integers(0, 3))
    def bring_the_payout_back(self, n: int, chance: int) -> None:
        """Rare: it ends the life of a loan, and with it what else could happen to it."""
        if chance:
            return
        payment, disbursed = self.loan(n).payment, self.loan(n).disbursed
        if payment is None:
            return
        given = {"payment_id": payment.payment_id, "reason": "account-not-found", "value_date": self.today}
        if self.do(n, c.ReturnDisbursement, **given) and disbursed is not None and disbursed.set_off is not None:
            old = next(n for n in range(LOANS + MORE) if loan_id(n) == disbursed.set_off.loan_id)
            if self.loan(old).status is not Status.WRITTEN_OFF:
                assert self.do(old, c.UndoSetOff, by_loan_id=loan_id(n))

    @rule(
        n=st.integers(0, LOANS - 1), by=st.integers(LOANS, LOANS + MORE - 1), over=st.sampled_from([-1, 0, 1, 90_000])
    )
    def refinance(self, n: int, by: int, over: int) -> None:
        """Another loan is to end this one, with so much more paid out; one fen too little is not booked."""
        old = self.loan(n)
        if old.status is not Status.ACTIVE or self.loan(by).status is not Status.NONE:
            return
        ended = refinanced(old, self.today)
        assert ended.payoff is not None
        contract = signed(by, principal=Money(max(ended.payoff.minor + over, 1000)), disbursed_on=self.today)
        ids = {"loan_id": loan_id(by), "contract_id": contract.contract_id}
        papers = {"authorisation": "file 1", "agreed_by": "contract-1"}
        assert self.do(by, c.AgreeRefinancing, refinanced=ended, **ids, **papers)
        payment_id = payment_id_of(loan_id(by), 1)
        given = {"payment_id": payment_id, "signed": contract, "applicant_id": ended.applicant_id}
        assert self.do(by, c.BookLoan, loan_id=loan_id(by), refinanced=ended, **given)
        self.set_off(by)

    @rule(by=st.integers(LOANS, LOANS + MORE - 1))
    def pay_out_what_is_left(self, by: int) -> None:
        payment = self.loan(by).payment
        if payment is not None:
            given = {"payment_id": payment.payment_id, "bank_reference": "B2", "value_date": self.today}
            if self.loan(by).disbursed is None and self.do(by, c.ConfirmDisbursement, **given):
                self.set_off(by)

    def set_off(self, by: int) -> None:
        """What the ledger does when a loan that ends another is paid out."""
        paid_out = self.loan(by).disbursed
        if paid_out is not None and paid_out.set_off is not None:
            old = next(n for n in range(LOANS) if loan_id(n) == paid_out.set_off.loan_id)
            amount, on = paid_out.set_off.amount, paid_out.set_off.on
            assert self.do(old, c.TakeSetOff, by_loan_id=loan_id(by), amount=amount, value_date=on)
            assert not self.do(old, c.ReverseRepayment, repayment_id=f"set-off-{loan_id(by)}", reason="by-hand")
            assert self.balances[Role.CLEARING] == 0, "what one loan pays the other has"

    @rule(n=which, says=st.sampled_from(["paid", "paid", "paid", "later", "never", "returned"]), back=st.integers(0, 9))
    def bank_says(self, n: int, says: str, back: int) -> None:
        """Of a later part of the loan."""
        loan, today = self.loan(n), self.today
        if loan.disbursed is None or loan.payment is None:
            return
        payment_id = loan.payment.payment_id
        if says == "paid":
            self.do(n, c.ConfirmDisbursement, payment_id=payment_id, bank_reference="B3", value_date=self.ago(n, back))
        elif says == "returned" and loan.draws:
            drawn = loan.draws[back % len(loan.draws)].payment_id
            self.do(n, c.ReturnDisbursement, payment_id=drawn, reason="account-not-found", value_date=today)
        elif loan.payment.tranche:
            given = {"reason": "no-answer", "retryable": says == "later"}
            again = payment_id_of(loan.loan_id, loan.payment.attempt + 1, loan.payment.tranche)
            self.do(n, c.FailDisbursement, payment_id=payment_id, next_payment_id=again, **given)
            again = payment_id_of(loan.loan_id, loan.payment.attempt + 9, loan.payment.tranche)
            self.do(n, c.RetryDisbursement, payment_id=again, reason="asked-again")

    @rule(days=st.sampled_from([1, 1, 2, 5, 30, 45]), pays=st.booleans())
    def close_days(self, days: int, *, pays: bool = True) -> None:
        for _ in range(days):
            self.close_day()
            for n in range(LOANS) if pays else ():
                self.bank_says(n, "paid", 0)
        self.check_control_accounts()
        self.check_reload()

    def close_day(self) -> None:
        policy = library().policy(self.today)
        self.known_until = len(self.history)
        portfolio = self.portfolio
        self.refresh(portfolio, portfolio.touched)
        ending = portfolio.ending(self.today)
        self.refresh(portfolio, portfolio.cross(ending, portfolio.columns.plans, self.today))
        closing = portfolio.close(self.today, policy)
        assert not closing.failures
        self.check_rows()
        command = CloseDay(
            day=self.today, accruals=closing.lines, loans=0, detail_sha256=closing.detail.sha256, known_until=0
        )
        for event in BUSINESS_DAY.decide(command, portfolio.day):
            portfolio.day = BUSINESS_DAY.evolve(portfolio.day, event)
            self.post(event)
        self.today += timedelta(days=1)
        observed = []
        for n in portfolio.columns.looking(self.today.toordinal()):
            key = portfolio.columns.loan_id(n)
            loan = self.loans[key][0]
            events = LOAN.decide(c.ObserveDay(today=self.today, policy=policy), loan)
            observed.append((key, events))
            if may_be(portfolio.columns, n, self.today):
                plan, currency = portfolio.columns.plans[n], portfolio.currency(n)
                told = first_day_late(portfolio.columns, n, plan, currency, self.today, policy)
                assert told in (None, events), "a row says what its loan does, or nothing"
                self.told += told is not None
            if not events:
                portfolio.look_at(key, next_look(loan, self.today, policy))
        self.rows = Rows(portfolio, self.loans)
        for key, events in observed:
            self.record(key, events)
        self.check_nobody_was_overlooked()

    def refresh(self, portfolio: Portfolio, keys: Iterable[str]) -> None:
        policy = library().policy(self.today)
        portfolio.refresh({key: self.loans[key] for key in keys}, self.today, policy)

    def check_rows(self) -> None:
        """A row kept up with event by event and due date by due date is the one that the folded loan gives."""
        columns, policy, on = self.portfolio.columns, library().policy(self.today), self.today.toordinal() + 1
        fresh, pairs = Columns(), list[tuple[int, int, int]]()
        for key, (loan, version) in self.loans.items():
            n = columns.at(key)
            if n is None:
                continue
            row = row_for(loan, version, int(columns.data[F.SEGMENT, n]), self.today, policy)
            kept = columns.data[:, n].tolist()
            assert 0 < kept[F.LOOK] <= row.values[F.LOOK] or kept[F.LOOK] == row.values[F.LOOK], "looked at in time"
            kept[F.LOOK], kept[F.PLAIN] = row.values[F.LOOK], row.values[F.PLAIN]
            assert kept == row.values, (key, self.today)
            pairs.append((n, fresh.put(key, row), row.values[F.UNTIL]))
        for ahead in (0, 1, 5, 40):
            known, made = columns.read(on + ahead), fresh.read(on + ahead)
            for n, m, until in pairs:
                assert on + ahead >= until or known[:, n].tolist() == made[:, m].tolist()

    def check_nobody_was_overlooked(self) -> None:
        """Looking at the planned loans is as good as looking at all."""
        policy = library().policy(self.today)
        for loan, _ in self.loans.values():
            assert LOAN.decide(c.ObserveDay(today=self.today, policy=policy), loan) == []

    def check_control_accounts(self) -> None:
        columns = self.portfolio.columns
        loans = [loan for loan, _ in self.loans.values()]
        rows = [(loan, n) for key, (loan, _) in self.loans.items() if (n := columns.at(key)) is not None]
        in_books = [loan for loan in loans if loan.status in (Status.ACTIVE, Status.SETTLED)]
        assert self.balances[Role.LOANS] == sum(advance(loan.books, self.today).principal for loan in in_books)
        for role, part in RECEIVABLES.items():
            open_now = 0
            for loan, n in rows:
                if loan.account is not None:
                    open_now += int(columns.posted[part, n]) - loan.posted[part + 1]
                if loan.written_off is not None:
                    given_up = loan.written_off.written_off
                    open_now -= (given_up.interest, given_up.fee, given_up.penalty)[part].minor
            assert self.balances[role] == open_now, role
        assert self.balances[Role.BORROWER_CREDIT] == -sum(loan.posted_credit for loan in loans)
        assert self.balances[Role.SUSPENDED_INTEREST] == -int(columns.suspense.sum())
        moved = sum(self.portfolio.moved.values())
        assert self.balances[Role.LOSS_ALLOWANCE] == -int(columns.allowance.sum()) - moved

    def check_reload(self) -> None:
        """A portfolio of stored rows, which then hears what came later, holds what this one does."""
        assert self.rows is not None
        again = self.rows.portfolio(self.today - timedelta(days=1))
        for key, version, event in self.history[self.known_until :]:
            again.hear(key, version, event.type_name, canonical(event.payload()))
        one, other = self.portfolio.columns, again.columns
        assert (other.live == one.live).all()
        assert other.late == one.late
        assert (other.posted[:, : len(other)] == one.posted[:, : len(one)]).all()
        assert (other.allowance[: len(other)] == one.allowance[: len(one)]).all()
        assert (other.suspense[: len(other)] == one.suspense[: len(one)]).all()
        assert (again.touched, again.moved) == (self.portfolio.touched, self.portfolio.moved)

    @invariant()
    def every_entry_balanced(self) -> None:
        assert sum(self.balances.values()) == 0

    @invariant()
    def incremental_equals_replay(self) -> None:
        for loan, _ in self.loans.values():
            if loan.account is None:
                continue
            assert loan.account == rebuilt(loan)
            received = sum(r.amount.minor for r in loan.receipts if r.reversed_on is None and not r.recovery)
            refunded = sum(fact.amount for fact in loan.adjustments if isinstance(fact, Refund))
            cash = loan.account.paid.total - loan.account.waived + loan.account.credit + refunded
            assert cash == received
            if loan.status is not Status.WRITTEN_OFF:
                assert difference(loan, self.today) == ((0, 0, 0, 0), 0, 0)
            assert (loan.status is Status.SETTLED) == advance(loan.account, self.today).is_settled

    @invariant()
    def meters_say_what_accounts_say(self) -> None:
        for loan, _ in self.loans.values():
            if loan.account is None:
                continue
            read = meter(loan.account, self.today)
            for ahead in (0, 1, 2, 3, 4, 5, 9, 29):
                day = self.today + timedelta(days=ahead)
                if read.since <= day.toordinal() < read.until:
                    amounts = earned(loan.account, day)
                    assert read.read(day.toordinal()) == (amounts.interest, amounts.fee, amounts.penalty)


TestLives = Lives.TestCase
TestLives.settings = settings(stateful_step_count=25, max_examples=60)
