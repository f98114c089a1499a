"""Exact money: integer minor units inside, decimal strings outside, the currency always beside the amount."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Final, Self

EXPONENT: Final = {"CNY": 2, "USD": 2, "EUR": 2, "INR": 2, "GBP": 2, "JPY": 0}
"""Digits after the decimal point of each currency the platform books (ISO 4217)."""

LARGEST_MINOR: Final = 10**17
"""No amount may reach this: it keeps every sum of a million amounts inside 64 bits."""

_PLAIN_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")


class MoneyError(ValueError):
    """An amount that is not money: too many digits, a float, an unknown currency, or two currencies in one sum."""


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount of one currency, in its minor unit (fen for CNY).

    >>> Money.of("1000.10") + Money.of("0.90")
    Money('1001.00', 'CNY')
    """

    minor: int
    currency: str = "CNY"

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise MoneyError(f"minor units are an integer, not {type(self.minor).__name__}")
        if self.currency not in EXPONENT:
            raise MoneyError(f"unknown currency {self.currency!r}")
        if not -LARGEST_MINOR < self.minor < LARGEST_MINOR:
            raise MoneyError("amount out of range")

    @classmethod
    def of(cls, amount: str | int | Decimal, currency: str = "CNY") -> Self:
        """Money from a plain decimal; raises `MoneyError` when it has more digits than the currency."""
        if isinstance(amount, bool) or not isinstance(amount, (str, int, Decimal)):
            raise MoneyError(f"an amount is a decimal string, not {type(amount).__name__}")
        if isinstance(amount, str) and not _PLAIN_DECIMAL.fullmatch(amount):
            raise MoneyError(f"{amount[:40]!r} is not a plain decimal number")
        if isinstance(amount, str) and len(amount) > 24:
            raise MoneyError("amount out of range")
        if currency not in EXPONENT:
            raise MoneyError(f"unknown currency {currency!r}")
        scaled = Decimal(amount).scaleb(EXPONENT[currency])
        minor = int(scaled)
        if minor != scaled:
            raise MoneyError(f"{amount} has more digits than {currency} has ({EXPONENT[currency]})")
        return cls(minor, currency)

    @classmethod
    def zero(cls, currency: str = "CNY") -> Self:
        return cls(0, currency)

    @property
    def amount(self) -> str:
        """The amount as a plain decimal string with all digits of its currency."""
        digits = EXPONENT[self.currency]
        if digits == 0:
            return str(self.minor)
        sign = "-" if self.minor < 0 else ""
        whole, part = divmod(abs(self.minor), 10**digits)
        return f"{sign}{whole}.{part:0{digits}d}"

    @property
    def decimal(self) -> Decimal:
        return Decimal(self.minor).scaleb(-EXPONENT[self.currency])

    def times(self, factor: Decimal, rounding: str = ROUND_HALF_UP) -> Money:
        """This amount times an exact factor, rounded to the minor unit once."""
        return Money(
            int((Decimal(self.minor) * factor).quantize(Decimal(1), rounding=rounding)),
            self.currency,
        )

    def split(self, weights: Sequence[int]) -> list[Money]:
        """Parts in proportion to `weights` that sum to the whole (largest remainder; ties go to the first)."""
        total = sum(weights)
        if total <= 0 or any(weight < 0 for weight in weights):
            raise MoneyError("weights must be non-negative and not all zero")
        sign = -1 if self.minor < 0 else 1
        shares = [divmod(abs(self.minor) * weight, total) for weight in weights]
        left = abs(self.minor) - sum(whole for whole, _ in shares)
        by_remainder = sorted(range(len(shares)), key=lambda i: (-shares[i][1], i))
        raised = set(by_remainder[:left])
        return [Money(sign * (whole + (i in raised)), self.currency) for i, (whole, _) in enumerate(shares)]

    def _same(self, other: object) -> Money:
        if not isinstance(other, Money):
            raise TypeError(f"money does not combine with {type(other).__name__}")
        if other.currency != self.currency:
            raise MoneyError(f"{self.currency} does not combine with {other.currency}")
        return other

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other).minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other).minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __mul__(self, factor: int) -> Money:
        if type(factor) is not int:
            raise TypeError("multiply money by an integer, or use times() with an exact factor")
        return Money(self.minor * factor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other).minor

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other).minor

    def __gt__(self, other: Money) -> bool:
        return self.minor > self._same(other).minor

    def __ge__(self, other: Money) -> bool:
        return self.minor >= self._same(other).minor

    def __bool__(self) -> bool:
        return self.minor != 0

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def __repr__(self) -> str:
        return f"Money({self.amount!r}, {self.currency!r})"


def total(amounts: Iterable[Money], currency: str = "CNY") -> Money:
    """The sum of amounts of one currency; zero of `currency` when there are none."""
    result: Money | None = None
    for amount in amounts:
        result = amount if result is None else result + amount
    return Money.zero(currency) if result is None else result


ROUNDING_MODES: Final = {"HALF_UP": ROUND_HALF_UP, "HALF_EVEN": ROUND_HALF_EVEN}
