"""Every loan as a row of columns, kept up with the ledger's own sequence: what a day-end needs, at the cost of what
changed.

A repayment that leaves nothing open changes its row by what the event says; whatever else happens to a loan has the
loan folded and its row made anew. Passing a due date takes the next instalment from the plan beside the row. Nothing
is held that events do not say: lost or doubted rows are made again from them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

import numpy as np
import orjson

from libs.contracts.ledger import (
    AccrualLine,
    Bucket,
    DelinquencyChanged,
    LoanBooked,
    LoanClassified,
    LoanDisbursed,
    LoanFailure,
    LoanSettled,
    LoanWrittenOff,
    RecoveryReceived,
    RepaymentPurpose,
    RepaymentReceived,
    Tier,
    WriteOffRejected,
    WriteOffRequested,
)
from libs.lending.money import Money
from services.ledger.columns import NEVER, WIDTH, Columns, F, Kind, Row, row_of
from services.ledger.detail import Detail, detail_of
from services.ledger.domain.account import Account, advance, earned
from services.ledger.domain.consequences import next_reset
from services.ledger.domain.day import NO_DAY, BusinessDay
from services.ledger.domain.loan import Loan, Status
from services.ledger.domain.meter import FOREVER, Meter, meter, stopped
from services.ledger.domain.payouts import awaits_tranche, next_tranche
from services.ledger.domain.policy import Policy
from services.ledger.domain.position import day_of_edge, days_past_due, edge_after, oldest_overdue, open_by
from services.ledger.library import library
from services.ledger.plans import NO_PARTIES, pack, parties_of, passed

TIERS: Final = tuple(Tier)
REASON_MAX: Final = 200

Segment = tuple[str, str, str, str, str, str]
"""Product, grade, channel, funder, branch, currency: the books are kept by these."""
Folded = tuple[Loan, int]
"""A loan and the version of its stream."""


@dataclass(frozen=True, slots=True)
class Closing:
    """What a day adds: in aggregate, by loan, and the loans that could not be worked out."""

    lines: tuple[AccrualLine, ...]
    detail: Detail
    failures: tuple[LoanFailure, ...]


@dataclass(eq=False)
class Portfolio:
    """All loans up to `sequence`. `closed` is the last day whose accrual is posted."""

    columns: Columns = field(default_factory=Columns)
    segments: list[Segment] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    """To be folded before the next close."""
    dirty: set[int] = field(default_factory=set)
    """Rows that are not stored as they are."""
    failures: dict[str, str] = field(default_factory=dict)
    """Loans that could not be worked out, with the reason: their rows stand as they were."""
    moved: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    """What events have done to the allowance of a loan since the last close."""
    sequence: int = 0
    day: BusinessDay = NO_DAY
    day_version: int = 0
    is_new: bool = False
    """Nothing of it is stored yet."""
    segments_stored: int = 0
    executor: Executor | None = None

    @property
    def closed(self) -> date | None:
        return self.day.closed

    def resume(self, policy: Policy) -> None:
        """After rows were loaded as the last close left them: what was posted then is what they say of it."""
        if self.closed is None:
            return
        columns = self.columns
        n = len(columns)
        columns.posted[:, :n] = columns.read(self.closed.toordinal() + 1, self.executor)
        columns.allowance[:n] = columns.allowances(rates_of(policy))
        columns.suspense[:n] = columns.suspended(columns.posted[:, :n])
        held = [columns.loan_id(int(row)) for row in (columns.live[F.HELD] == 1).nonzero()[0]]
        self.touched.update(held)

    # -- what happens during a day

    def hear(self, loan_id: str, version: int, type_name: str, data: bytes) -> None:
        """One event of a loan, in the order of the sequence."""
        n = self.columns.at(loan_id)
        if n is None:
            if type_name not in BEFORE_MONEY:
                self._count_allowance(loan_id, type_name, data)
                self.touched.add(loan_id)
            return
        self._count_allowance(loan_id, type_name, data)
        known = int(self.columns.data[F.VERSION, n])
        if version <= known:  # the row was made from this event already
            return
        quick = QUICK.get(type_name)
        if loan_id in self.touched or version != known + 1 or quick is None or not quick(self, n, data):
            self.touched.add(loan_id)
        else:
            self.columns.data[F.VERSION, n] = version
            self.dirty.add(n)

    def _count_allowance(self, loan_id: str, type_name: str, data: bytes) -> None:
        """Write-off and recovery move the allowance by their own entries; `LoanWrittenOff` is what was given up."""
        if type_name == LoanWrittenOff.type_name:
            self.moved[loan_id] -= sum(_minor(part) for part in orjson.loads(data)["written_off"].values())
        elif type_name == RecoveryReceived.type_name:
            self.moved[loan_id] += _minor(orjson.loads(data)["amount"])

    def segment(self, loan: Loan) -> int:
        found = segment_of(loan)
        if found not in self.segments:
            self.segments.append(found)
        return self.segments.index(found)

    def currency(self, n: int) -> str:
        """Of a loan by its row."""
        return self.segments[int(self.columns.data[F.SEGMENT, n])][-1]

    def refresh(self, folded: Mapping[str, Folded], day: date, policy: Policy) -> None:
        """Rows of these loans anew. One that cannot be worked out keeps its row, is reported, and tried at the next
        close: it stops nobody else."""
        for loan_id, (loan, version) in folded.items():
            try:
                row = row_for(loan, version, self.segment(loan), day, policy)
            except Exception as error:  # noqa: BLE001  # whatever is wrong with one loan is that loan's matter
                self.fail(loan_id, error)
                continue
            self.dirty.add(self.columns.put(loan_id, row))
            self.touched.discard(loan_id)
            self.failures.pop(loan_id, None)

    def look_at(self, loan_id: str, look: date | None) -> None:
        """When time alone may change a loan next."""
        n = self.columns.at(loan_id)
        assert n is not None, "who was looked at has a row"
        self.columns.data[F.LOOK, n] = look.toordinal() if look else NEVER
        self.dirty.add(n)

    def fail(self, loan_id: str, error: Exception) -> None:
        n = self.columns.at(loan_id)
        if n is None:
            blank = [0] * WIDTH
            blank[F.DENOMINATOR], blank[F.UNTIL] = 1, FOREVER
            n = self.columns.put(loan_id, Row(blank, (), b""))
        self.columns.data[F.HELD, n] = 1
        self.dirty.add(n)
        self.touched.add(loan_id)
        self.failures[loan_id] = f"{type(error).__name__}: {error}"[:REASON_MAX]

    # -- the close of a day

    def ending(self, day: date) -> list[int]:
        """Rows that a due date ends by the day after `day`, and that stand for themselves."""
        on = day.toordinal() + 1
        return [n for n in self.columns.ending(on) if self.columns.data[F.HELD, n] == 0]

    def cross(self, rows: Sequence[int], plans: Mapping[int, bytes], day: date) -> list[str]:
        """Take rows over their due date; the loans that have to be asked for it."""
        data, on = self.columns.data, day.toordinal() + 1
        ask = []
        for n in rows:
            plain = data[F.KIND, n] == Kind.LINE and data[F.CREDIT, n] == 0
            step = passed(plans[n], int(data[F.UNTIL, n]), on) if plain else None
            if step is None:
                ask.append(self.columns.loan_id(n))
                continue
            data[F.INTEREST, n] += step.interest
            data[F.FEE, n] += step.fee
            running = step.running
            data[F.ORIGIN, n], data[F.SLOPE, n] = (running.origin, running.slope) if running else (0, 0)
            data[F.DENOMINATOR, n], data[F.CAP, n] = (running.denominator, running.cap) if running else (1, 0)
            data[F.UNTIL, n] = step.until
            if step.late:
                self.columns.set_late(n, (*self.columns.late.get(n, ()), *step.late))
            self.dirty.add(n)
        return ask

    def close(self, day: date, policy: Policy) -> Closing:
        """What `day` adds for every loan, once its rows are up to date; from here on it counts as posted."""
        columns = self.columns
        size = len(columns)
        for loan_id, amount in self.moved.items():
            n = columns.at(loan_id)
            if n is not None:
                columns.allowance[n] += amount
        self.moved.clear()
        earned_now = columns.read(day.toordinal() + 1, self.executor)
        needed = columns.allowances(rates_of(policy))
        added = earned_now - columns.posted[:, :size]
        suspense = columns.suspended(earned_now)
        further = np.vstack([needed - columns.allowance[:size], suspense - columns.suspense[:size]])
        detail = detail_of(columns, self.segments, np.vstack([added, further]))
        columns.posted[:, :size], columns.allowance[:size], columns.suspense[:size] = earned_now, needed, suspense
        failures = tuple(LoanFailure(loan_id=key, reason=self.failures[key]) for key in sorted(self.failures))
        return Closing(lines_of(self.segments, detail), detail, failures)


def rates_of(policy: Policy) -> list[tuple[int, int]]:
    return [policy.provision_rate(tier).as_integer_ratio() for tier in TIERS]


def lines_of(segments: Sequence[Segment], detail: Detail) -> tuple[AccrualLine, ...]:
    """The day's accrual by product, grade, channel, funder and branch."""
    lines = []
    for code, (interest, fee, penalty, provision, suspended, loans) in detail.sums.items():
        product, grade, channel, funder, branch, currency = segments[code]
        line = AccrualLine(
            product=product,
            grade=grade,
            channel=channel,
            funder=funder,
            branch=branch,
            interest=Money(interest, currency),
            fee=Money(fee, currency),
            penalty=Money(penalty, currency),
            provision=Money(provision, currency),
            suspended=Money(suspended, currency),
            loans=loans,
        )
        lines.append(line)
    return tuple(sorted(lines, key=lambda line: (line.product, line.grade, line.channel, line.funder, line.branch)))


