"""The decider of what proves that a callback is a partner's: which generation of its secret, and which public keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final, TypeAlias

from libs.contracts.partners import CallbackSecretRotated, PartnerKeyRegistered, PartnerKeyRevoked
from libs.contracts.problems import Rejected, refuse_unless

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
    """A public key of the partner; times in Unix seconds."""

    partner: str
    key_id: str
    public_key: str
    valid_from: int
    valid_until: int | None
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
    """`keys` are those that were not revoked."""

    generation: int = 1
    previous_until: int = 0
    keys: Mapping[str, PartnerKeyRegistered] = field(default_factory=dict)
    revoked: Mapping[str, PartnerKeyRevoked] = field(default_factory=dict)

    def in_force(self, now_s: float) -> Sequence[str]:
        """The public keys that prove something now."""
        return [
            key.public_key
            for key in self.keys.values()
            if key.valid_from <= now_s and (key.valid_until is None or now_s < key.valid_until)
        ]


Command: TypeAlias = RotateCallbackSecret | RegisterKey | RevokeKey
Event: TypeAlias = CallbackSecretRotated | PartnerKeyRegistered | PartnerKeyRevoked
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
        case RevokeKey():
            return [_revoked(command, state)]


def evolve(state: CallbackSecret, event: Event) -> CallbackSecret:
    match event:
        case CallbackSecretRotated():
            return replace(state, generation=event.generation, previous_until=event.previous_until)
        case PartnerKeyRegistered():
            return replace(state, keys={**state.keys, event.key_id: event})
        case PartnerKeyRevoked():
            left = {key_id: key for key_id, key in state.keys.items() if key_id != event.key_id}
            return replace(state, keys=left, revoked={**state.revoked, event.key_id: event})


def _registered(command: RegisterKey, state: CallbackSecret) -> PartnerKeyRegistered:
    refuse_unless(
        command.valid_until is None or command.valid_until > command.valid_from,
        "key-never-valid",
        "Name a time after `valid_from`, or leave it out.",
        field="/valid_until",
        status=422,
    )
    known = {key.public_key for key in state.keys.values()}
    refuse_unless(
        command.public_key not in known, "key-known", "This key is registered; revoke that first.", field="/public_key"
    )
    refuse_unless(
        len(known) < KEYS_MAX, "too-many-keys", f"A partner has at most {KEYS_MAX} keys; revoke one that is over."
    )
    return PartnerKeyRegistered(
        partner=command.partner,
        key_id=command.key_id,
        public_key=command.public_key,
        valid_from=command.valid_from,
        valid_until=command.valid_until,
        registered_by=command.by,
        registered_on=command.today,
    )


def _revoked(command: RevokeKey, state: CallbackSecret) -> PartnerKeyRevoked:
    refuse_unless(command.key_id not in state.revoked, "key-revoked", "This key was revoked already.")
    key = state.keys.get(command.key_id)
    if key is None:
        raise Rejected("key-not-found", "This partner has no key with this identifier.", status=404)
    return PartnerKeyRevoked(
        partner=key.partner,
        key_id=key.key_id,
        reason=command.reason,
        revoked_by=command.by,
        revoked_on=command.today,
    )
