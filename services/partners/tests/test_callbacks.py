"""Callbacks: only what the partner signed, while it is young, and once."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks.webhooks import Webhook

from libs.service.testing import Served, key
from services.partners.tests.world import everything, world

PATH = "/partners/callbacks/harbour-bank"


def event(**changes: Any) -> bytes:
    amount = {"amount": "1.00", "currency": "CNY"}
    items = [{"reference": "unknown", "value_date": "2026-03-02", "amount": amount}]
    made = {
        "specversion": "1.0",
        "id": "file-1",
        "source": "/harbour-bank",
        "type": "puhui.partner.daily-file.v1",
        "data": {"file_date": "2026-03-02", "items": items},
    }
    return json.dumps(made | changes).encode()


def headers(secret: str, body: bytes, webhook_id: str = "msg_1", at_s: float | None = None) -> dict[str, str]:
    """As the reference library signs."""
    at = datetime.fromtimestamp(int(time.time() if at_s is None else at_s), UTC)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, body.decode()),
        "content-type": "application/json",
    }


def signed(key: Ed25519PrivateKey, body: bytes, webhook_id: str = "msg_1", at_s: float | None = None) -> dict[str, str]:
    """As a partner that signs with a key of its own."""
    at = int(time.time() if at_s is None else at_s)
    code = base64.b64encode(key.sign(f"{webhook_id}.{at}.".encode() + body)).decode()
    named = {"webhook-id": webhook_id, "webhook-timestamp": str(at), "webhook-signature": f"v1a,{code}"}
    return named | {"content-type": "application/json"}


def public(key: Ed25519PrivateKey) -> str:
    return "whpk_" + base64.b64encode(key.public_key().public_bytes_raw()).decode()


async def secret_of(platform: Served) -> tuple[httpx.AsyncClient, str]:
    partner = await platform.client("partner")
    shown = await partner.get("/partners/partners/harbour-bank/callback-secret")
    assert shown.status_code == 200, shown.text
    return partner, shown.json()["secrets"][0]


async def test_a_callback_is_taken_once_under_its_id(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as (platform, manager):
        _, secret = await secret_of(platform)
        nobody = await platform.client(None)
        body = event()
        first, again = [await nobody.post(PATH, content=body, headers=headers(secret, body)) for _ in range(2)]
        assert first.status_code == 200, first.text
        assert first.json()["found"] == 1
        assert again.json() == first.json()
        assert again.headers["idempotency-replayed"] == "true"
        other = event(id="file-2")
        reused = await nobody.post(PATH, content=other, headers=headers(secret, other))
        assert (reused.status_code, reused.json()["type"]) == (422, "urn:puhui:problem:idempotency-key-reused")
        await platform.settle()
        (found,) = await everything(manager, "/partners/breaks")
        answered = event(
            type="puhui.partner.break-answered.v1", data={"break_id": found["break_id"], "answer": "Ours alone."}
        )
        told = await nobody.post(PATH, content=answered, headers=headers(secret, answered, "msg_2"))
        assert told.status_code == 200, told.text
        await platform.settle()
        (found,) = await everything(manager, "/partners/breaks")
        assert found["answer"] == "Ours alone."


async def test_what_is_not_proven_is_refused_and_leaves_no_trace(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as (platform, manager):
        partner, secret = await secret_of(platform)
        nobody = await platform.client(None)
        body, now_s = event(), time.time()
        good = headers(secret, body)
        wrong = [
            (PATH, body, {"content-type": "application/json"}),
            (PATH, event(id="other"), good),
            (PATH, body, good | {"webhook-id": "msg_9"}),
            (PATH, body, headers(secret, body, at_s=now_s - 400)),
            (PATH, body, headers(secret, body, at_s=now_s + 400)),
            (PATH, body, headers(secret, body, "m" * 300)),
            ("/partners/callbacks/hill-bank", body, good),
            ("/partners/callbacks/nobody", body, good),
        ]
        for path, content, given in wrong:
            refused = await nobody.post(path, content=content, headers=given)
            assert refused.status_code == 401, (given, refused.text)
            assert refused.json()["type"] == "urn:puhui:problem:unauthenticated"
            assert len(refused.json()["detail"]) > 20
        token = await partner.post(PATH, content=body, headers={"content-type": "application/json"})
        assert token.status_code == 401, "a token is no signature"
        await platform.settle()
        assert await everything(manager, "/partners/breaks") == []


async def test_what_is_signed_and_no_callback_is_refused_by_member(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as (platform, _):
        _, secret = await secret_of(platform)
        nobody = await platform.client(None)
        cases: list[tuple[bytes, int, str]] = [
            (event(type="puhui.partner.nothing.v1"), 422, "puhui.partner.daily-file.v1"),
            (event(specversion="0.3"), 422, "specversion"),
            (event(data={"file_date": "2026-03-02"}), 422, "/data/items"),
            (event(more=1), 422, "more"),
            (event(type="puhui.partner.break-answered.v1", data={"break_id": "b", "answer": "x"}), 404, "open break"),
            (b"{", 400, "malformed-json"),
        ]
        for number, (body, status, says) in enumerate(cases):
            refused = await nobody.post(PATH, content=body, headers=headers(secret, body, f"msg_{number}"))
            assert refused.status_code == status, refused.text
            assert says in refused.text


async def test_after_a_rotation_both_secrets_verify_for_a_day(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as (platform, _):
        partner, old = await secret_of(platform)
        rotated = await partner.post("/partners/partners/harbour-bank/rotate-callback-secret", headers=key())
        assert rotated.status_code == 200, rotated.text
        shown = (await partner.get("/partners/partners/harbour-bank/callback-secret")).json()["secrets"]
        assert shown[1] == old
        nobody = await platform.client(None)
        for number, secret in enumerate(shown):
            body = event(id=f"file-{number}", data={"file_date": f"2026-03-0{number + 2}", "items": []})
            taken = await nobody.post(PATH, content=body, headers=headers(secret, body, f"msg_{number}"))
            assert taken.status_code == 200, taken.text


async def test_a_partner_is_known_by_a_key_of_its_own_from_when_until_when_it_is_valid(
    database: str, tmp_path: Path
) -> None:
    async with world(database, tmp_path) as (platform, manager):
        nobody, ours, others = await platform.client(None), Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        keys, now = "/partners/partners/harbour-bank/keys", datetime.now(UTC)
        over = {"valid_from": str(now - timedelta(days=2)), "valid_until": str(now - timedelta(days=1))}
        coming = {"valid_from": str(now + timedelta(days=1))}
        body = event()

        async def status(holder: Ed25519PrivateKey, webhook_id: str) -> int:
            return (await nobody.post(PATH, content=body, headers=signed(holder, body, webhook_id))).status_code

        for dates in (over, coming):
            made = await manager.post(keys, json={"public_key": public(others)} | dates, headers=key())
            assert made.status_code == 201, made.text
            assert await status(others, "msg_1") == 401
            path = f"{keys}/{made.json()['keys'][0]['key_id']}/revoke"
            assert (await manager.post(path, json={"reason": "Another one"}, headers=key())).json() == {"keys": []}
        assert await status(ours, "msg_1") == 401, "nobody has registered it"
        made = await manager.post(
            keys, json={"public_key": public(ours), "valid_from": str(now - timedelta(days=1))}, headers=key()
        )
        assert await status(ours, "msg_2") == 200
        assert await status(others, "msg_3") == 401
        forged = signed(ours, body, "msg_4") | {"webhook-id": "msg_5"}
        assert (await nobody.post(PATH, content=body, headers=forged)).status_code == 401
        another = await nobody.post("/partners/callbacks/hill-bank", content=body, headers=signed(ours, body))
        assert another.status_code == 401, "a key proves who has it, and nobody else"
        (shown,) = (await manager.get(keys)).json()["keys"]
        assert (shown["public_key"], shown["valid_until"]) == (public(ours), None)
        revoke = f"{keys}/{shown['key_id']}/revoke"
        assert (await manager.post(revoke, json={"reason": "Lost"}, headers=key())).status_code == 200
        assert await status(ours, "msg_6") == 401
        _, secret = await secret_of(platform)
        by_secret = await nobody.post(PATH, content=body, headers=headers(secret, body, "msg_7"))
        assert by_secret.status_code == 200, "the shared secret goes on"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"public_key": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, 422, "validation-failed"),
        ({"public_key": "whpk_AAAA"}, 422, "validation-failed"),
        ({"valid_until": "2026-01-01T00:00:00Z"}, 422, "key-never-valid"),
        ({"valid_from": "1900-01-01T00:00:00Z", "valid_until": "1950-01-01T00:00:00Z"}, 422, "key-never-valid"),
        ({"valid_from": "2026-01-01"}, 422, "validation-failed"),
    ],
)
async def test_what_is_no_key_is_refused(
    database: str, tmp_path: Path, change: dict[str, Any], status: int, code: str
) -> None:
    async with world(database, tmp_path) as (platform, manager):
        body = {"public_key": public(Ed25519PrivateKey.generate()), "valid_from": "2026-01-01T00:00:00Z"}
        keys = "/partners/partners/harbour-bank/keys"
        refused = await manager.post(keys, json=body | change, headers=key())
        assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (status, code), refused.text
        officer = await platform.client("finance_officer")
        assert (await officer.post(keys, json=body, headers=key())).status_code == 403
