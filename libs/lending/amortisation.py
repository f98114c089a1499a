"""How principal and interest fall on the instalments, by repayment method; integers in, integers out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from libs.lending.fees import even_parts
from libs.lending.level import LevelRun, Part
from libs.lending.rounding import divide, divide_to_multiple
from libs.lending.terms import InterestAccrual, LoanTerms, RepaymentMethod, TermsError
from libs.lending.tranches import NO_DRAW, Draw


def amortise(
    terms: LoanTerms, principal: int, rates: Sequence[int], denominator: int, drawn: Sequence[Draw] = ()
) -> list[Part]:
    """Principal and interest of each instalment; period i's interest rate is `rates[i] / denominator`.

    `drawn` is what later tranches add within each period; `principal` is what was paid out at the start.
    """
    if terms.interest_free:
        rates = [0] * terms.interest_free + list(rates[terms.interest_free :])
    if terms.flat_interest or terms.method is RepaymentMethod.FLAT:
        parts = _flat(terms, principal, rates, denominator)
    else:
        parts = _METHODS[terms.method](terms, principal, rates, denominator, drawn)
    return _defer_interest(parts, terms.interest_grace) if terms.interest_grace else parts


def _defer_interest(parts: list[Part], grace: int) -> list[Part]:
    """Interest of the graced instalments is billed with the first one after them (the last, if none is left)."""
    grace = min(grace, len(parts) - 1)
    deferred = sum(interest for _, interest in parts[:grace])
    principal, interest = parts[grace]
    graced = [(principal, 0) for principal, _ in parts[:grace]]
    return [*graced, (principal, interest + deferred), *parts[grace + 1 :]]


def _level(
    terms: LoanTerms, principal: int, rates: Sequence[int], denominator: int, drawn: Sequence[Draw]
) -> list[Part]:
    grace, before = terms.principal_grace, []
    for n, rate in enumerate(rates[:grace]):
        amount, extra = drawn[n] if drawn else NO_DRAW
        before.append((0, divide(principal * rate + extra, denominator, terms.rounding)))
        principal += amount
    run = LevelRun(terms, principal, rates[grace:], denominator, drawn[grace:])
    return before + run.fitted()


def _fixed_instalment(
    terms: LoanTerms, principal: int, rates: Sequence[int], denominator: int, drawn: Sequence[Draw]
) -> list[Part]:
    assert terms.fixed_instalment is not None
    balance, rows = principal, []
    for n, rate in enumerate(rates):
        amount, extra = drawn[n] if drawn else NO_DRAW
        interest = divide(balance * rate + extra, denominator, terms.rounding)
        balance += amount
        part = terms.fixed_instalment.minor - interest
        if n < terms.principal_grace:
            part = 0
        elif n == len(rates) - 1:
            part = balance
        elif part <= 0:
            raise TermsError(
                "instalment-below-interest",
                "the fixed instalment does not cover the interest: raise it",
            )
        part = min(part, balance)
        rows.append((part, interest))
        balance -= part
        if balance == 0 and not any(draw.amount for draw in drawn[n + 1 :]):
            break
    return rows


def _principal_parts(terms: LoanTerms, principal: int, count: int, grace: int | None = None) -> list[int]:
    """The principal of each of the last `count` instalments where it does not depend on interest."""
    if terms.method is RepaymentMethod.IRREGULAR:
        return _scaled([part.minor for part in terms.principal_parts], principal)
    if terms.method in (RepaymentMethod.INTEREST_ONLY_BALLOON, RepaymentMethod.BULLET):
        return [0] * (count - 1) + [principal]
    grace = terms.principal_grace if grace is None else grace
    balloon = terms.balloon.minor if terms.balloon is not None else 0
    if terms.fixed_principal is not None:
        parts, left = [], principal
        for _ in range(count - grace - 1):
            parts.append(min(terms.fixed_principal.minor, left))
            left -= parts[-1]
        parts.append(left)
    else:
        parts = even_parts(principal - balloon, count - grace, terms)
        parts[-1] += balloon
    return [0] * grace + parts


def _scaled(parts: list[int], principal: int) -> list[int]:
    """Agreed parts of the principal; a financed fee goes with the last."""
    return [*parts[:-1], parts[-1] + principal - sum(parts)]


def _declining(
    terms: LoanTerms, principal: int, rates: Sequence[int], denominator: int, drawn: Sequence[Draw]
) -> list[Part]:
    if any(draw.amount for draw in drawn):
        return _declining_drawn(terms, principal, rates, denominator, drawn)
    rows, balance = [], principal
    for part, rate in zip(_principal_parts(terms, principal, len(rates)), rates, strict=True):
        rows.append((part, divide(balance * rate, denominator, terms.rounding)))
        balance -= part
        if balance == 0 and terms.fixed_principal is not None:
            break
    return rows


def _declining_drawn(
    terms: LoanTerms, balance: int, rates: Sequence[int], denominator: int, drawn: Sequence[Draw]
) -> list[Part]:
    """With every tranche the principal that is then owed is spread again, unless each part was agreed."""
    agreed = terms.method is RepaymentMethod.IRREGULAR
    parts = _principal_parts(terms, terms.principal.minor if agreed else balance, len(rates))
    rows = []
    for n, (rate, (amount, extra)) in enumerate(zip(rates, drawn, strict=True)):
        interest = divide(balance * rate + extra, denominator, terms.rounding)
        balance += amount
        if amount and not agreed:
            left = len(rates) - n
            parts[n:] = _principal_parts(terms, balance, left, max(0, terms.principal_grace - n))
        if parts[n] > balance:
            raise TermsError("tranches", f"instalment {n + 1} repays more than was paid out by then")
        rows.append((parts[n], interest))
        balance -= parts[n]
    return rows


def _flat(terms: LoanTerms, principal: int, rates: Sequence[int], denominator: int) -> list[Part]:
    """Interest on the original principal. The term's interest is rounded once; its parts are equal where periods are
    (and under DAILY, where the days are spread evenly), the last takes the remainder."""
    total = divide(principal * sum(rates), denominator, terms.rounding)
    bearing = [n for n, rate in enumerate(rates) if rate]
    interest = [0] * len(rates)
    if terms.accrual is InterestAccrual.DAILY and not terms.rate_changes and bearing:
        for n, part in zip(bearing, even_parts(total, len(bearing), terms), strict=True):
            interest[n] = part
    else:
        left = total
        for n, rate in enumerate(rates):
            interest[n] = min(divide(principal * rate, denominator, terms.rounding), left)
            left -= interest[n]
        if bearing:
            interest[bearing[-1]] += left
    if terms.method not in (RepaymentMethod.FLAT, RepaymentMethod.EQUAL_INSTALMENT):
        return list(zip(_principal_parts(terms, principal, len(rates)), interest, strict=True))
    return _flat_level(terms, principal, interest)


def _flat_level(terms: LoanTerms, principal: int, interest: list[int]) -> list[Part]:
    """Equal parts of principal with the whole instalment rounded to its multiple; the last takes what is left."""
    if terms.instalment_multiple_minor == 1:
        return list(zip(_principal_parts(terms, principal, len(interest)), interest, strict=True))
    count = len(interest) - terms.principal_grace
    rows, balance = [], principal
    for n, due in enumerate(interest):
        if n == len(interest) - 1:
            part = balance
        elif n < terms.principal_grace:
            part = 0
        else:
            amount = principal + due * count
            level = divide_to_multiple(amount, count, terms.instalment_multiple_minor, terms.rounding)
            part = max(0, min(level - due, balance))
        rows.append((part, due))
        balance -= part
    return rows


_METHODS: Final[dict[RepaymentMethod, Callable[[LoanTerms, int, Sequence[int], int, Sequence[Draw]], list[Part]]]] = {
    RepaymentMethod.EQUAL_INSTALMENT: _level,
    RepaymentMethod.STEPPED: _level,
    RepaymentMethod.FIXED_INSTALMENT: _fixed_instalment,
    RepaymentMethod.EQUAL_PRINCIPAL: _declining,
    RepaymentMethod.INTEREST_ONLY_BALLOON: _declining,
    RepaymentMethod.BULLET: _declining,
    RepaymentMethod.FIXED_PRINCIPAL: _declining,
    RepaymentMethod.IRREGULAR: _declining,
}
