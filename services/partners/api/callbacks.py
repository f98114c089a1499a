"""What partners' systems send us: signed as we sign, taken once, refused clearly."""

from __future__ import annotations

import time
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Body, Depends, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from libs.contracts.types import Code, Id, Text
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.etag import Precondition
from libs.service.headers import reads_header
from libs.service.json_body import RAW_BODY
from libs.service.models import RequestModel, ResponseModel, Timestamp
from libs.service.problems import UNAUTHENTICATED, Problem
from libs.service.runtime import Runtime, runtime_of
from libs.webhooks import TIMESTAMP, PublicKey, Secret, SignatureRefused, Verifier
from services.partners.api.files import FileBody, FileShown, reconcile
from services.partners.api.reconciliation import BreakAct, answer
from services.partners.api.scope import CHANGERS, refuse_others, refuse_unknown_partner
from services.partners.domain.callbacks import CallbackSecret, RotateCallbackSecret
from services.partners.handlers import CALLBACKS, PARTNER
from services.partners.library import delivery_policy
from services.partners.secrets_of import Secrets

router = APIRouter(tags=["callbacks"])
ID_CHARS_MAX: Final = 255
FILE_EXAMPLE: Final[dict[str, Any]] = {
    "specversion": "1.0",
    "id": "file-2026-03-02",
    "source": "/harbour-bank",
    "type": "puhui.partner.daily-file.v1",
    "data": {
        "file_date": "2026-03-02",
        "items": [
            {
                "reference": "0197a3f0-0000-7000-8000-000000000010",
                "value_date": "2026-03-02",
                "amount": {"amount": "770.11", "currency": "CNY"},
            }
        ],
    },
}
CHALLENGE: Final = 'Webhook-Signature realm="puhui"'
"""What is asked for instead of a token."""


class AnswerBody(RequestModel):
    """What a partner found on its side about a break."""

    break_id: Id = Field(description="The break.", examples=["0197a3f0-0000-7000-8000-000000000009"])
    answer: Text = Field(description="What it found.", examples=["Rounded twice; corrected."])


class Envelope(RequestModel):
    """The members of a CloudEvent around the data."""

    specversion: Literal["1.0"] = Field(description="CloudEvents 1.0.", examples=["1.0"])
    id: Text = Field(description="The event's identifier with its sender.", examples=["file-2026-03-02"])
    source: Text = Field(description="Who sends it.", examples=["/harbour-bank"])
    time: Timestamp | None = Field(default=None, description="When it happened.")
    subject: Text | None = Field(default=None, description="What it is about.")
    datacontenttype: Literal["application/json"] | None = Field(default=None, description="JSON, if named.")


class DailyFile(Envelope):
    """A file of a date, to be reconciled."""

    model_config = ConfigDict(json_schema_extra={"examples": [FILE_EXAMPLE]})
    type: Literal["puhui.partner.daily-file.v1"] = Field(description="What happened.")
    data: FileBody = Field(description="The file.")


class BreakAnswer(Envelope):
    """An answer to a break."""

    type: Literal["puhui.partner.break-answered.v1"] = Field(description="What happened.")
    data: AnswerBody = Field(description="The answer.")


Callback = Annotated[
    DailyFile | BreakAnswer, Field(discriminator="type"), Body(openapi_examples={"daily file": {"value": FILE_EXAMPLE}})
]


class CallbackSecrets(ResponseModel):
    """The secrets that verify what a partner sends us now; the newest first."""

    secrets: list[str] = Field(description="`whsec_...`: sign with the first.", examples=[["whsec_..."]])


class CallbackGeneration(ResponseModel):
    """Which secret is in force."""

    generation: int = Field(description="Counts from 1.", examples=[2])
    previous_until: int = Field(description="Until when the one before verifies, Unix seconds.", examples=[1770076800])


