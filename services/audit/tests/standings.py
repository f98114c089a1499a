"""Loans that stand as they are told to, in an audit that hears of nothing else."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from libs.contracts import examples as ex
from libs.contracts import ledger
from libs.contracts.base import DomainEvent
from libs.service.testing import Served
from services.audit.tests.given import example

NOTHING = {"principal": ex.cny("0.00"), "interest": ex.cny("0.00"), "fee": ex.cny("0.00"), "penalty": ex.cny("0.00")}


def loan_id(number: int) -> str:
    return str(uuid5(UUID(int=0), f"loan/{number}"))


async def tell(book: Served, number: int, on: str, event: type[DomainEvent], **changes: Any) -> None:
    told = example(event, **{"loan_id": loan_id(number), **changes})
    await book.publish(f"loan-{loan_id(number)}", told, effective_date=on)


def standing(on: str, principal: str, days: int, bucket: str) -> dict[str, Any]:
    owed = {**NOTHING, "principal": ex.cny(principal)}
    return {**ledger.POSITION, "as_of": on, "outstanding": owed, "days_past_due": days, "bucket": bucket}


async def moves(book: Served, number: int, on: str, principal: str, days: int, bucket: str) -> None:
    """A loan stands so from a day on."""
    position = standing(on, principal, days, bucket)
    await tell(book, number, on, ledger.DelinquencyChanged, position=position, changed_on=on)
