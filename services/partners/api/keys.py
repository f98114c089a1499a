"""Public keys of partners over HTTP: whose signatures prove that a callback is theirs, and from when until when.

One of us registers a key that came by another way, or the partner does so itself: it asks for a text, signs it with the new
key and, where it has one in force, with that, and sends both.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError
from starlette.responses import Response

from libs.contracts.partners import PartnerKeyProposed, PartnerKeyRegistered
from libs.contracts.problems import refuse_unless
from libs.contracts.types import Code, Id, Text
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.models import RequestModel, ResponseModel, Timestamp
from libs.service.runtime import Runtime, runtime_of
from libs.webhooks import PublicKey, SecretError
from services.partners.api.scope import CHANGERS, READERS, refuse_others, refuse_unknown_partner
from services.partners.challenges import Challenge, challenge_of
from services.partners.domain.callbacks import CallbackSecret, ConfirmKey, ProposeKey, RegisterKey, RevokeKey
from services.partners.handlers import CALLBACKS
from services.partners.library import key_policy

router = APIRouter(prefix="/partners/{partner}/keys", tags=["callbacks"])
EXAMPLE = PartnerKeyRegistered.example


def _key(text: str) -> str:
    try:
        return PublicKey.of(text).text
    except SecretError as error:
        raise PydanticCustomError("public-key", "Send an Ed25519 key: {reason}.", {"reason": str(error)}) from None


def _seconds(at: datetime) -> int:
    """Unix seconds; what is before 1970 is long ago."""
    return max(0, int(at.timestamp()))


SIGNATURE: Final = "v1a," + "A" * 86 + "=="
Signature = Annotated[str, StringConstraints(pattern=r"^v1a,[A-Za-z0-9+/]{86}==$")]
PublicKeyAsked = Annotated[
    str,
    AfterValidator(_key),
    Query(max_length=80, description="Ed25519: `whpk_` and base64.", examples=[EXAMPLE["public_key"]]),
]


class KeyBody(RequestModel):
    """A public key of a partner, compared with it by another way than the one on which it came."""

    public_key: Annotated[str, AfterValidator(_key)] = Field(
        max_length=80, description="Ed25519: `whpk_` and base64.", examples=[EXAMPLE["public_key"]]
    )
    valid_from: Timestamp = Field(description="From when its signatures count.")
    valid_until: Timestamp | None = Field(default=None, description="Until before when; left out, until it is revoked.")


class Endorsement(RequestModel):
    """A signature for the new key under one that is in force."""

    key_id: Id = Field(description="The key in force.", examples=[EXAMPLE["key_id"]])
    signature: Signature = Field(description="Of the challenge: `v1a,` and base64.", examples=[SIGNATURE])


class ProofBody(RequestModel):
    """What shows that a partner holds the key that it registers."""

    challenge: str = Field(
        min_length=1,
        max_length=1000,
        description="As it came, every byte of it.",
        examples=["puhui.partner-key.v1\nharbour-bank\n..."],
    )
    proof: Signature = Field(
        description="Its signature under the new key: `v1a,` and base64 (Ed25519).", examples=[SIGNATURE]
    )
    endorsement: Endorsement | None = Field(
        default=None, description="Its signature under a key in force; without one, one of us confirms the new key."
    )


class ConfirmationBody(RequestModel):
    """The key that was compared with the partner."""

    public_key: Annotated[str, AfterValidator(_key)] = Field(
        max_length=80, description="As the partner named it by another way.", examples=[EXAMPLE["public_key"]]
    )


class ChallengeShown(ResponseModel):
    """What is to be signed."""

    challenge: str = Field(
        description="Text in UTF-8, to be signed as it is.", examples=["puhui.partner-key.v1\nharbour-bank\n..."]
    )
    until: Timestamp = Field(description="Until before when it stands.")


class RevocationBody(RequestModel):
    """Why a key proves nothing any more."""

    reason: Text = Field(description="For the record.", examples=["The token that held the key is lost"])


class KeyStatus(StrEnum):
    """Whether a key may prove anything."""

    PROPOSED = "PROPOSED"
    REGISTERED = "REGISTERED"


class KeyShown(ResponseModel):
    """A public key of a partner."""

    key_id: Id = Field(description="Its identifier.", examples=[EXAMPLE["key_id"]])
    public_key: str = Field(description="Ed25519: `whpk_` and base64.", examples=[EXAMPLE["public_key"]])
    valid_from: Timestamp = Field(description="From when its signatures count.")
    valid_until: Timestamp | None = Field(description="Until before when.")
    status: KeyStatus = Field(description="PROPOSED: waits for one of us, and proves nothing yet.")


class KeysShown(ResponseModel):
    """The public keys of a partner that were not revoked."""

    keys: list[KeyShown] = Field(description="Whether or not they count now.")


@router.post("", summary="Register a partner's public key", status_code=201, response_model=KeysShown)
async def register_key(partner: Code, body: KeyBody, call: Annotated[Call, command("finance_manager")]) -> Response:
    """What the partner sends us is then known by a signature under this key too (`v1a`), beside the shared secret."""
    await refuse_unknown_partner(call.runtime, partner)
    asked = RegisterKey(
        partner=partner,
        key_id=call.new_id("key"),
        public_key=body.public_key,
        valid_from=_seconds(body.valid_from),
        valid_until=None if body.valid_until is None else _seconds(body.valid_until),
        by=call.actor.subject,
        today=call.today,
    )
    return await call.execute(CALLBACKS, CALLBACKS.stream_id(partner), asked, body=_shown, status=201)


@router.get("/challenge", summary="Ask what to sign for a key of your own")
async def show_challenge(
    partner: Code,
    actor: Annotated[Actor, Depends(require("partner"))],
    runtime: Annotated[Runtime, Depends(runtime_of)],
    public_key: PublicKeyAsked,
    valid_from: Annotated[Timestamp, Query(description="From when its signatures count.")],
    valid_until: Annotated[Timestamp | None, Query(description="Until before when; left out, until revoked.")] = None,
    replaces: Annotated[Id | None, Query(description="Your key that it takes the place of.")] = None,
) -> ChallengeShown:
    """A text that says what you register, for a short time. Sign it with the new key, and with one that is in force where
    you have one."""
    await refuse_others(runtime, actor, partner)
    expires = int(time.time()) + key_policy().challenge_within_s
    until = None if valid_until is None else _seconds(valid_until)
    asked = Challenge(partner, public_key, _seconds(valid_from), until, replaces or "", expires)
    return ChallengeShown(challenge=asked.text(runtime.extras["secrets"]), until=datetime.fromtimestamp(expires, UTC))


@router.post("/own", summary="Register a key of your own", status_code=201, response_model=KeysShown)
async def register_own_key(partner: Code, body: ProofBody, call: Annotated[Call, command("partner")]) -> Response:
    """Signed for under a key that is in force it counts from its time on, and the one that it replaces goes on for an
    overlap; otherwise one of us confirms it first."""
    await refuse_others(call.runtime, call.actor, partner)
    policy, at = key_policy(), int(time.time())
    challenge = challenge_of(body.challenge, partner, call.runtime.extras["secrets"], at)
    _refuse_unsigned(challenge.public_key, body.challenge, body.proof, "/proof")
    if body.endorsement is not None:
        state, _ = await call.runtime.commands.state(CALLBACKS, CALLBACKS.stream_id(partner))
        endorsing = state.in_force(at).get(body.endorsement.key_id)
        if endorsing is not None:  # else the domain says so
            _refuse_unsigned(endorsing, body.challenge, body.endorsement.signature, "/endorsement/signature")
    asked = ProposeKey(
        partner=partner,
        key_id=call.new_id("key"),
        public_key=challenge.public_key,
        valid_from=challenge.valid_from,
        valid_until=challenge.valid_until,
        replaces=challenge.replaces,
        endorsed_by=body.endorsement.key_id if body.endorsement else "",
        confirmed=policy.confirm_endorsed if body.endorsement else policy.confirm_alone,
        overlap_s=policy.overlap_s,
        at=at,
        by=call.actor.subject,
        today=call.today,
    )
    return await call.execute(CALLBACKS, CALLBACKS.stream_id(partner), asked, body=_shown, status=201)


@router.post("/{key_id}/confirm", summary="Confirm a partner's public key", response_model=KeysShown)
async def confirm_key(
    partner: Code, key_id: Id, body: ConfirmationBody, call: Annotated[Call, command("finance_manager")]
) -> Response:
    """A key that the partner registered itself, once you have compared it with the partner by another way."""
    await refuse_unknown_partner(call.runtime, partner)
    asked = ConfirmKey(
        key_id=key_id,
        public_key=body.public_key,
        overlap_s=key_policy().overlap_s,
        at=int(time.time()),
        by=call.actor.subject,
        today=call.today,
    )
    return await call.execute(CALLBACKS, CALLBACKS.stream_id(partner), asked, body=_shown)


@router.post("/{key_id}/revoke", summary="Revoke a partner's public key", response_model=KeysShown)
async def revoke_key(
    partner: Code, key_id: Id, body: RevocationBody, call: Annotated[Call, command(*CHANGERS)]
) -> Response:
    """At once and for good; also one that waits for confirmation."""
    await refuse_others(call.runtime, call.actor, partner)
    asked = RevokeKey(key_id=key_id, reason=body.reason, by=call.actor.subject, today=call.today)
    return await call.execute(CALLBACKS, CALLBACKS.stream_id(partner), asked, body=_shown)


@router.get("", summary="List a partner's public keys")
async def list_keys(
    partner: Code,
    actor: Annotated[Actor, Depends(require(*READERS))],
    runtime: Annotated[Runtime, Depends(runtime_of)],
) -> KeysShown:
    """Those that were not revoked, whether or not they count now."""
    await refuse_others(runtime, actor, partner)
    await refuse_unknown_partner(runtime, partner)
    state, _ = await runtime.commands.state(CALLBACKS, CALLBACKS.stream_id(partner))
    return _shown(state)


def _shown(state: CallbackSecret) -> KeysShown:
    return KeysShown(keys=[_key_shown(key) for key in state.not_revoked])


def _refuse_unsigned(public_key: str, challenge: str, signature: str, field: str) -> None:
    refuse_unless(
        PublicKey.of(public_key).signed(challenge.encode(), signature),
        "signature-wrong",
        "This is no signature of the challenge under that key: sign its bytes in UTF-8 as they came (Ed25519).",
        field=field,
        status=422,
    )


def _key_shown(key: PartnerKeyRegistered | PartnerKeyProposed) -> KeyShown:
    return KeyShown(
        key_id=key.key_id,
        public_key=key.public_key,
        valid_from=datetime.fromtimestamp(key.valid_from, UTC),
        valid_until=None if key.valid_until is None else datetime.fromtimestamp(key.valid_until, UTC),
        status=KeyStatus.PROPOSED if isinstance(key, PartnerKeyProposed) else KeyStatus.REGISTERED,
    )
