"""A promise to pay: what counts for it, and when it is kept or broken."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from libs.contracts.collections import PromiseBroken, PromiseKept, RepaymentNoted
from libs.lending.money import Money

ONE_DAY = timedelta(days=1)


class PromiseStatus(StrEnum):
    OPEN = "OPEN"
    KEPT = "KEPT"
    BROKEN = "BROKEN"


@dataclass(frozen=True, slots=True)
class Promise:
    """The amount promised by a date, and what has come for it: money noted since, of value from the day of the promise
    to the promised date. Money that is taken back counts no more."""

    promise_id: str
    amount: Money
    due: date
    made_on: date
    paid: Money
    status: PromiseStatus = PromiseStatus.OPEN
    counted: frozenset[str] = frozenset()

    def with_money(self, noted: RepaymentNoted) -> Promise:
        """The promise after money came in or was taken back; its status is not changed by that alone."""
        if noted.amount.minor < 0:
            if noted.repayment_id not in self.counted:
                return self
            return replace(self, paid=self.paid + noted.amount, counted=self.counted - {noted.repayment_id})
        if not self.made_on <= noted.value_date <= self.due or noted.repayment_id in self.counted:
            return self
        return replace(self, paid=self.paid + noted.amount, counted=self.counted | {noted.repayment_id})

    def kept(self, case_id: str, on: date) -> PromiseKept:
        return PromiseKept(case_id=case_id, promise_id=self.promise_id, paid=self.paid, kept_on=on)

    def broken(self, case_id: str, on: date) -> PromiseBroken:
        return PromiseBroken(case_id=case_id, promise_id=self.promise_id, paid=self.paid, broken_on=on)

    def after_money(self, case_id: str, on: date) -> list[PromiseKept | PromiseBroken]:
        """What follows once `paid` is known anew: a promise reported broken may turn out kept, and the other way."""
        enough = self.paid >= self.amount
        if enough and self.status is not PromiseStatus.KEPT:
            return [self.kept(case_id, on)]
        if not enough and self.status is PromiseStatus.KEPT:
            return [self.broken(case_id, on)]
        return []

    def after_cure(self, case_id: str, on: date) -> list[PromiseKept | PromiseBroken]:
        """The arrears were made good on a date: an open promise is kept when that was in time, whatever came."""
        return [self.kept(case_id, on)] if on <= self.due else [self.broken(case_id, self.due + ONE_DAY)]

    def after_date(self, case_id: str, today: date) -> list[PromiseKept | PromiseBroken]:
        """The business date is `today`: an open promise of an earlier date is broken."""
        if self.status is not PromiseStatus.OPEN or today <= self.due:
            return []
        return [self.broken(case_id, self.due + ONE_DAY)]
