"""Public keys of partners over HTTP: whose signatures prove that a callback is theirs, and from when until when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError
from starlette.responses import Response

from libs.contracts.partners import PartnerKeyRegistered
from libs.contracts.types import Code, Id, Text
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.models import RequestModel, ResponseModel, Timestamp
from libs.service.runtime import Runtime, runtime_of
from libs.webhooks import PublicKey, SecretError
from services.partners.api.scope import STAFF, refuse_unknown_partner
from services.partners.domain.callbacks import CallbackSecret, RegisterKey, RevokeKey
from services.partners.handlers import CALLBACKS

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


class KeyBody(RequestModel):
    """A public key of a partner, compared with it by another way than the one on which it came."""

    public_key: Annotated[str, AfterValidator(_key)] = Field(
        max_length=80, description="Ed25519: `whpk_` and base64.", examples=[EXAMPLE["public_key"]]
    )
    valid_from: Timestamp = Field(description="From when its signatures count.")
    valid_until: Timestamp | None = Field(default=None, description="Until before when; left out, until it is revoked.")


class RevocationBody(RequestModel):
    """Why a key proves nothing any more."""

    reason: Text = Field(description="For the record.", examples=["The token that held the key is lost"])


class KeyShown(ResponseModel):
    """A public key of a partner."""

    key_id: Id = Field(description="Its identifier.", examples=[EXAMPLE["key_id"]])
    public_key: str = Field(description="Ed25519: `whpk_` and base64.", examples=[EXAMPLE["public_key"]])
    valid_from: Timestamp = Field(description="From when its signatures count.")
    valid_until: Timestamp | None = Field(description="Until before when.")


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


@router.post("/{key_id}/revoke", summary="Revoke a partner's public key", response_model=KeysShown)
async def revoke_key(
    partner: Code, key_id: Id, body: RevocationBody, call: Annotated[Call, command("finance_manager", "operator")]
) -> Response:
    """At once and for good."""
    asked = RevokeKey(key_id=key_id, reason=body.reason, by=call.actor.subject, today=call.today)
    return await call.execute(CALLBACKS, CALLBACKS.stream_id(partner), asked, body=_shown)


@router.get("", summary="List a partner's public keys")
async def list_keys(
    partner: Code,
    _actor: Annotated[Actor, Depends(require(*STAFF))],
    runtime: Annotated[Runtime, Depends(runtime_of)],
) -> KeysShown:
    """Those that were not revoked, whether or not they count now."""
    await refuse_unknown_partner(runtime, partner)
    state, _ = await runtime.commands.state(CALLBACKS, CALLBACKS.stream_id(partner))
    return _shown(state)


def _shown(state: CallbackSecret) -> KeysShown:
    return KeysShown(keys=[_key_shown(key) for key in state.keys.values()])


def _key_shown(key: PartnerKeyRegistered) -> KeyShown:
    return KeyShown(
        key_id=key.key_id,
        public_key=key.public_key,
        valid_from=datetime.fromtimestamp(key.valid_from, UTC),
        valid_until=None if key.valid_until is None else datetime.fromtimestamp(key.valid_until, UTC),
    )
