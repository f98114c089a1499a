"""The decider of what proves that a callback is a partner's: which generation of its secret, and which public keys.

A key that the partner registers itself waits for one of us, or is vouched for by a signature under a key that is in force
already, as the policy says. Times are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final, TypeAlias, TypeVar

from libs.contracts.partners import (
    CallbackSecretRotated,
    PartnerKeyProposed,
    PartnerKeyRegistered,
    PartnerKeyRetired,
    PartnerKeyRevoked,
)
from libs.contracts.problems import Rejected, refuse_unless

Key = TypeVar("Key")
KEYS_MAX: Final = 8
"""As many as are not revoked: more than an exchange needs, and each costs a verification."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateCallbackSecret:
    """The old secret verifies until this time, in Unix seconds."""

    partner: str
    previous_until: int
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterKey:
    """One of us registers a public key of the partner."""

    partner: str
    key_id: str
    public_key: str
    valid_from: int
    valid_until: int | None
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeKey:
    """The partner registers a key that it has shown to hold. `endorsed_by`: its key under which it signed for this one;
    `confirmed`: whether the policy has one of us confirm it; `replaces`: its key that goes on for `overlap_s` alone."""

    partner: str
    key_id: str
    public_key: str
    valid_from: int
    valid_until: int | None
    replaces: str
    endorsed_by: str
    confirmed: bool
    overlap_s: int
    at: int
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmKey:
    """One of us has compared `public_key` with the partner by another way than the one on which it came."""

    key_id: str
    public_key: str
    overlap_s: int
    at: int
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeKey:
    key_id: str
    reason: str
    by: str
    today: date


@dataclass(frozen=True, slots=True)
class CallbackSecret:
    """`keys` are those that were not revoked, `proposed` those that wait for one of us."""

    generation: int = 1
    previous_until: int = 0
    keys: Mapping[str, PartnerKeyRegistered] = field(default_factory=dict)
    proposed: Mapping[str, PartnerKeyProposed] = field(default_factory=dict)
    revoked: Mapping[str, PartnerKeyRevoked] = field(default_factory=dict)
    given_up: frozenset[str] = frozenset()
    """Public keys that were revoked."""

    @property
    def not_revoked(self) -> list[PartnerKeyRegistered | PartnerKeyProposed]:
        """Those that are registered, then those that wait."""
        return [*self.keys.values(), *self.proposed.values()]

    def in_force(self, at_s: float) -> Mapping[str, str]:
        """The public keys that prove something at a time, by their identifiers."""
        return {
            key.key_id: key.public_key
            for key in self.keys.values()
            if key.valid_from <= at_s and (key.valid_until is None or at_s < key.valid_until)
        }


Command: TypeAlias = RotateCallbackSecret | RegisterKey | ProposeKey | ConfirmKey | RevokeKey
Event: TypeAlias = (
    CallbackSecretRotated | PartnerKeyProposed | PartnerKeyRegistered | PartnerKeyRetired | PartnerKeyRevoked
)
INITIAL: Final = CallbackSecret()


def decide(command: Command, state: CallbackSecret) -> Sequence[Event]:
    match command:
        case RotateCallbackSecret():
            return [
                CallbackSecretRotated(
                    partner=command.partner,
                    generation=state.generation + 1,
                    previous_until=command.previous_until,
                    rotated_on=command.today,
                )
            ]
        case RegisterKey():
            return [_registered(command, state)]
        case ProposeKey():
            return _proposed(command, state)
        case ConfirmKey():
            return _confirmed(command, state)
        case RevokeKey():
            return [_revoked(command, state)]


def evolve(state: CallbackSecret, event: Event) -> CallbackSecret:
    match event:
        case CallbackSecretRotated():
            return replace(state, generation=event.generation, previous_until=event.previous_until)
        case PartnerKeyProposed():
            return replace(state, proposed={**state.proposed, event.key_id: event})
        case PartnerKeyRegistered():
            waiting = _without(state.proposed, event.key_id)
            return replace(state, keys={**state.keys, event.key_id: event}, proposed=waiting)
        case PartnerKeyRetired():
            retired = state.keys[event.key_id].model_copy(update={"valid_until": event.valid_until})
            return replace(state, keys={**state.keys, event.key_id: retired})
        case PartnerKeyRevoked():
            gone = state.keys.get(event.key_id) or state.proposed[event.key_id]
            return replace(
                state,
                keys=_without(state.keys, event.key_id),
                proposed=_without(state.proposed, event.key_id),
                revoked={**state.revoked, event.key_id: event},
                given_up=state.given_up | {gone.public_key},
            )


