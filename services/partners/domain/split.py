"""The split of money between lenders: what each holds is a function of what the whole is.

**Remainder rule.** With cumulative shares c1 ≤ c2 ≤ … in millionths, lender k has of a running total W

    floor((W·ck + φ) / 1,000,000) − floor((W·ck−1 + φ) / 1,000,000)

and of a movement what that changes. φ is a loan's own whole number below a million, drawn from the hash of its
identifier: so the parts always add up to W; nobody is ever a fen away from his exact share of a running total; the mean
over loans of what a lender has is exactly his share whatever the amounts are (the mean of floor(x + φ) over φ is x); and
since only the total counts, a reversal takes back to the fen what it reverses, and the order of late movements is of no
consequence. A remainder kept movement by movement has none of the last two.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import sha256
from typing import Final, TypeAlias

from libs.contracts.partners import SHARE_PARTS

ACCOUNTS: Final = ("disbursed", "principal", "interest", "fee", "penalty", "waived", "written_off", "recovered", "cost")
COST: Final = "cost"
TRANSFERRED: Final = "transferred"
TRANSFERRED_INTEREST: Final = "transferred_interest"
CHANGES_HANDS: Final = (TRANSFERRED, TRANSFERRED_INTEREST)
"""What lenders pay one another at a change of shares: what one has bought, another has sold."""

Amounts: TypeAlias = Mapping[str, int]
"""Minor units by account; what is not named is 0."""
Shares: TypeAlias = tuple[tuple[str, int], ...]
"""Lenders with their millionths, in the order of the agreement; they add up to a million."""


class SharesError(ValueError):
    """Not the shares of a whole; the message says why."""


def check_shares(shares: Shares) -> Shares:
    """Raises `SharesError` unless each lender is named once and the millionths add up."""
    funders = [funder for funder, _ in shares]
    if not shares or len(set(funders)) != len(funders):
        raise SharesError("name each lender once")
    if any(share <= 0 for _, share in shares) or sum(share for _, share in shares) != SHARE_PARTS:
        raise SharesError(f"shares are positive and add up to {SHARE_PARTS} millionths")
    return shares


def phase_of(loan_id: str) -> int:
    """φ of a loan: where in the circle of remainders it begins."""
    return int.from_bytes(sha256(loan_id.encode()).digest()[:16], "big") % SHARE_PARTS


def apportion(total_minor: int, shares: Shares, phase: int) -> list[int]:
    """What each lender has of a running total, in the order of `shares`; adds up to it exactly."""
    parts, cumulative, before = [], 0, 0
    for _, share in shares:
        cumulative += share
        until = (total_minor * cumulative + phase) // SHARE_PARTS
        parts.append(until - before)
        before = until
    return parts


@dataclass(frozen=True, slots=True)
class Epoch:
    """Shares in force from a date on, with what moved under them.

    `interest_earned` is what the loan had earned of interest by then, whoever paid it: what of it was not met on an
    earlier date is paid for by who has more from then on. None: it passes without a price. `costs` are running totals
    by who bears them: an agreement may say otherwise than by the shares.
    """

    since: date
    shares: Shares
    moved: Amounts = field(default_factory=dict)
    interest_earned: int | None = None
    costs: Mapping[Shares, int] = field(default_factory=dict)

    def plus(self, amounts: Amounts) -> Epoch:
        return replace(self, moved=_plus(self.moved, amounts))


@dataclass(frozen=True, slots=True)
class Book:
    """Everything that moved on a loan, by the shares that were in force on its effective date."""

    phase: int
    epochs: tuple[Epoch, ...]

    @classmethod
    def begin(cls, loan_id: str, shares: Shares, since: date) -> Book:
        return cls(phase_of(loan_id), (Epoch(since, check_shares(shares)),))

    @property
    def total(self) -> Amounts:
        """The control account: what moved, whoever holds it."""
        whole: dict[str, int] = {}
        for epoch in self.epochs:
            whole = _plus(_plus(whole, epoch.moved), {COST: sum(epoch.costs.values())})
        return whole

    def move(self, effective_on: date, amounts: Amounts) -> Book:
        """With a movement on its effective date; what is earlier than the first shares falls under those."""
        index, epochs = self._index(effective_on), list(self.epochs)
        epochs[index] = epochs[index].plus(amounts)
        return Book(self.phase, tuple(epochs))

    def bear(self, incurred_on: date, amount: int, bearing: Shares) -> Book:
        """With a cost that these bear, on the date when it arose; less than nothing takes one back."""
        index, epochs = self._index(incurred_on), list(self.epochs)
        costs = epochs[index].costs
        epochs[index] = replace(epochs[index], costs={**costs, bearing: costs.get(bearing, 0) + amount})
        return Book(self.phase, tuple(epochs))

    def shares_on(self, effective_on: date) -> Shares:
        """In force on a date; before the first, those."""
        return self.epochs[self._index(effective_on)].shares

    def lenders_on(self, effective_on: date) -> tuple[str, ...]:
        """Who holds shares on a date."""
        return tuple(funder for funder, _ in self.shares_on(effective_on))

    def _index(self, effective_on: date) -> int:
        return max(0, bisect_right([epoch.since for epoch in self.epochs], effective_on) - 1)

    def transfer(self, since: date, shares: Shares, interest_earned: int | None = None) -> Book:
        """With other shares from a date on; raises `SharesError` for a date that is not after the last change."""
        if since <= self.epochs[-1].since:
            raise SharesError(f"shares change after {self.epochs[-1].since.isoformat()}, when they last did")
        return Book(self.phase, (*self.epochs, Epoch(since, check_shares(shares), {}, interest_earned)))

    def holdings(self) -> dict[str, dict[str, int]]:
        """What every lender ever named has in each account, and what he bought or sold."""
        held: dict[str, dict[str, int]] = {}
        outstanding = interest_met = 0
        previous: dict[str, int] = {}
        for number, epoch in enumerate(self.epochs):
            if number:
                _buy(held, TRANSFERRED, previous, self._of(epoch, outstanding))
            if number and epoch.interest_earned is not None:
                unmet = epoch.interest_earned - interest_met
                before, now = self._of(self.epochs[number - 1], unmet), self._of(epoch, unmet)
                _buy(held, TRANSFERRED_INTEREST, before, now)
            for account in ACCOUNTS:
                moved = epoch.moved.get(account, 0)
                for funder, part in self._of(epoch, moved).items():
                    _account(held, funder)[account] += part
            for bearing, total in epoch.costs.items():
                for (funder, _), part in zip(bearing, apportion(total, bearing, self.phase), strict=True):
                    _account(held, funder)[COST] += part
            outstanding += epoch.moved.get("disbursed", 0) - epoch.moved.get("principal", 0)
            interest_met += epoch.moved.get("interest", 0)
            previous = {funder: row["disbursed"] - row["principal"] + row[TRANSFERRED] for funder, row in held.items()}
        return held

    def _of(self, epoch: Epoch, total_minor: int) -> dict[str, int]:
        parts = apportion(total_minor, epoch.shares, self.phase)
        return {funder: part for (funder, _), part in zip(epoch.shares, parts, strict=True)}


def changes(before: Book, after: Book) -> dict[str, dict[str, int]]:
    """By how much each lender's accounts differ; lenders without a difference are left out."""
    old, new = before.holdings(), after.holdings()
    result = {}
    for funder in new:
        row = {name: amount - old.get(funder, {}).get(name, 0) for name, amount in new[funder].items()}
        if any(row.values()):
            result[funder] = row
    return result


def _account(held: dict[str, dict[str, int]], funder: str) -> dict[str, int]:
    return held.setdefault(funder, dict.fromkeys((*ACCOUNTS, *CHANGES_HANDS), 0))


def _buy(held: dict[str, dict[str, int]], account: str, before: Mapping[str, int], now: Mapping[str, int]) -> None:
    """What each has more than before, he has bought."""
    for funder in {**before, **now}:
        _account(held, funder)[account] += now.get(funder, 0) - before.get(funder, 0)


def _plus(left: Amounts, right: Amounts) -> dict[str, int]:
    return {name: left.get(name, 0) + right.get(name, 0) for name in {**left, **right}}
