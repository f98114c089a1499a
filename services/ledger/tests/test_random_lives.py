"""Random lives of a few loans: whatever happens in whatever order, the incremental state equals the replay from the
first fact, every entry balances, and the control accounts hold exactly what the loans do."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from libs.contracts.base import DomainEvent
from libs.contracts.ledger import RepaymentPurpose
from libs.contracts.problems import Rejected
from libs.lending.daycount import DayCount
from libs.lending.money import Money
from libs.lending.rounding import Rounding
from libs.lending.terms import Fee, FeeTiming, InterestAccrual, PartialPeriod, RepaymentMethod
from services.ledger.day_end import changes_of, lines_of
from services.ledger.domain import commands as c
from services.ledger.domain.account import advance, earned
from services.ledger.domain.chart import Role
from services.ledger.domain.consequences import difference
from services.ledger.domain.day import BusinessDay, CloseDay
from services.ledger.domain.loan import Loan, Status, rebuilt
from services.ledger.domain.meter import meter
from services.ledger.domain.posting import entry_of
from services.ledger.handlers import BUSINESS_DAY, LOAN
from services.ledger.library import library
from services.ledger.payments import payment_id_of
from services.ledger.portfolio import Portfolio
from services.ledger.tests.making import DAY, loan_id, signed

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
]
LOANS = 3
RECEIVABLES = {
    Role.INTEREST_RECEIVABLE: 0,
    Role.FEE_RECEIVABLE: 1,
    Role.PENALTY_RECEIVABLE: 2,
}
which = st.integers(0, LOANS - 1)


class Lives(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.today = DAY
        self.history: list[tuple[str, DomainEvent]] = []
        self.balances: defaultdict[Role, int] = defaultdict(int)
        self.portfolio = Portfolio(None)  # type: ignore[arg-type]  # events are fed by hand
        self.portfolio.day = BusinessDay(self.today)
        self.known_until = 0
        self.made = 0

    @initialize(kinds=st.lists(st.sampled_from(KINDS), min_size=LOANS, max_size=LOANS))
    def lend(self, kinds: list[dict[str, Any]]) -> None:
        for n, kind in enumerate(kinds):
            loan = loan_id(n)
            payment_id = payment_id_of(loan, 1)
            contract = signed(n, **kind)
            self.do(n, c.BookLoan, loan_id=loan, payment_id=payment_id, signed=contract, applicant_id="applicant")
            self.do(n, c.ConfirmDisbursement, payment_id=payment_id, bank_reference="B1", value_date=self.today)

    def loan(self, n: int) -> Loan:
        return self.portfolio.entries[loan_id(n)].loan

    def do(self, n: int, command: type[c.LoanCommand], **values: Any) -> bool:
        """Decide, record and post; whether it was admitted."""
        entry = self.portfolio.entries.get(loan_id(n))
        state = entry.loan if entry else LOAN.initial
        asked = command(today=self.today, policy=library().policy(self.today), **values)
        try:
            events = LOAN.decide(asked, state)
        except Rejected:
            return False
        self.record(loan_id(n), events)
        return True

    def record(self, key: str, events: list[DomainEvent]) -> None:
        for event in events:
            self.history.append((key, event))
            self.post(event)
            entry = self.portfolio.entries.get(key)
            self.portfolio.take(key, entry.version + 1 if entry else 1, event)

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
            on = self.today - timedelta(days=back)
            open_now = sum(debt.planned_open for debt in advance(loan.account, on).rows if debt.due <= on)
            self.receive(n, max(1, open_now // share), back, RepaymentPurpose.INSTALMENT)

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
            value_date=self.today - timedelta(days=back),
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

    @rule(n=which)
    def write_off(self, n: int) -> None:
        if self.do(n, c.RequestWriteOff, reason="No means", requested_by="maker"):
            assert self.do(n, c.ApproveWriteOff, approved_by="checker")

    @precondition(lambda self: self.today < DAY + timedelta(days=20))
    @rule(n=which)
    def bring_the_payout_back(self, n: int) -> None:
        payment = self.loan(n).payment
        assert payment is not None
        self.do(
            n, c.ReturnDisbursement, payment_id=payment.payment_id, reason="account-not-found", value_date=self.today
        )

    @rule(days=st.sampled_from([1, 1, 2, 5, 30, 45]))
    def close_days(self, days: int) -> None:
        for _ in range(days):
            self.close_day()
        self.check_control_accounts()
        self.check_reload()

    def close_day(self) -> None:
        policy = library().policy(self.today)
        self.known_until = len(self.history)
        self.portfolio.plan_looks(self.today, policy)
        changes = changes_of(self.portfolio, self.today)
        command = CloseDay(
            day=self.today, accruals=lines_of(changes), loans=len(changes), detail_sha256="0" * 64, known_until=0
        )
        for event in BUSINESS_DAY.decide(command, self.portfolio.day):
            self.portfolio.day = BUSINESS_DAY.evolve(self.portfolio.day, event)
            self.post(event)
        for change in changes:
            change.entry.posted, change.entry.allowance = change.earned, change.allowance
        self.portfolio.changed.clear()
        self.portfolio.closed = self.today
        self.today += timedelta(days=1)
        for key in self.portfolio.to_look_at(self.today):
            entry = self.portfolio.entries[key]
            events = LOAN.decide(c.ObserveDay(today=self.today, policy=policy), entry.loan)
            self.record(key, events)
            self.portfolio.unplanned.add(key)
        self.check_nobody_was_overlooked()

    def check_nobody_was_overlooked(self) -> None:
        """Looking at the planned loans is as good as looking at all."""
        policy = library().policy(self.today)
        for entry in self.portfolio.entries.values():
            assert LOAN.decide(c.ObserveDay(today=self.today, policy=policy), entry.loan) == []

    def check_control_accounts(self) -> None:
        entries = list(self.portfolio.entries.values())
        in_books = [e for e in entries if e.loan.status in (Status.ACTIVE, Status.SETTLED)]
        assert self.balances[Role.LOANS] == sum(e.loan.books.principal for e in in_books)
        for role, n in RECEIVABLES.items():
            part = n + 1
            open_now = sum(entry.posted[n] - entry.loan.posted[part] for entry in in_books)
            written_off = [e for e in entries if e.loan.written_off is not None]
            for entry in written_off:
                open_now += entry.posted[n] - entry.loan.posted[part]
                given_up = entry.loan.written_off.written_off  # type: ignore[union-attr]  # as just filtered
                open_now -= (given_up.interest, given_up.fee, given_up.penalty)[n].minor
            assert self.balances[role] == open_now, role
        assert self.balances[Role.BORROWER_CREDIT] == -sum(entry.loan.posted_credit for entry in entries)
        assert self.balances[Role.LOSS_ALLOWANCE] == -sum(entry.allowance for entry in entries)

    def check_reload(self) -> None:
        """A portfolio made from events holds what this one does."""
        again = Portfolio(None)  # type: ignore[arg-type]  # events are fed by hand
        for key, event in self.history[: self.known_until]:
            known = again.entries.get(key)
            again.take(key, known.version + 1 if known else 1, event)
        again.settle(self.today - timedelta(days=1))
        for key, event in self.history[self.known_until :]:
            again.take(key, again.entries[key].version + 1, event)
        for key, entry in self.portfolio.entries.items():
            other = again.entries[key]
            assert (other.loan, other.posted, other.allowance) == (entry.loan, entry.posted, entry.allowance)

    @invariant()
    def every_entry_balanced(self) -> None:
        assert sum(self.balances.values()) == 0

    @invariant()
    def incremental_equals_replay(self) -> None:
        for entry in self.portfolio.entries.values():
            loan = entry.loan
            if loan.account is None:
                continue
            assert loan.account == rebuilt(loan, loan.receipts)
            received = sum(r.amount.minor for r in loan.receipts if r.reversed_on is None and not r.recovery)
            assert loan.account.paid.total + loan.account.credit == received
            if loan.status is not Status.WRITTEN_OFF:
                assert difference(loan, self.today) == ((0, 0, 0, 0), 0)
            assert (loan.status is Status.SETTLED) == advance(loan.account, self.today).is_settled

    @invariant()
    def meters_say_what_accounts_say(self) -> None:
        for entry in self.portfolio.entries.values():
            if entry.loan.account is None:
                continue
            read = meter(entry.loan.account, self.today)
            for ahead in (0, 1, 2, 3, 4, 5, 9, 29):
                day = self.today + timedelta(days=ahead)
                if read.since <= day.toordinal() < read.until:
                    amounts = earned(entry.loan.account, day)
                    assert read.read(day.toordinal()) == (amounts.interest, amounts.fee, amounts.penalty)


TestLives = Lives.TestCase
TestLives.settings = settings(stateful_step_count=25, max_examples=60)