def segment_of(loan: Loan) -> Segment:
    """Under what a loan is kept in the books. A loan is of the branch that took the application, if one did."""
    agreement = loan.agreed.agreement
    request = agreement.request
    branch = request.source if request.channel == "BRANCH" else ""
    return request.product.code, agreement.grade, request.channel.value, loan.funder, branch, loan.currency


def row_for(loan: Loan, version: int, segment: int, day: date, policy: Policy) -> Row:
    """A loan's row as it goes into the close of `day`."""
    account = advance(loan.account, day) if loan.account is not None else None
    is_active = loan.status is Status.ACTIVE and account is not None
    look = next_look(loan, day, policy)
    row = row_of(
        meter_of(loan, day + timedelta(days=1)),
        VERSION=version,
        SEGMENT=segment,
        ACTIVE=int(is_active),
        PRINCIPAL=account.principal if is_active and account else 0,
        CREDIT=account.credit if is_active and account else 0,
        TIER=TIERS.index(loan.tier),
        LOOK=look.toordinal() if look else NEVER,
        RESET=reset.toordinal() if is_active and (reset := next_reset(loan)) is not None else NEVER,
        SUSPENDED=int(loan.suspended),
        PAID=account.paid.interest + account.paid.penalty if loan.suspended and account else 0,
    )
    if is_active and account is not None and row.exact is None:
        parties = parties_of_plain(loan, account, day)
        row.values[F.PLAIN] = int(parties != NO_PARTIES)
        row.plan = pack(account, day + timedelta(days=1), parties)
    return row


