"""A repayment plan as facts change it: payments early or late, tranches, new rates, on given conventions.

The facts come in order of their date; the state is a replay of them. Interest follows the balance as it really was,
piece by piece between two changes of balance or rate.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from libs.lending.allocation import Component
from libs.lending.calendar import EVERY_DAY, Calendar, add_period
from libs.lending.fees import even_parts
from libs.lending.level import LevelRun
from libs.lending.live_rows import CUMULATIVE, PROGRESSIVE, LiveRow, Prepayment, Recalculation
from libs.lending.periods import common_denominator, days_part, one_period, period_part, plan_periods
from libs.lending.rounding import divide
from libs.lending.terms import INSTALMENTS_MAX, InterestAccrual, LoanTerms, RateChange, RepaymentMethod, TermsError

__all__ = ["CUMULATIVE", "PROGRESSIVE", "LivePlan", "LiveRow", "Prepayment", "Recalculation"]

PAY_ORDER = (Component.PENALTY, Component.FEE, Component.INTEREST, Component.PRINCIPAL)
"""Within an instalment that is due."""


class LivePlan:
    """The replay: facts in, rows out. Facts must be given in order of date; a correction is a replay from the start.

    Level-instalment and equal-principal loans on the outstanding balance; others raise `TermsError`.
    """

    def __init__(self, terms: LoanTerms, policy: Recalculation, calendar: Calendar = EVERY_DAY) -> None:
        if terms.method not in (RepaymentMethod.EQUAL_INSTALMENT, RepaymentMethod.EQUAL_PRINCIPAL):
            raise TermsError("recalculation-method", "only equal instalments and equal principal are recalculated")
        if terms.flat_interest:
            raise TermsError("recalculation-method", "flat interest does not follow the balance")
        self.terms, self.policy = terms, policy
        periods = plan_periods(terms, calendar)
        starts = [min(periods.regular_start, terms.disbursed_on), *periods.due[:-1]]
        pairs = zip(starts, periods.due, strict=True)
        self.rows = [LiveRow(n, start, due) for n, (start, due) in enumerate(pairs, start=1)]
        if periods.regular_start > terms.disbursed_on and terms.accrual is not InterestAccrual.DAILY:
            part = period_part(terms, terms.disbursed_on, periods.due[0], periods.regular_start)
            self.rows[0].periods = part / Fraction(*one_period(terms))
        self.disbursements: list[tuple[date, int]] = []
        self.rates: list[RateChange] = [RateChange(date.min, terms.annual_rate), *terms.rate_changes]
        self.as_of = terms.disbursed_on

    # -- facts

    def disburse(self, on: date, amount: int) -> None:
        """Money paid out; the coming instalments are solved again for what is then owed.

        Money that is paid out on or after the last due date falls due one period after that.
        """
        self.disbursements.append((on, amount))
        while on >= self.rows[-1].due:
            last = self.rows[-1]
            if last.number == INSTALMENTS_MAX:
                raise TermsError("instalments", f"{on} is too long after the last due date")
            due = add_period(last.due, self.terms.period, 1, self.terms.month_end, self.terms.due_day)
            self.rows.append(LiveRow(last.number + 1, last.due, due))
        self._resolve(on)

    def change_rate(self, named: date, annual_rate: Decimal) -> None:
        """A new rate named for a date; the instalments that it touches are solved again."""
        effective = named - timedelta(days=self.policy.rate_lead_days)
        kept = [rate for rate in self.rates if rate.effective != effective]
        self.rates = sorted([*kept, RateChange(effective, annual_rate)], key=lambda rate: rate.effective)
        self._resolve(effective)

    def pause_interest(self, first: date, last: date) -> None:
        """No interest on the days from `first` to `last`, both named; the instalments' planned amounts stand."""
        lead = timedelta(days=self.policy.rate_lead_days)
        start, end = first - lead, last - lead + timedelta(days=1)
        if start >= end:
            raise ValueError("a pause ends on or after the day it starts")
        after = next(rate.annual_rate for rate in reversed(self.rates) if rate.effective <= end)
        outside = [rate for rate in self.rates if not start <= rate.effective <= end]
        pause = [RateChange(start, Decimal(0)), RateChange(end, after)]
        self.rates = sorted([*outside, *pause], key=lambda rate: rate.effective)
        self.compute(self.as_of)

    def move_due(self, due: date, new: date) -> None:
        """An instalment falls due on another day, the later ones are counted from there; their amounts stand.

        Interest by period runs for the whole periods from the instalment's start and the part of the next one.
        """
        moved = [row for row in self.rows if row.due >= due]
        for n, row in enumerate(moved):
            row.due = add_period(new, self.terms.period, n, self.terms.month_end)
            row.start = moved[n - 1].due if n else row.start
            row.periods = Fraction(1) if n else self._periods_between(row.start, row.due)
        self.compute(self.as_of)

    def _periods_between(self, start: date, end: date) -> Fraction:
        """Regular periods counted forward, the last one by its days."""
        whole, cut = 0, start
        while (after := add_period(start, self.terms.period, whole + 1, self.terms.month_end)) <= end:
            whole, cut = whole + 1, after
        return whole + Fraction((end - cut).days, (after - cut).days)

    def charge(self, row: LiveRow, component: Component, amount: int) -> None:
        """A fee or penalty due with an instalment."""
        if component is Component.PENALTY:
            row.penalty += amount
        else:
            row.fee += amount

    def pay_part(self, row: LiveRow, on: date, component: Component, amount: int) -> None:
        """A payment directed at one component of one instalment."""
        row.payments.append((on, component, amount))
        self.compute(max(on, self.as_of))

    def repay(self, on: date, amount: int) -> int:
        """Allocate a repayment, oldest instalment first; returns what is over."""
        self.compute(on)
        for row in self.rows:
            if row.due > on:
                break
            amount = self._pay_due(row, on, amount)
        if self.policy.prepayment is Prepayment.REDUCE_INSTALMENT:
            amount = self._prepay_current(on, amount)
        else:
            amount = self._prepay_coming(on, amount)
        self.compute(on)
        return amount

    def payoff_amount(self, on: date) -> int:
        """What settles the loan on a day: all that is due, all principal, interest earned to the day."""
        self.compute(on)
        total = 0
        for row in self.rows:
            if row.due <= on:
                total += row.outstanding
            else:
                total += self.interest_to_date(row, on)
                total += row.fee + row.penalty - row.paid_of(Component.FEE) - row.paid_of(Component.PENALTY)
                total += row.principal - row.paid_of(Component.PRINCIPAL)
        return total

    # -- allocation

    def _pay_due(self, row: LiveRow, on: date, amount: int) -> int:
        for component in PAY_ORDER:
            part = min(amount, row.due_of(component) - row.paid_of(component))
            if part > 0:
                row.payments.append((on, component, part))
                amount -= part
        return amount

    def _prepay_current(self, on: date, amount: int) -> int:
        """Principal of the current instalment (that of the day itself, else the next), as much as is owed.

        When that is more than was planned for it, the ones after it are solved again. Once no principal is owed,
        the interest earned to the day and all charges are paid.
        """
        current = next((row for row in self.rows if row.due >= on), None)
        if current is None or amount <= 0:
            return amount
        planned = current.principal
        part = min(amount, self._owed_principal())
        if part > 0:
            current.payments.append((on, Component.PRINCIPAL, part))
            self.compute(on)
        if current.paid_of(Component.PRINCIPAL) > planned:
            self._solve_from(current.number)
        left = amount - part
        if self._owed_principal() == 0:
            for row in self.rows:
                left = self._pay_due(row, on, left)
        return left

    def _owed_principal(self) -> int:
        return sum(row.principal - row.paid_of(Component.PRINCIPAL) for row in self.rows)

    def _prepay_coming(self, on: date, amount: int) -> int:
        for row in self.rows:
            if row.due <= on or amount <= 0:
                continue
            for component in (Component.PENALTY, Component.FEE):
                part = min(amount, row.due_of(component) - row.paid_of(component))
                if part > 0:
                    row.payments.append((on, component, part))
                    amount -= part
            interest = min(amount, self.interest_to_date(row, on))
            if interest > 0:
                row.payments.append((on, Component.INTEREST, interest))
                amount -= interest
            principal = min(amount, self._principal_room(row, on))
            if principal > 0:
                row.payments.append((on, Component.PRINCIPAL, principal))
                amount -= principal
            self.compute(on)
        return amount

    def _principal_room(self, row: LiveRow, on: date) -> int:
        """How much principal the row's planned amount still takes when its interest is settled to the day."""
        owed = self._owed_principal()
        if row is self.rows[-1]:
            return owed
        principal = row.paid_of(Component.PRINCIPAL)
        if self.terms.method is RepaymentMethod.EQUAL_PRINCIPAL:  # what is planned is principal alone
            return max(0, min(owed, row.principal - principal))
        paid = principal + row.paid_of(Component.INTEREST)
        return max(0, min(owed, row.level - paid - self.interest_to_date(row, on)))

    def interest_to_date(self, row: LiveRow, on: date) -> int:
        """Interest of a row earned up to a day and not yet paid, with what earlier rows could not hold."""
        carry = held = 0
        last = self._adjusting()
        for n, earlier in enumerate(self.rows[: row.number]):
            earned = self._interest(earlier, min(earlier.due, on)) + carry
            held = earned if n >= last else self._held(earlier, earned)
            carry = earned - held
        return max(0, held - row.paid_of(Component.INTEREST))

    def _held(self, row: LiveRow, earned: int) -> int:
        """How much interest a row bills: all, or what its planned amount leaves beside the principal paid."""
        if not self._holds_level(row):
            return earned
        return min(earned, max(0, row.level - row.paid_of(Component.PRINCIPAL)))

    # -- computation

    def compute(self, as_of: date) -> None:
        """Principal and interest of every row as known on a day; what is overdue then counts as unpaid until then."""
        self.as_of = max(as_of, self.as_of)
        last = self._adjusting()
        settled = sum(row.paid_of(Component.PRINCIPAL) for row in self.rows[last + 1 :])
        left = sum(amount for _, amount in self.disbursements) - settled
        carry = 0
        for row in self.rows:
            row.interest = row.principal = 0
        for n, row in enumerate(self.rows):
            paid = row.paid_of(Component.PRINCIPAL)
            earned = self._interest(row, row.due) + carry
            if n > last:
                row.interest, row.principal = row.paid_of(Component.INTEREST), paid
                continue
            if n == last:
                row.interest, row.principal = earned, left
            elif self._holds_level(row):
                row.interest = self._held(row, earned)
                row.principal = min(row.level - row.interest, left)
            else:
                planned = row.level if self.terms.method is RepaymentMethod.EQUAL_PRINCIPAL else row.level - earned
                row.interest = earned
                row.principal = min(max(0 if self._graced(row) else planned, paid, 0), left)
            carry = earned - row.interest
            left -= row.principal

    def _adjusting(self) -> int:
        """Index of the row that takes what is left: the last that is not yet paid to its planned amount."""
        open_rows = (n for n in range(len(self.rows) - 1, -1, -1) if not self._settled(self.rows[n]))
        return next(open_rows, len(self.rows) - 1)

    def _settled(self, row: LiveRow) -> bool:
        """Whether a row was paid its planned amount."""
        paid = row.paid_of(Component.PRINCIPAL) + row.paid_of(Component.INTEREST)
        return self._holds_level(row) and paid >= row.level > 0

    def _holds_level(self, row: LiveRow) -> bool:
        """Whether the row's planned amount stands and interest beyond it moves on."""
        level = self.terms.method is RepaymentMethod.EQUAL_INSTALMENT
        return self.policy.carry_interest and level and not self._graced(row)

    def _graced(self, row: LiveRow) -> bool:
        return row.number <= self.terms.principal_grace

    def _interest(self, row: LiveRow, until: date) -> int:
        """Interest earned in a row up to a day: each piece rounded, or their sum."""
        pieces: Iterable[Fraction] = self._pieces(row, until)
        if not self.policy.round_pieces:
            pieces = (sum(pieces, Fraction(0)),)
        return sum(divide(exact.numerator, exact.denominator, self.terms.rounding) for exact in pieces)

    def _pieces(self, row: LiveRow, until: date) -> Iterator[Fraction]:
        """Exact interest of each piece of a row in which neither balance nor rate changes."""
        if row.number <= self.terms.interest_free or until <= row.start:
            return
        moves = self._moves(row)
        cuts = {row.start, until}
        cuts |= {day for day, _ in moves if row.start < day < until}
        # Interest settled on a day stays settled: what it was rounded to then must not change with later pieces.
        cuts |= {on for on, what, _ in row.payments if what is Component.INTEREST and row.start < on < until}
        cuts |= {rate.effective for rate in self.rates if row.start < rate.effective < until}
        days = sorted(cuts)
        for start, end in itertools.pairwise(days):
            balance = sum(amount for day, amount in moves if day <= start)
            yield balance * self._rate(start) * self._part(row, start, end)

    def _moves(self, row: LiveRow) -> list[tuple[date, int]]:
        """Every change of the principal that this row's interest runs on."""
        moves = list(self.disbursements)
        for other in self.rows:
            paid, runs = 0, self.policy.overdue_bears_interest
            for on, component, amount in other.payments:
                if component is Component.PRINCIPAL:
                    moves.append((on if runs else min(on, other.due), -amount))
                    paid += amount
            if other.number < row.number and other.principal > paid:
                moves.append((max(other.due, self.as_of) if runs else other.due, paid - other.principal))
        return moves

    def _rate(self, day: date) -> Fraction:
        return Fraction(next(r.annual_rate for r in reversed(self.rates) if r.effective <= day))

    def _part(self, row: LiveRow, start: date, end: date) -> Fraction:
        """The part of a year of a piece: by day count, or the period's part by its days."""
        if self.terms.accrual is InterestAccrual.DAILY:
            return days_part(self.terms, start, end)
        return (
            Fraction(*one_period(self.terms)) * row.periods * Fraction((end - start).days, (row.due - row.start).days)
        )

    # -- solving

    def _resolve(self, day: date) -> None:
        """Solve the instalments again from the one whose period holds the day (a due date belongs to the next)."""
        row = next((row for row in self.rows if row.due > day), self.rows[-1])
        self.compute(day)
        self._solve_from(row.number - 1)

    def _solve_from(self, index: int) -> None:
        index = max(index, self.terms.principal_grace)
        rows = [row for row in self.rows[index:] if not self._settled(row)]
        if not rows:
            return
        balance = self._balance_at_end(index)
        if self.terms.method is RepaymentMethod.EQUAL_PRINCIPAL:
            for row, part in zip(rows, even_parts(balance, len(rows), self.terms), strict=True):
                row.level = part
        else:
            rates, denominator = common_denominator(self._rates_of(rows, balance))
            level = LevelRun(self.terms, balance, rates, denominator).level() if balance else 0
            for row in rows:
                row.level = level
        self.compute(self.as_of)

    def _balance_at_end(self, index: int) -> int:
        """Principal that the rows from `index` must repay: everything paid out by the row's due date."""
        until = self.rows[index].due
        paid_out = sum(amount for day, amount in self.disbursements if day < until or index == len(self.rows) - 1)
        settled = sum(row.principal for row in self.rows[index:] if self._settled(row))
        return paid_out - settled - sum(row.principal for row in self.rows[:index])

    def _rates_of(self, rows: Sequence[LiveRow], balance: int) -> Sequence[Fraction]:
        """Each row's rate; the first one's by what really runs in it, so that a late tranche counts from its day."""
        rates = []
        for row in rows:
            day, rate = row.start, Fraction(0)
            for cut in sorted({r.effective for r in self.rates if row.start < r.effective < row.due} | {row.due}):
                rate += self._rate(day) * self._part(row, day, cut)
                day = cut
            rates.append(rate if row.number > self.terms.interest_free else Fraction(0))
        if balance:
            rates[0] = sum(self._pieces(rows[0], rows[0].due), Fraction(0)) / balance
        return rates