@reads_header("webhook-id", "The message's identifier; the same again is taken once.", example="msg_1", required=True)
@reads_header("webhook-timestamp", "Unix seconds, at most five minutes from now.", example="1772409600", required=True)
@reads_header(
    "webhook-signature",
    "`v1,` and base64 of the code.",
    example="v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
    required=True,
)
async def signed(partner: Code, request: Request, runtime: Annotated[Runtime, Depends(runtime_of)]) -> Call:
    """A dependency: the call of a partner whose signature verifies; raises `Problem` 401 for every other.

    A partner that there is not is refused as a wrong signature is, so that nobody learns who lends with us.
    """
    registered, _ = await runtime.commands.state(PARTNER, PARTNER.stream_id(partner))
    secrets, keys = [], list[PublicKey]()
    if registered.registered is not None:
        secrets = await _in_force(runtime, partner)
        state, _ = await runtime.commands.state(CALLBACKS, CALLBACKS.stream_id(partner))
        keys = [PublicKey.of(text) for text in state.in_force(_sent_s(request)).values()]
    try:
        webhook_id = Verifier(secrets, keys=keys).verify(request.headers, request.scope[RAW_BODY], time.time())
        if not webhook_id.isascii() or len(webhook_id) > ID_CHARS_MAX:
            raise SignatureRefused(f"A webhook-id has at most {ID_CHARS_MAX} ASCII characters.")
    except SignatureRefused as refused:
        raise Problem(UNAUTHENTICATED, str(refused), headers={"www-authenticate": CHALLENGE}) from None
    actor = Actor(f"partner:{partner}", frozenset({"partner"}))
    return Call(request, runtime, actor, "partner", webhook_id, Precondition(None, None))


def _sent_s(request: Request) -> float:
    """When the callback was signed: keys prove something at that time. One that is too far from now is refused."""
    timestamp = request.headers.get(TIMESTAMP, "")
    return float(timestamp) if timestamp.isascii() and timestamp.isdigit() else time.time()


@router.post("/callbacks/{partner}", summary="Take a partner's callback", response_model=FileShown | BreakAct)
async def take_callback(partner: Code, body: Callback, call: Annotated[Call, Depends(signed)]) -> Response:
    """Signed as Standard Webhooks says with the partner's callback secret, or with a key of its own that is registered
    (`v1a`, Ed25519); needs no token.

    The same `webhook-id` again gets the first answer again, and another body under it is refused.
    """
    if isinstance(body, DailyFile):
        return await reconcile(call, partner, body.data)
    return await answer(call, partner, body.data.break_id, body.data.answer)


@router.get("/partners/{partner}/callback-secret", summary="Show a partner's callback secrets")
async def show_callback_secret(
    partner: Code,
    actor: Annotated[Actor, Depends(require("partner", "operator"))],
    runtime: Annotated[Runtime, Depends(runtime_of)],
) -> CallbackSecrets:
    """The one in force, and after a rotation for a day the one before."""
    await refuse_others(runtime, actor, partner)
    await refuse_unknown_partner(runtime, partner)
    return CallbackSecrets(secrets=[secret.text for secret in await _in_force(runtime, partner)])


@router.post(
    "/partners/{partner}/rotate-callback-secret",
    summary="Rotate a partner's callback secret",
    response_model=CallbackGeneration,
)
async def rotate_callback_secret(partner: Code, call: Annotated[Call, command(*CHANGERS)]) -> Response:
    """A new secret verifies at once; the old one beside it while the overlap of the policy lasts."""
    await refuse_others(call.runtime, call.actor, partner)
    await refuse_unknown_partner(call.runtime, partner)
    asked = RotateCallbackSecret(
        partner=partner, previous_until=int(time.time()) + delivery_policy().secret_overlap_s, today=call.today
    )
    return await call.execute(CALLBACKS, CALLBACKS.stream_id(partner), asked, body=_shown)


async def _in_force(runtime: Runtime, partner: str) -> list[Secret]:
    state, _ = await runtime.commands.state(CALLBACKS, CALLBACKS.stream_id(partner))
    secrets: Secrets = runtime.extras["secrets"]
    return secrets.in_force(f"callbacks/{partner}", state.generation, state.previous_until, time.time())


def _shown(state: CallbackSecret) -> CallbackGeneration:
    return CallbackGeneration(generation=state.generation, previous_until=state.previous_until)