def parties_of_plain(loan: Loan, account: Account, day: date) -> bytes:
    """Whom the events of a loan name, if it owes nothing at the end of `day` and its plan is all that lies ahead."""
    planned = {row.number: (row.principal_minor, row.interest_minor, row.fee_minor) for row in account.plan.rows}
    is_plain = (
        loan.bucket is Bucket.CURRENT
        and loan.overlay is None
        and loan.lpr is None
        and not account.pauses
        and not account.credit
        and not open_by(account, day).total
        and all(
            (row.principal, row.interest, row.fee) == planned.get(row.number) for row in account.rows if row.due > day
        )
    )
    try:
        return parties_of(loan.agreed.application_id, loan.agreed.applicant_id) if is_plain else NO_PARTIES
    except ValueError:
        return NO_PARTIES


def meter_of(loan: Loan, on: date) -> Meter:
    """What a loan has earned, whatever became of it."""
    if loan.account is None:
        return stopped(0, 0, 0)
    if loan.written_off is not None:
        amounts = earned(loan.account, loan.written_off.written_off_on)
        return stopped(amounts.interest, amounts.fee, amounts.penalty)
    found = meter(loan.account, on)
    if awaits_tranche(loan):  # a repayment does not say when the next part is due: such a loan is asked itself
        return Meter(found.since, found.until, 0, 0, 0, None, (), loan.account)
    return found


def next_look(loan: Loan, today: date, policy: Policy) -> date | None:
    """The next day on which time alone changes a loan: credit meets a due date, or a bucket or tier begins."""
    if loan.status is not Status.ACTIVE or loan.account is None:
        return None
    account, tomorrow = advance(loan.account, today), today + timedelta(days=1)
    reset = next_reset(loan)
    coming = next((row.due for row in account.rows if row.due > today and row.planned_open), None)
    tranche = next_tranche(loan)
    oldest = oldest_overdue(account, tomorrow)
    days = [reset] if reset is not None else []
    if tranche is not None and oldest is None:
        days.append(tranche[1].on)
    if coming is not None:
        days.append(coming if account.credit else coming + timedelta(days=1))
    if oldest is not None:
        edge = edge_after(policy.edges, days_past_due(account, today))
        if edge is not None:
            days.append(day_of_edge(account, today, edge))
    return max(min(days), tomorrow) if days else None


