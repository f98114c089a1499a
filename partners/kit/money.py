"""Amounts as the platform writes them: decimal strings outside, `Decimal` inside, never a float."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

PLACES: Final = {"CNY": 2}
"""Digits after the point, by currency; shared loans are in yuan alone."""

DIGITS_MAX: Final = 20


def _decimal(value: Any) -> Decimal:
    if not isinstance(value, str | Decimal):
        raise ValueError("an amount is a decimal string or a Decimal, never a float")
    try:
        read = Decimal(value)
    except InvalidOperation:
        raise ValueError("an amount is a decimal string, like 770.11") from None
    if not read.is_finite() or read.adjusted() > DIGITS_MAX:
        raise ValueError(f"an amount is finite, of at most {DIGITS_MAX} digits")
    return read


Exact = Annotated[Decimal, BeforeValidator(_decimal), PlainSerializer(lambda value: format(value, "f"), str, "json")]
"""A decimal that was a string, and is one again."""


class Money(BaseModel):
    """An exact amount. `Money.of("770.11")`; in JSON `{"amount": "770.11", "currency": "CNY"}`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount: Exact
    currency: str = "CNY"

    def model_post_init(self, _context: Any) -> None:
        places = PLACES.get(self.currency)
        if places is None:
            raise ValueError(f"{self.currency} is not a currency of shared loans: {', '.join(PLACES)}")
        unit = Decimal(1).scaleb(-places)
        if self.amount != self.amount.quantize(unit):
            raise ValueError(f"{self.currency} has {places} decimals")
        object.__setattr__(self, "amount", self.amount.quantize(unit) + 0)  # + 0: there is no minus zero

    @classmethod
    def of(cls, amount: str | Decimal, currency: str = "CNY") -> Self:
        return cls(amount=amount, currency=currency)

    @classmethod
    def of_minor(cls, minor: int, currency: str = "CNY") -> Self:
        """Of whole fen."""
        return cls(amount=Decimal(minor).scaleb(-PLACES[currency]), currency=currency)

    @property
    def minor(self) -> int:
        """In whole fen: what a book should keep."""
        return int(self.amount.scaleb(PLACES[self.currency]))

    def __add__(self, other: Money) -> Money:
        return Money(amount=self.amount + self._same(other), currency=self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(amount=self.amount - self._same(other), currency=self.currency)

    def __neg__(self) -> Money:
        return Money(amount=-self.amount, currency=self.currency)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def _same(self, other: Money) -> Decimal:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add up")
        return other.amount


NOTHING: Final = Money.of("0.00")
