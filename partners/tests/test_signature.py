"""Signatures of the kit: the published vector, the reference library, and the platform's own."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from libs.webhooks import Secret, Verifier
from libs.webhooks import sign as platform_signs
from partners.kit import SignatureRefused, sign, verify
from partners.kit.signature import key_of

VECTORS = json.loads((Path(__file__).parents[2] / "libs/webhooks/tests/vectors.json").read_text())
OLD, NEW, OTHER = (Secret(bytes([fill]) * 32).text for fill in (1, 2, 3))
NOW_S = 1_000_000_600


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["webhook_id"])
def test_the_published_vector(vector: dict[str, Any]) -> None:
    body, at = vector["payload"].encode(), vector["webhook_timestamp"]
    headers = sign(vector["secret"], vector["webhook_id"], at, body)
    assert headers["webhook-signature"] == vector["webhook_signature"]
    assert verify([vector["secret"]], headers, body, at) == vector["webhook_id"]


@given(text=st.text(max_size=300), webhook_id=st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True))
def test_the_reference_library_and_the_platform_agree_both_ways(text: str, webhook_id: str) -> None:
    now_s, body = int(time.time()), json.dumps(text)
    theirs = Webhook(NEW).sign(webhook_id, datetime.fromtimestamp(now_s, UTC), body)
    ours = sign(NEW, webhook_id, now_s, body.encode())
    assert ours["webhook-signature"] == theirs
    assert Webhook(NEW).verify(body, ours) == text
    assert Verifier([Secret.of(NEW)]).verify(ours, body.encode(), now_s) == webhook_id
    rotated = platform_signs([Secret.of(NEW), Secret.of(OLD)], webhook_id, now_s, body.encode())
    assert verify([OLD], rotated, body.encode(), now_s) == webhook_id
    with pytest.raises(SignatureRefused):
        verify([OTHER], rotated, body.encode(), now_s)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param({"webhook-timestamp": "1000000700"}, "no signature", id="another time"),
        pytest.param({"webhook-timestamp": "1000000299"}, "from now", id="too old"),
        pytest.param({"webhook-timestamp": "1000000901"}, "from now", id="too early"),
        pytest.param({"webhook-timestamp": "1e9"}, "whole number", id="no number"),
        pytest.param({"webhook-timestamp": "9" * 400}, "whole number", id="a number too long"),
        pytest.param({"webhook-id": ""}, "missing", id="no identifier"),
        pytest.param({"webhook-id": "msg_2"}, "no signature", id="another message"),
        pytest.param({"webhook-signature": ""}, "missing", id="not signed"),
        pytest.param({"webhook-signature": "v1,é"}, "no signature", id="not ascii"),
    ],
)
def test_what_is_not_proven_is_refused(change: dict[str, str], says: str) -> None:
    headers = sign(OLD, "msg_1", NOW_S, b"{}") | change
    with pytest.raises(SignatureRefused, match=says):
        verify([OLD], headers, b"{}", NOW_S)


@pytest.mark.parametrize("text", ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_é", "whsec_*"])
def test_what_is_no_secret_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a secret is whsec_"):
        key_of(text)