def _registered(command: RegisterKey, state: CallbackSecret) -> PartnerKeyRegistered:
    _refuse_key(command, state, "/public_key")
    return PartnerKeyRegistered(
        partner=command.partner,
        key_id=command.key_id,
        public_key=command.public_key,
        valid_from=command.valid_from,
        valid_until=command.valid_until,
        registered_by=command.by,
        registered_on=command.today,
    )


def _proposed(command: ProposeKey, state: CallbackSecret) -> Sequence[Event]:
    _refuse_key(command, state, "/challenge")
    refuse_unless(
        command.public_key not in state.given_up,
        "key-given-up",
        "This key was revoked; make a new one and register that.",
        field="/challenge",
    )
    refuse_unless(
        not command.replaces or command.replaces in state.keys,
        "key-not-found",
        f"{command.replaces} is no key of yours that could be replaced; leave it out.",
        field="/challenge",
        status=422,
    )
    refuse_unless(
        not command.endorsed_by or command.endorsed_by in state.in_force(command.at),
        "endorsing-key-not-in-force",
        "Sign with a key of yours that is in force, or with none: then one of us confirms the new one.",
        field="/endorsement/key_id",
        status=422,
    )
    proposed = PartnerKeyProposed(
        partner=command.partner,
        key_id=command.key_id,
        public_key=command.public_key,
        valid_from=command.valid_from,
        valid_until=command.valid_until,
        replaces=command.replaces,
        endorsed_by=command.endorsed_by,
        proposed_by=command.by,
        proposed_on=command.today,
    )
    return [proposed] if command.confirmed else _in_force(proposed, state, command, confirmed_by="")


def _confirmed(command: ConfirmKey, state: CallbackSecret) -> Sequence[Event]:
    refuse_unless(command.key_id not in state.keys, "key-confirmed", "This key is registered already.")
    proposed = state.proposed.get(command.key_id)
    if proposed is None:
        raise Rejected("key-not-found", "No key with this identifier waits for confirmation.", status=404)
    refuse_unless(
        command.public_key == proposed.public_key,
        "key-not-the-one",
        "This is not the key that waits: ask the partner, by another way, which one it means.",
        field="/public_key",
    )
    refuse_unless(
        command.by != proposed.proposed_by, "four-eyes", "Another than who proposed it confirms it.", status=403
    )
    return _in_force(proposed, state, command, confirmed_by=command.by)


def _in_force(
    proposed: PartnerKeyProposed, state: CallbackSecret, command: ProposeKey | ConfirmKey, *, confirmed_by: str
) -> Sequence[Event]:
    """The key is registered, and the one that it replaces goes on for the overlap, unless it ends before that."""
    registered = PartnerKeyRegistered(
        partner=proposed.partner,
        key_id=proposed.key_id,
        public_key=proposed.public_key,
        valid_from=proposed.valid_from,
        valid_until=proposed.valid_until,
        registered_by=proposed.proposed_by,
        endorsed_by=proposed.endorsed_by,
        confirmed_by=confirmed_by,
        registered_on=command.today,
    )
    before, until = state.keys.get(proposed.replaces), max(command.at, proposed.valid_from) + command.overlap_s
    if before is None or (before.valid_until is not None and before.valid_until <= until):
        return [registered]
    retired = PartnerKeyRetired(
        partner=proposed.partner,
        key_id=before.key_id,
        replaced_by=proposed.key_id,
        valid_until=until,
        retired_on=command.today,
    )
    return [registered, retired]


def _refuse_key(command: RegisterKey | ProposeKey, state: CallbackSecret, field: str) -> None:
    refuse_unless(
        command.valid_until is None or command.valid_until > command.valid_from,
        "key-never-valid",
        "Name a time after `valid_from`, or leave it out.",
        field="/valid_until",
        status=422,
    )
    known = {key.public_key for key in state.not_revoked}
    refuse_unless(
        command.public_key not in known, "key-known", "This key is registered; revoke that first.", field=field
    )
    refuse_unless(
        len(known) < KEYS_MAX, "too-many-keys", f"A partner has at most {KEYS_MAX} keys; revoke one that is over."
    )


def _revoked(command: RevokeKey, state: CallbackSecret) -> PartnerKeyRevoked:
    refuse_unless(command.key_id not in state.revoked, "key-revoked", "This key was revoked already.")
    key = state.keys.get(command.key_id) or state.proposed.get(command.key_id)
    if key is None:
        raise Rejected("key-not-found", "This partner has no key with this identifier.", status=404)
    return PartnerKeyRevoked(
        partner=key.partner,
        key_id=key.key_id,
        reason=command.reason,
        revoked_by=command.by,
        revoked_on=command.today,
    )


def _without(keys: Mapping[str, Key], key_id: str) -> Mapping[str, Key]:
    return {each: key for each, key in keys.items() if each != key_id}
