"""Each lender's movements, files that were reconciled and breaks, as rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Column, Date, Index, Integer, MetaData, String, Table, Text

from libs.contracts.partners import (
    BreakAnswered,
    BreakAssigned,
    BreakFound,
    BreakResolved,
    CostRepaid,
    CostRepaymentReversed,
    CostReversed,
    CostShared,
    FileReconciled,
    FunderPart,
    MovementSplit,
    SharesTransferred,
)
from libs.events.codec import Recorded
from libs.events.ids import derive_id
from libs.events.projection import Change, Patch, Projection, Put
from services.partners.domain.split import ACCOUNTS, CHANGES_HANDS

RECONCILIATION: Final = MetaData()

MOVEMENT: Final = Table(
    "funder_movement_v1",
    RECONCILIATION,
    Column("movement_id", String(80), primary_key=True),
    Column("funder", String(64), primary_key=True),
    Column("reference", String(36), nullable=False),
    Column("loan_id", String(80), nullable=False),
    Column("type", Text, nullable=False),
    Column("effective_on", Date, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("cash_minor", BigInteger, nullable=False),
    *(Column(f"{name}_minor", BigInteger, nullable=False) for name in (*ACCOUNTS, *CHANGES_HANDS)),
    Index("funder_movement_v1_by_date", "funder", "effective_on", "position"),
    Index("funder_movement_v1_by_position", "funder", "position", "movement_id"),
    Index("funder_movement_v1_by_loan", "loan_id", "funder"),
)
"""What moved for a lender. `reference` is the identifier of the event that he is told; `position` is ours, and grows."""

FILE: Final = Table(
    "reconciled_file_v1",
    RECONCILIATION,
    Column("counterparty", String(80), primary_key=True),
    Column("file_date", Date, primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("ours", Integer, nullable=False),
    Column("theirs", Integer, nullable=False),
    Column("matched", Integer, nullable=False),
    Column("found", Integer, nullable=False),
    Column("closed", Integer, nullable=False),
    Column("ours_minor", BigInteger, nullable=False),
    Column("theirs_minor", BigInteger, nullable=False),
    Column("reconciled_on", Date, nullable=False),
)

BREAK: Final = Table(
    "break_v1",
    RECONCILIATION,
    Column("break_id", String(80), primary_key=True),
    Column("counterparty", String(80), nullable=False),
    Column("kind", String(13), nullable=False),
    Column("reference", Text, nullable=False),
    Column("file_date", Date, nullable=False),
    Column("ours_minor", BigInteger),
    Column("theirs_minor", BigInteger),
    Column("ours_date", Date),
    Column("theirs_date", Date),
    Column("ours_status", Text, nullable=False),
    Column("theirs_status", Text, nullable=False),
    Column("found_on", Date, nullable=False),
    Column("assignee", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("outcome", String(15), nullable=False),
    Column("reason", Text, nullable=False),
    Column("resolved_on", Date),
    Index("break_v1_by_counterparty", "counterparty", "break_id"),
)
"""`outcome` is empty while it is open."""

movements_view = Projection("movements", 1, [MOVEMENT])
reconciliation_view = Projection("reconciliation", 1, [FILE, BREAK])


@movements_view.on(MovementSplit)
def moved(recorded: Recorded[MovementSplit]) -> Iterable[Change]:
    event = recorded.event
    for part in event.parts:
        told = str(derive_id(UUID(event.movement_id), f"webhook/{part.funder}"))
        yield _movement(recorded, part, event.movement_id, told, event.movement_type, event.effective_on)


@movements_view.on(SharesTransferred)
def transferred(recorded: Recorded[SharesTransferred]) -> Iterable[Change]:
    event, movement_id = recorded.event, str(recorded.event_id)
    for part in event.parts:
        yield _movement(recorded, part, movement_id, movement_id, recorded.current_type, event.effective_from)


@movements_view.on(CostShared, CostReversed)
def cost(recorded: Recorded[Any]) -> Iterable[Change]:
    event, movement_id = recorded.event, str(recorded.event_id)
    for part in event.parts:
        yield _movement(recorded, part, movement_id, movement_id, recorded.current_type, event.incurred_on)


@movements_view.on(CostRepaid, CostRepaymentReversed)
def cost_repaid(recorded: Recorded[Any]) -> Iterable[Change]:
    event, movement_id = recorded.event, str(recorded.event_id)
    for part in event.parts:
        yield _movement(recorded, part, movement_id, movement_id, recorded.current_type, event.repaid_on)


@reconciliation_view.on(FileReconciled)
def reconciled(recorded: Recorded[FileReconciled]) -> Iterable[Change]:
    event = recorded.event
    yield Put(
        FILE,
        {
            **event.model_dump(include={"counterparty", "file_date", "sha256", "ours", "theirs", "matched"}),
            **event.model_dump(include={"found", "closed", "reconciled_on"}),
            "ours_minor": event.ours_total.minor,
            "theirs_minor": event.theirs_total.minor,
        },
    )


@reconciliation_view.on(BreakFound)
def found(recorded: Recorded[BreakFound]) -> Iterable[Change]:
    event = recorded.event
    yield Put(
        BREAK,
        {
            **event.model_dump(include={"break_id", "counterparty", "reference", "file_date", "found_on"}),
            **event.model_dump(include={"ours_date", "theirs_date", "ours_status", "theirs_status"}),
            "kind": event.kind.value,
            "ours_minor": event.ours_amount.minor if event.ours_amount else None,
            "theirs_minor": event.theirs_amount.minor if event.theirs_amount else None,
            "assignee": "",
            "answer": "",
            "outcome": "",
            "reason": "",
            "resolved_on": None,
        },
    )


@reconciliation_view.on(BreakAssigned)
def assigned(recorded: Recorded[BreakAssigned]) -> Iterable[Change]:
    yield Patch(BREAK, {"break_id": recorded.event.break_id}, {"assignee": recorded.event.assignee})


@reconciliation_view.on(BreakAnswered)
def answered(recorded: Recorded[BreakAnswered]) -> Iterable[Change]:
    yield Patch(BREAK, {"break_id": recorded.event.break_id}, {"answer": recorded.event.answer})


@reconciliation_view.on(BreakResolved)
def resolved(recorded: Recorded[BreakResolved]) -> Iterable[Change]:
    event = recorded.event
    values = {"outcome": event.outcome.value, "reason": event.reason, "resolved_on": event.resolved_on}
    yield Patch(BREAK, {"break_id": event.break_id}, values)


def _movement(
    recorded: Recorded[Any], part: FunderPart, movement_id: str, reference: str, type_name: str, on: Any
) -> Put:
    return Put(
        MOVEMENT,
        {
            "movement_id": movement_id,
            "funder": part.funder,
            "reference": reference,
            "loan_id": recorded.event.loan_id,
            "type": type_name,
            "effective_on": on,
            "position": recorded.sequence,
            "cash_minor": part.cash.minor,
            **{f"{name}_minor": getattr(part.amounts, name).minor for name in ACCOUNTS},
            **{f"{name}_minor": getattr(part, name).minor for name in CHANGES_HANDS},
        },
    )
