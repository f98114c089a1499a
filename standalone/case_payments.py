"""In which order a case's payments pay its instalments, where payments do not change the plan."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from libs.lending.allocation import Component
from libs.lending.recalculation import LiveRow
from standalone.case_values import Case, UnsupportedError, params

Components = tuple[Component, ...]

WORDS: Final = {
    "PENALT": Component.PENALTY,
    "FEE": Component.FEE,
    "INTEREST": Component.INTEREST,
    "PRINCIPAL": Component.PRINCIPAL,
}
USUAL: Final[Components] = (Component.PENALTY, Component.FEE, Component.INTEREST, Component.PRINCIPAL)


class Future(StrEnum):
    """Which instalment that is not yet due is paid first."""

    NEXT_INSTALLMENT = "NEXT_INSTALLMENT"
    LAST_INSTALLMENT = "LAST_INSTALLMENT"
    NEXT_LAST_INSTALLMENT = "NEXT_LAST_INSTALLMENT"
    """The next one, then from the last backwards."""


@dataclass(frozen=True)
class PayOrder:
    """Components of an instalment that is due, of one that is not, and which of the latter come first."""

    due: Components = USUAL
    in_advance: Components = USUAL
    future: Future = Future.NEXT_INSTALLMENT


def pay_order(case: Case) -> PayOrder:
    """The order that the case's payment strategy spells out in its name."""
    due, _, advance = str(params(case).get("payment_strategy", "")).upper().partition("IN_ADVANCE")
    named = params(case).get("future_installment_allocation_rule", Future.NEXT_INSTALLMENT)
    if named not in Future.__members__:
        raise UnsupportedError(f"payments in advance by {named}")
    return PayOrder(_components(due), _components(advance or due), Future(named))


def _components(text: str) -> Components:
    found = re.findall("|".join(WORDS), text)
    return tuple(WORDS[word] for word in found) if sorted(found) == sorted(WORDS) else USUAL


def pay_in_order(rows: Sequence[LiveRow], on: date, amount: int, order: PayOrder) -> int:
    """Instalment by instalment, what is due first; returns what is over."""
    for row, components in _in_turn(rows, on, order):
        for component in components:
            part = min(amount, row.due_of(component) - row.paid_of(component))
            if part > 0:
                row.payments.append((on, component, part))
                amount -= part
    return amount


def _in_turn(rows: Sequence[LiveRow], on: date, order: PayOrder) -> Iterator[tuple[LiveRow, Components]]:
    future = [row for row in rows if row.due > on and row.outstanding]
    if order.future is Future.LAST_INSTALLMENT:
        future.reverse()
    elif order.future is Future.NEXT_LAST_INSTALLMENT:
        future[1:] = future[:0:-1]
    yield from ((row, order.due) for row in rows if row.due <= on)
    yield from ((row, order.in_advance) for row in future)
