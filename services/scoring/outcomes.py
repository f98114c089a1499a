"""What became of the loans that applications led to: kept by reactions, laid beside what a card had said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Column, Date, Index, String, Table

from libs.contracts.ledger import DelinquencyChanged, DisbursementReturned, LoanDisbursed, LoanWrittenOff
from libs.events.codec import Recorded
from libs.events.projection import Put, Remove
from libs.events.subscribers import Reaction
from libs.lending.calendar import add_months
from libs.service.runtime import Runtime
from services.scoring.domain.card import Card
from services.scoring.domain.performance import Loan
from services.scoring.library import library
from services.scoring.records import METADATA

OUTCOME: Final = Table(
    "loan_outcome",
    METADATA,
    Column("loan_id", String(80), primary_key=True),
    Column("application_id", String(80), nullable=False),
    Column("disbursed_on", Date, nullable=False),
    Column("defaulted_on", Date),
    Index("loan_outcome_by_date", "disbursed_on"),
)
"""Loans paid out, and when they defaulted first; a loan in default that recovers has defaulted all the same."""

DEFAULTED: Final = "update loan_outcome set defaulted_on = $2 where loan_id = $1 and defaulted_on is null"
JUDGED: Final = """
    select o.disbursed_on, o.defaulted_on, a.grade, a.score, a.probability_of_default
    from loan_outcome o join assessment_v1 a using (application_id)
    where a.card_id = $1 and a.card_version = $2 and o.disbursed_on <= $3 order by o.disbursed_on, a.application_id"""


@dataclass(frozen=True, slots=True)
class Judged:
    """Loans whose window is over, and how many are too young to be judged."""

    loans: Sequence[Loan]
    young: int


async def paid_out(recorded: Recorded[LoanDisbursed], reaction: Reaction) -> None:
    event = recorded.event
    row = {"loan_id": event.loan_id, "application_id": event.application_id, "disbursed_on": event.value_date}
    await reaction.apply(Put(OUTCOME, row))


async def sent_back(recorded: Recorded[DisbursementReturned], reaction: Reaction) -> None:
    """The loan is as if it had never been paid out."""
    await reaction.apply(Remove(OUTCOME, {"loan_id": recorded.event.loan_id}))


async def fell_behind(recorded: Recorded[DelinquencyChanged], reaction: Reaction) -> None:
    event = recorded.event
    if event.position.days_past_due > library().performance_policy(event.changed_on).default_days:
        await reaction.session.connection.execute(DEFAULTED, event.loan_id, event.changed_on)


async def written_off(recorded: Recorded[LoanWrittenOff], reaction: Reaction) -> None:
    event = recorded.event
    await reaction.session.connection.execute(DEFAULTED, event.loan_id, event.written_off_on)


async def judged(runtime: Runtime, card: Card, on: date) -> Judged:
    """The loans that a card scored and that were paid out by a date. Judged are those whose whole window is over: of the
    younger ones only the bad would be known."""
    months = library().performance_policy(on).window_months
    loans, young = [], 0
    for row in await runtime.store.pool.fetch(JUDGED, card.card_id, card.version, on):
        ends = add_months(row["disbursed_on"], months)
        if ends > on:
            young += 1
            continue
        defaulted_on = row["defaulted_on"]
        loans.append(
            Loan(
                f"{row['disbursed_on']:%Y-%m}",
                row["grade"],
                row["score"],
                row["probability_of_default"],
                defaulted_on is not None and defaulted_on <= ends,
            )
        )
    return Judged(loans, young)
