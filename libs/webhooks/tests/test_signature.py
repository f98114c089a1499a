"""Signatures against the published vector and the reference libraries of two languages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from libs.webhooks import Secret, SecretError, SignatureRefused, Verifier, sign

HERE = Path(__file__).parent
VECTORS = json.loads((HERE / "vectors.json").read_text())
OLD, NEW, OTHER = (Secret(bytes([fill]) * 32) for fill in (1, 2, 3))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["webhook_id"])
def test_the_published_vector(vector: dict[str, Any]) -> None:
    secret, body = Secret.of(vector["secret"]), vector["payload"].encode()
    headers = sign([secret], vector["webhook_id"], vector["webhook_timestamp"], body)
    assert headers["webhook-signature"] == vector["webhook_signature"]
    assert Verifier([secret]).verify(headers, body, vector["webhook_timestamp"]) == vector["webhook_id"]


@given(body=st.text(max_size=300), webhook_id=st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True))
def test_the_reference_library_for_python_agrees_both_ways(body: str, webhook_id: str) -> None:
    now_s = int(time.time())
    ours = sign([OLD, NEW], webhook_id, now_s, body.encode())
    for secret in (OLD, NEW):
        _accepts(secret, body, ours)
    with pytest.raises(WebhookVerificationError):
        _accepts(OTHER, body, ours)
    theirs = {
        **ours,
        "webhook-signature": Webhook(NEW.text).sign(webhook_id, _at(now_s), body),
    }
    assert Verifier([OLD, NEW]).verify(theirs, body.encode(), now_s) == webhook_id


def _accepts(secret: Secret, body: str, headers: dict[str, str]) -> None:
    """The library parses what it verified, so a body that is no JSON is accepted and then not understood."""
    try:
        Webhook(secret.text).verify(body, headers)
    except json.JSONDecodeError:
        return


def _at(now_s: int) -> Any:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(now_s, UTC)


def test_the_reference_library_for_node_agrees(tmp_path: Path) -> None:
    modules = _node_modules(tmp_path)
    body, now_s = '{"金额": "1.00", "n": 2432232314}', int(time.time())
    good = sign([OLD, NEW], "msg_1", now_s, body.encode())
    asked = [
        {"secret": OLD.text, "headers": good, "body": body},
        {"secret": NEW.text, "headers": good, "body": body},
        {"secret": OTHER.text, "headers": good, "body": body},
        {"secret": OLD.text, "headers": good, "body": body + " "},
        {"secret": OLD.text, "headers": {**good, "webhook-id": "msg_2"}, "body": body},
    ]
    done = subprocess.run(
        ["node", str(modules / "verify.mjs")], input=json.dumps(asked), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [True, True, False, False, False]


def _node_modules(directory: Path) -> Path:
    """The reference library as its lock names it, with the script beside it."""
    if not (shutil.which("node") and shutil.which("npm")):
        _missing("Node.js with npm is not installed")
    shutil.copytree(HERE / "node", directory, dirs_exist_ok=True)
    installed = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=120,
    )
    if installed.returncode:
        _missing(f"npm could not install standardwebhooks: {installed.stderr[-300:]}")
    return directory


def _missing(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and in CI it must be there")
    pytest.skip(reason)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param({"webhook-timestamp": "1000000699"}, "No signature", id="another time"),
        pytest.param({"webhook-timestamp": "999999999"}, "from now", id="too old"),
        pytest.param({"webhook-timestamp": "1000000901"}, "from now", id="too early"),
        pytest.param({"webhook-timestamp": "1e9"}, "whole number", id="no number"),
        pytest.param({"webhook-timestamp": ""}, "Send the headers", id="no time"),
        pytest.param({"webhook-id": "msg_2"}, "No signature", id="another message"),
        pytest.param({"webhook-signature": "v1,AAAA"}, "No signature", id="no code"),
        pytest.param({"webhook-signature": "v1,é"}, "No signature", id="not ascii"),
    ],
)
def test_what_is_not_proven_is_refused(change: dict[str, str], says: str) -> None:
    headers = sign([OLD], "msg_1", 1_000_000_600, b"{}") | change
    with pytest.raises(SignatureRefused, match=says):
        Verifier([OLD]).verify(headers, b"{}", 1_000_000_600)


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_é", "whsec_*"])
def test_what_is_no_secret_is_refused(text: str) -> None:
    with pytest.raises(SecretError):
        Secret.of(text)


def test_a_secret_does_not_show_itself() -> None:
    assert "AQEB" not in repr(OLD)
    assert "\\x01" not in repr(OLD)
    assert Secret.of(OLD.text) == OLD
