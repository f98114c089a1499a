"""The decider of a group of connected borrowers: who belongs to it, why, and by whose word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from libs.contracts.approval import BorrowerConnected, BorrowerDisconnected, ConnectionKind
from libs.contracts.problems import Rejected, refuse_unless

Event = BorrowerConnected | BorrowerDisconnected
MEMBERS_MAX: Final = 200
"""A group that is larger is not one: its exposures are moved in one transaction."""


@dataclass(frozen=True, slots=True)
class State:
    """The members of a group, each with why."""

    members: Mapping[str, BorrowerConnected] = field(default_factory=dict)


INITIAL: Final = State()


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    applicant_id: str
    kind: ConnectionKind
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectBorrowers:
    """Have borrowers count as one risk. `elsewhere` are those of them that another group has."""

    group_id: str
    connections: tuple[Connection, ...]
    elsewhere: Mapping[str, str]
    by: str
    today: date
    new: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DisconnectBorrower:
    group_id: str
    applicant_id: str
    reason: str
    by: str
    today: date


Command = ConnectBorrowers | DisconnectBorrower


def decide(command: Command, state: State) -> Sequence[Event]:
    """The events that follow; raises `Rejected`."""
    match command:
        case ConnectBorrowers():
            return _connect(command, state)
        case DisconnectBorrower():
            return [_disconnect(command, state)]


def _connect(command: ConnectBorrowers, state: State) -> Sequence[Event]:
    if not command.new and not state.members:
        raise Rejected("group-not-found", "There is no such group; POST /approval/groups makes one.", status=404)
    ids = [connection.applicant_id for connection in command.connections]
    for place, applicant_id in enumerate(ids):
        field_ = f"/members/{place}/applicant_id"
        other = command.elsewhere.get(applicant_id)
        refuse_unless(
            other is None,
            "borrower-in-other-group",
            f"This borrower belongs to {other}; take him out of it first.",
            field=field_,
        )
        refuse_unless(
            applicant_id not in state.members and applicant_id not in ids[:place],
            "borrower-in-group",
            "This borrower belongs to the group already.",
            field=field_,
        )
    refuse_unless(
        len(state.members) + len(ids) <= MEMBERS_MAX,
        "group-too-large",
        f"A group has at most {MEMBERS_MAX} members.",
        field="/members",
        status=422,
    )
    return [
        BorrowerConnected(
            group_id=command.group_id,
            applicant_id=connection.applicant_id,
            kind=connection.kind,
            basis=connection.basis,
            connected_by=command.by,
            connected_on=command.today,
        )
        for connection in command.connections
    ]


def _disconnect(command: DisconnectBorrower, state: State) -> Event:
    member = state.members.get(command.applicant_id)
    if member is None:
        raise Rejected("borrower-not-in-group", "This borrower does not belong to the group.", status=404)
    refuse_unless(
        member.connected_by != command.by,
        "second-person-needed",
        "Somebody else than who connected a borrower takes him out of the group: it frees a limit.",
        status=403,
    )
    return BorrowerDisconnected(
        group_id=command.group_id,
        applicant_id=command.applicant_id,
        reason=command.reason,
        disconnected_by=command.by,
        disconnected_on=command.today,
    )


def evolve(state: State, event: Event) -> State:
    match event:
        case BorrowerConnected():
            return replace(state, members={**state.members, event.applicant_id: event})
        case BorrowerDisconnected():
            return replace(state, members={k: v for k, v in state.members.items() if k != event.applicant_id})
