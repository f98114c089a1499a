"""The Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header-07) and the fingerprint of a request.

What was answered under a key is stored by the event kit, in the transaction of the command itself.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

import orjson
from starlette.requests import Request

from libs.service.actor import Actor
from libs.service.headers import reads_header
from libs.service.json_body import JSON_BODY, RAW_BODY
from libs.service.problems import IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_MISSING, Problem

HEADER: Final = "Idempotency-Key"
KEY_CHARS_MAX: Final = 255

_QUOTED: Final = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')  # RFC 8941 3.3.3: a structured-field string
_BARE: Final = re.compile(r"[A-Za-z0-9._~:/+=-]+")


def parse_key(value: str | None) -> str:
    """The key in a header's value; raises `Problem` 400.

    The draft asks for a quoted string. A bare token is admitted too, since most clients in the field send a UUID
    without quotes; `"k"` and `k` are the same key.
    """
    if value is None:
        raise Problem(IDEMPOTENCY_KEY_MISSING)
    value = value.strip()
    quoted = _QUOTED.fullmatch(value)
    if quoted is not None:
        key = re.sub(r'\\(["\\])', r"\1", quoted[1])
    elif _BARE.fullmatch(value):
        key = value
    else:
        raise Problem(IDEMPOTENCY_KEY_INVALID, f'Send {HEADER} as a quoted string of printable ASCII: "8e03978e-40d5"')
    if not 1 <= len(key) <= KEY_CHARS_MAX:
        raise Problem(IDEMPOTENCY_KEY_INVALID, f"Send an {HEADER} of 1 to {KEY_CHARS_MAX} characters.")
    return key


@reads_header(
    HEADER,
    "A string made up once per intent, such as a UUID in quotes. A repeat with the same key and body gets the first "
    "answer again; the same key with another body is refused.",
    example='"8e03978e-40d5-43e8-bc93-6894a57f9324"',
    required=True,
)
async def idempotency_key(request: Request) -> str:
    """A dependency that gives the request's idempotency key; raises `Problem` 400."""
    values = request.headers.getlist(HEADER)
    if len(values) > 1:
        raise Problem(IDEMPOTENCY_KEY_INVALID, f"Send one {HEADER} header.")
    return parse_key(values[0] if values else None)


def fingerprint(request: Request, actor: Actor) -> bytes:
    """SHA-256 of what makes a request this one: method, path, query, actor and body.

    A JSON body counts by its value (order of members and white space do not), any other body by its bytes.
    """
    scope = request.scope
    if JSON_BODY in scope:
        body = orjson.dumps(scope[JSON_BODY], option=orjson.OPT_SORT_KEYS)
    else:
        body = scope.get(RAW_BODY, b"")
    parts = (
        scope["method"].encode(),
        scope["path"].encode("utf-8", "replace"),
        scope["query_string"],
        actor.subject.encode(),
        (actor.on_behalf_of or "").encode(),
        body,
    )
    # The length before each part: no two requests can run together into one text.
    return sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).digest()
