"""Level and stepped instalments: the search for the amount, and the rows that it gives."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Final

from libs.lending.annuity import level_instalment
from libs.lending.periods import nominal_rate
from libs.lending.rounding import Rounding, divide, divide_to_multiple
from libs.lending.terms import InstalmentFit, InstalmentRule, InterestShortfall, LoanTerms, Remainder, TermsError
from libs.lending.tranches import Draw

Part = tuple[int, int]
"""Principal and interest of one instalment, in minor units."""

FIT_TRIES_MAX: Final = 40
"""Corrections of a level instalment: each brings the last one nearer, so a handful is used; the bound is a guard."""
FIRST_SEARCH: Final = 3
"""Minor units either side of the estimate that are tried when the first instalment takes the remainder."""


class LevelRun:
    """The rows after grace that a level instalment gives, and the search for the instalment."""

    def __init__(
        self, terms: LoanTerms, principal: int, rates: Sequence[int], denominator: int, drawn: Sequence[Draw] = ()
    ) -> None:
        self.terms, self.principal, self.rates, self.denominator = (
            terms,
            principal,
            rates,
            denominator,
        )
        self.drawn = drawn if any(draw.amount for draw in drawn) else ()
        self.balloon = terms.balloon.minor if terms.balloon is not None else 0
        self.weights, self.scale = _integer_weights(terms.weights[terms.principal_grace :])

    def level(self) -> int:
        """The level instalment, fitted where the terms say so."""
        return self._fitted_level()[0]

    def _fitted_level(self) -> tuple[int, list[Part]]:
        level = self.solve(self.principal, 0)
        rows = self.rows(level)
        if self.terms.instalment_fit is not InstalmentFit.ROUNDED:
            level, rows = self._fit(level, rows)
        return level, rows

    def fitted(self) -> list[Part]:
        """The rows that the fitted level instalment gives."""
        if self.drawn:
            return self.drawn_rows()
        level, rows = self._fitted_level()
        if self.terms.remainder is Remainder.FIRST and not self.weights and len(rows) == len(self.rates) > 1:
            rows = self._remainder_first(level, rows)
        return rows

    def solve(self, principal: int, first: int) -> int:
        """The level instalment for the periods from `first`."""
        terms = self.terms
        rates, denominator = self.rates[first:], self.denominator
        if self.drawn and self.drawn[first].amount:
            principal, rates, denominator = self._with_draw(principal, first)
        if terms.instalment_rule is not InstalmentRule.PERIOD_RATES:
            nominal = nominal_rate(terms, terms.instalment_rule is InstalmentRule.NOMINAL_DAYS)
            rates, denominator = [nominal.numerator] * len(rates), nominal.denominator
        level = level_instalment(
            principal * self.scale,
            rates,
            denominator,
            balloon=self.balloon * self.scale,
            weights=self.weights[first:] if self.weights else None,
            multiple=terms.instalment_multiple_minor,
            mode=terms.instalment_rounding or terms.rounding,
        )
        # Rounding to a multiple must not round a debt away: such a loan is repaid in fewer instalments.
        return max(level, terms.instalment_multiple_minor) if principal > self.balloon else level

    def _with_draw(self, balance: int, first: int) -> tuple[int, list[int], int]:
        """What is owed with a tranche, and rates that give the first period the interest that really arises in it."""
        amount, extra = self.drawn[first]
        owed = balance + amount
        rates = [balance * self.rates[first] + extra, *(rate * owed for rate in self.rates[first + 1 :])]
        return owed, rates, self.denominator * owed

    def drawn_rows(self) -> list[Part]:
        """As `rows`, with the instalment solved again for every tranche."""
        mode, weights = self.terms.rounding, self.weights
        balance, level, rows = self.principal, 0, []
        for n, rate in enumerate(self.rates):
            amount, extra = self.drawn[n]
            if amount or n == 0:
                level = self.solve(balance, n)
            interest = divide(balance * rate + extra, self.denominator, mode)
            balance += amount
            due = level if not weights else divide(level * weights[n], self.scale, mode)
            if n == len(self.rates) - 1:
                part = balance
            elif due < interest:
                self._refuse_or_raise(n)
                part, level = 0, self.solve(balance, n + 1)
            else:
                part = min(due - interest, balance)
            rows.append((part, interest))
            balance -= part
            if balance == 0 and not any(draw.amount for draw in self.drawn[n + 1 :]):
                break
        return rows

    def rows(self, level: int, first_extra: int = 0) -> list[Part]:
        """Interest first, the rest principal; the last row takes what is left."""
        if self.terms.rounding is Rounding.HALF_UP and not (self.weights or first_extra):
            rows = self._even_rows(level)
            if rows is not None:
                return rows
        mode, denominator, weights = self.terms.rounding, self.denominator, self.weights
        balance, rows = self.principal, []
        last = len(self.rates) - 1
        for n, rate in enumerate(self.rates):
            interest = divide(balance * rate, denominator, mode)
            if n == last:
                rows.append((balance, interest))
                break
            amount = level if not weights else divide(level * weights[n], self.scale, mode)
            if n == 0:
                amount += first_extra
            if amount < interest:
                self._refuse_or_raise(n)
                rows.append((0, interest))
                level = self.solve(balance, n + 1)
                continue
            part = min(amount - interest, balance)
            rows.append((part, interest))
            balance -= part
            if balance == 0:
                break
        return rows

    def _even_rows(self, level: int) -> list[Part] | None:
        """What `rows` gives for the commonest terms, in half its time; None where an instalment is below its interest."""
        denominator, balance, rows = self.denominator, self.principal, list[Part]()
        twice = 2 * denominator
        for rate in self.rates[:-1]:
            interest = (2 * balance * rate + denominator) // twice  # `divide`, half up
            part = level - interest
            if part < 0:
                return None
            if part >= balance:
                rows.append((balance, interest))
                return rows
            rows.append((part, interest))
            balance -= part
        rows.append((balance, (2 * balance * self.rates[-1] + denominator) // twice))
        return rows

    def _refuse_or_raise(self, n: int) -> None:
        if self.terms.interest_shortfall is InterestShortfall.REFUSE:
            number = n + self.terms.principal_grace + 1
            raise TermsError(
                "instalment-below-interest",
                f"instalment {number} would not cover its interest: shorten the term or let it be raised",
            )

    def _gap(self, level: int, rows: list[Part]) -> int:
        """By how much the last instalment exceeds the level one; a plan that ends early misses whole instalments."""
        if len(rows) < len(self.rates):
            return -(level * (len(self.rates) - len(rows)) + level - sum(rows[-1]))
        weight = self.weights[-1] if self.weights else self.scale
        return sum(rows[-1]) - self.balloon - divide(level * weight, self.scale, self.terms.rounding)

    def _fit(self, level: int, rows: list[Part]) -> tuple[int, list[Part]]:
        step = self.terms.instalment_multiple_minor
        once = self.terms.instalment_fit is InstalmentFit.ONE_RETRY
        if once and abs(self._gap(level, rows)) <= len(self.rates) // 2:
            return level, rows
        for _ in range(1 if once else FIT_TRIES_MAX):
            gap = self._gap(level, rows)
            shift = divide_to_multiple(gap, len(self.rates), step, self.terms.rounding)
            if shift == 0 and not once:
                shift = step if gap > 0 else -step
            other = level + shift
            if other <= 0:
                break
            others = self.rows(other)
            if abs(self._gap(other, others)) >= abs(gap):
                break
            level, rows = other, others
        return level, rows

    def _remainder_first(self, level: int, rows: list[Part]) -> list[Part]:
        """The gap moves to the first instalment, as far as later rounding lets it: within a minor unit or two."""
        growth = Fraction(1)
        for rate in self.rates[1:]:
            growth *= 1 + Fraction(rate, self.denominator)
        gap = self._gap(level, rows)
        estimate = divide(gap * growth.denominator, growth.numerator)
        best = rows
        for extra in range(estimate - FIRST_SEARCH, estimate + FIRST_SEARCH + 1):
            others = self.rows(level, extra) if level + extra >= rows[0][1] else rows
            if len(others) == len(rows) and abs(self._gap(level, others)) < abs(self._gap(level, best)):
                best = others
        return best


def _integer_weights(weights: Sequence[Decimal]) -> tuple[list[int], int]:
    """Weights as integers over one scale; no weights and scale 1 for level instalments."""
    if not weights:
        return [], 1
    scale = lcm(*(weight.as_integer_ratio()[1] for weight in weights))
    return [int(weight * scale) for weight in weights], scale
