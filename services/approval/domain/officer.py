"""The decider of what is known of one officer: whom he is related to, and whose authority he may use meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final

from libs.contracts.approval import AuthorityDelegated, DelegationEnded, RelationDeclared, RelationEnded
from libs.contracts.problems import Rejected, refuse_unless

Event = RelationDeclared | RelationEnded | AuthorityDelegated | DelegationEnded
DELEGATION_DAYS_MAX: Final = 92
"""Who is away for longer is replaced, not represented."""


@dataclass(frozen=True, slots=True)
class State:
    """Relations by applicant, delegations by identifier; what has ended is left out."""

    relations: Mapping[str, RelationDeclared] = field(default_factory=dict)
    delegations: Mapping[str, AuthorityDelegated] = field(default_factory=dict)

    @property
    def related(self) -> frozenset[str]:
        return frozenset(self.relations)

    def lent(self, on: date) -> Sequence[AuthorityDelegated]:
        """The delegations that hold on a date."""
        return [each for each in self.delegations.values() if each.first_day <= on <= each.last_day]


INITIAL: Final = State()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclareRelation:
    declared: RelationDeclared


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRelation:
    officer: str
    applicant_id: str
    reason: str
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegate:
    """`held` are the roles of who delegates: nobody lends what he has not, or was lent himself."""

    delegated: AuthorityDelegated
    held: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndDelegation:
    officer: str
    delegation_id: str
    by: str
    today: date


Command = DeclareRelation | EndRelation | Delegate | EndDelegation


def decide(command: Command, state: State) -> Sequence[Event]:
    """The events that follow; raises `Rejected`."""
    match command:
        case DeclareRelation():
            known = command.declared.applicant_id in state.relations
            refuse_unless(not known, "relation-declared", "This relation is on record.", field="/applicant_id")
            return [command.declared]
        case EndRelation():
            return [_end_relation(command, state)]
        case Delegate():
            return [_delegate(command)]
        case EndDelegation():
            return [_end_delegation(command, state)]


def _end_relation(command: EndRelation, state: State) -> RelationEnded:
    if command.applicant_id not in state.relations:
        raise Rejected("relation-not-found", "No such relation is on record.", status=404)
    refuse_unless(
        command.by != command.officer, "second-person-needed", "Somebody else says that a relation ended.", status=403
    )
    return RelationEnded(
        officer=command.officer,
        applicant_id=command.applicant_id,
        reason=command.reason,
        ended_by=command.by,
        ended_on=command.today,
    )


def _delegate(command: Delegate) -> AuthorityDelegated:
    delegated = command.delegated
    refuse_unless(
        delegated.officer != delegated.delegator,
        "delegated-to-oneself",
        "Name somebody else who acts for you.",
        field="/officer",
        status=422,
    )
    refuse_unless(
        delegated.role in command.held,
        "role-not-held",
        "Lend a role that you hold yourself.",
        field="/role",
        status=403,
    )
    longest = delegated.first_day + timedelta(days=DELEGATION_DAYS_MAX - 1)
    refuse_unless(
        delegated.delegated_on <= delegated.first_day <= delegated.last_day <= longest,
        "delegation-period",
        f"Send a first day from today on, and a last day at most {DELEGATION_DAYS_MAX} days on.",
        field="/last_day",
        status=422,
    )
    return delegated


def _end_delegation(command: EndDelegation, state: State) -> DelegationEnded:
    delegated = state.delegations.get(command.delegation_id)
    if delegated is None or command.by != delegated.delegator:
        raise Rejected("delegation-not-found", "You have lent no such authority.", status=404)
    return DelegationEnded(
        delegation_id=command.delegation_id, officer=command.officer, ended_by=command.by, ended_on=command.today
    )


def evolve(state: State, event: Event) -> State:
    match event:
        case RelationDeclared():
            return replace(state, relations={**state.relations, event.applicant_id: event})
        case RelationEnded():
            return replace(state, relations={k: v for k, v in state.relations.items() if k != event.applicant_id})
        case AuthorityDelegated():
            return replace(state, delegations={**state.delegations, event.delegation_id: event})
        case DelegationEnded():
            left = {k: v for k, v in state.delegations.items() if k != event.delegation_id}
            return replace(state, delegations=left)