# -- events whose effect on a row the event itself says


def _minor(amount: Mapping[str, str]) -> int:
    return Money.of(amount["amount"], amount["currency"]).minor


def _ordinal(day: str) -> int:
    return date.fromisoformat(day).toordinal()


def _repaid(portfolio: Portfolio, n: int, data: bytes) -> bool:
    """A repayment of today that leaves nothing open and nothing over: what was overdue is settled, the rest is plan."""
    columns, event = portfolio.columns, orjson.loads(data)
    position = event["position"]
    is_plain = (
        event["purpose"] == RepaymentPurpose.INSTALMENT.value
        and event["value_date"] == event["received_on"]
        and columns.data[F.KIND, n] == Kind.LINE
        and columns.data[F.CREDIT, n] == 0
        and columns.data[F.SUSPENDED, n] == 0
        and _minor(event["credit"]) == 0
        and _minor(position["credit"]) == 0
        and not any(_minor(part) for part in position["due"].values())
    )
    if not is_plain:
        return False
    on = _ordinal(event["value_date"])
    columns.data[F.PENALTY, n] += sum(piece.value(on) for piece in columns.late.get(n, ()))
    columns.set_late(n, ())
    columns.data[F.PRINCIPAL, n] = _minor(position["outstanding"]["principal"])
    looks = [_ordinal(position["next_due"]) + 1] if position["next_due"] else []
    if columns.data[F.RESET, n] != NEVER:
        looks.append(int(columns.data[F.RESET, n]))
    columns.data[F.LOOK, n] = min(looks, default=NEVER)
    return True


def _settled(portfolio: Portfolio, n: int, _data: bytes) -> bool:
    """The end of a loan that has passed its last due date; one that ends before it earns no more: ask it."""
    data = portfolio.columns.data
    if data[F.UNTIL, n] != FOREVER or data[F.KIND, n] != Kind.LINE:
        return False
    data[F.ACTIVE, n], data[F.LOOK, n], data[F.PRINCIPAL, n] = 0, NEVER, 0
    return True


def _classified(portfolio: Portfolio, n: int, data: bytes) -> bool:
    portfolio.columns.data[F.TIER, n] = TIERS.index(Tier(orjson.loads(data)["tier"]))
    return True


def _delinquent(portfolio: Portfolio, n: int, data: bytes) -> bool:
    """Cured, or in another bucket: of a plain loan with late principal the event says when time changes it next."""
    event, columns = orjson.loads(data), portfolio.columns
    position = event["position"]
    if position["bucket"] == Bucket.CURRENT.value:
        return True
    if columns.data[F.PLAIN, n] == 0 or columns.data[F.CREDIT, n] != 0 or n not in columns.late:
        return False
    on = date.fromisoformat(event["changed_on"])
    coming = date.fromisoformat(position["next_due"]) if position["next_due"] else None
    columns.data[F.LOOK, n] = look_after(on, position["days_past_due"], coming, library().policy(on))
    return True


def look_after(on: date, days: int, coming: date | None, policy: Policy) -> int:
    """The next day on which time alone changes a plain loan that is `days` past due `on` a day, as an ordinal."""
    edge = edge_after(policy.edges, days)
    looks = [coming.toordinal() + 1] if coming else []
    if edge is not None:
        looks.append(on.toordinal() + edge - days)
    return min(looks, default=NEVER)


def _nothing(_portfolio: Portfolio, _n: int, _data: bytes) -> bool:
    return True


QUICK: Final[dict[str, Callable[[Portfolio, int, bytes], bool]]] = {
    RepaymentReceived.type_name: _repaid,
    LoanSettled.type_name: _settled,
    LoanClassified.type_name: _classified,
    DelinquencyChanged.type_name: _delinquent,
    WriteOffRequested.type_name: _nothing,
    WriteOffRejected.type_name: _nothing,
    RecoveryReceived.type_name: _nothing,
}
BEFORE_MONEY: Final = frozenset(
    f"puhui.ledger.{name}.v1"
    for name in (
        "refinancing-agreed",
        "booking-refused",
        "loan-booked",
        "disbursement-requested",
        "disbursement-unresolved",
        "disbursement-failed",
        "loan-cancelled",
    )
)
"""Nothing is in the books yet."""
assert LoanBooked.type_name in BEFORE_MONEY, "type names are written as they are published"
assert LoanDisbursed.type_name not in BEFORE_MONEY, "from here on a loan has a row"
