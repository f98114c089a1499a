"""The decider of an endpoint: where a partner is told of what, and whether it is being told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, TypeAlias

from libs.contracts.partners import (
    EndpointRegistered,
    EndpointSecretRotated,
    EndpointStatus,
    EndpointStatusChanged,
    EndpointTested,
    RedeliveryRequested,
)
from libs.contracts.problems import Rejected, refuse_unless

ADMITTED: Final = {
    EndpointStatus.PAUSED: {EndpointStatus.ACTIVE},
    EndpointStatus.ACTIVE: {EndpointStatus.PAUSED, EndpointStatus.DISABLED},
    EndpointStatus.DISABLED: {EndpointStatus.ACTIVE, EndpointStatus.PAUSED},
    EndpointStatus.REMOVED: {EndpointStatus.ACTIVE, EndpointStatus.PAUSED, EndpointStatus.DISABLED},
}
"""From which states each state is reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterEndpoint:
    """`known`: the types of events that a partner may be told of."""

    endpoint_id: str
    partner: str
    url: str
    types: tuple[str, ...]
    known: frozenset[str]
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeStatus:
    status: EndpointStatus
    reason: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateSecret:
    """The old secret goes on signing until this time, in Unix seconds."""

    previous_until: int
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class SendTest:
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeliver:
    """These positions, all since a place in the ledger's sequence, or with neither all that failed."""

    positions: tuple[int, ...] = ()
    from_sequence: int | None = None
    by: str
    today: date


@dataclass(frozen=True, slots=True)
class Endpoint:
    registered: EndpointRegistered | None = None
    status: EndpointStatus = EndpointStatus.ACTIVE
    generation: int = 1
    previous_until: int = 0


Command: TypeAlias = RegisterEndpoint | ChangeStatus | RotateSecret | SendTest | Redeliver
Event: TypeAlias = (
    EndpointRegistered | EndpointStatusChanged | EndpointSecretRotated | EndpointTested | RedeliveryRequested
)
INITIAL: Final = Endpoint()


def decide(command: Command, state: Endpoint) -> Sequence[Event]:
    match command:
        case RegisterEndpoint():
            unknown = sorted(set(command.types) - command.known)
            refuse_unless(
                not unknown,
                "event-type-unknown",
                f"Partners are not told of {', '.join(unknown)}; GET /partners/event-types lists what there is.",
                field="/types",
                status=422,
            )
            return [
                EndpointRegistered(
                    endpoint_id=command.endpoint_id,
                    partner=command.partner,
                    url=command.url,
                    types=tuple(dict.fromkeys(command.types)),
                    registered_by=command.by,
                    registered_on=command.today,
                )
            ]
        case ChangeStatus():
            return _changed(command, state)
        case RotateSecret():
            registered = _there(state)
            return [
                EndpointSecretRotated(
                    endpoint_id=registered.endpoint_id,
                    partner=registered.partner,
                    generation=state.generation + 1,
                    previous_until=command.previous_until,
                    rotated_on=command.today,
                )
            ]
        case SendTest():
            registered = _there(state)
            return [
                EndpointTested(
                    endpoint_id=registered.endpoint_id,
                    partner=registered.partner,
                    tested_by=command.by,
                    tested_on=command.today,
                )
            ]
        case Redeliver():
            registered = _there(state)
            return [
                RedeliveryRequested(
                    endpoint_id=registered.endpoint_id,
                    partner=registered.partner,
                    positions=command.positions,
                    from_sequence=command.from_sequence,
                    requested_by=command.by,
                    requested_on=command.today,
                )
            ]


def evolve(state: Endpoint, event: Event) -> Endpoint:
    match event:
        case EndpointRegistered():
            return replace(state, registered=event)
        case EndpointStatusChanged():
            return replace(state, status=event.status)
        case EndpointSecretRotated():
            return replace(state, generation=event.generation, previous_until=event.previous_until)
        case EndpointTested() | RedeliveryRequested():
            return state


def _changed(command: ChangeStatus, state: Endpoint) -> Sequence[Event]:
    registered = _there(state)
    if command.status is state.status:
        return []
    refuse_unless(
        state.status in ADMITTED[command.status],
        "endpoint-status",
        f"An endpoint that is {state.status} does not become {command.status}.",
        field="/status",
    )
    return [
        EndpointStatusChanged(
            endpoint_id=registered.endpoint_id,
            partner=registered.partner,
            previous=state.status,
            status=command.status,
            reason=command.reason,
            changed_on=command.today,
        )
    ]


def _there(state: Endpoint) -> EndpointRegistered:
    if state.registered is None or state.status is EndpointStatus.REMOVED:
        raise Rejected("endpoint-not-found", "There is no such endpoint.", status=404)
    return state.registered
