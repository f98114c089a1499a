"""A partner's own keys over HTTP: shown to be held, confirmed or vouched for, replaced with an overlap, revoked."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.contracts.problems import Rejected
from libs.service.testing import Served, key
from services.partners.challenges import Challenge, challenge_of
from services.partners.secrets_of import Secrets
from services.partners.tests.test_callbacks import PATH, event, public, signed
from services.partners.tests.world import world

KEYS = "/partners/partners/harbour-bank/keys"
FROM = "2026-01-01T00:00:00Z"


def v1a(holder: Ed25519PrivateKey, text: str) -> str:
    return "v1a," + base64.b64encode(holder.sign(text.encode())).decode()


async def asked(partner: httpx.AsyncClient, new: Ed25519PrivateKey, **more: str) -> str:
    query = {"public_key": public(new), "valid_from": FROM, **more}
    answer = await partner.get(f"{KEYS}/challenge", params=query)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["challenge"])


async def registered(
    partner: httpx.AsyncClient,
    new: Ed25519PrivateKey,
    endorsing: tuple[str, Ed25519PrivateKey] | None = None,
    **more: str,
) -> httpx.Response:
    challenge = await asked(partner, new, **more)
    body: dict[str, Any] = {"challenge": challenge, "proof": v1a(new, challenge)}
    if endorsing:
        body["endorsement"] = {"key_id": endorsing[0], "signature": v1a(endorsing[1], challenge)}
    return await partner.post(f"{KEYS}/own", json=body, headers=key())


async def status(platform: Served, holder: Ed25519PrivateKey, webhook_id: str) -> int:
    """Of a callback that this key has signed."""
    body, nobody = event(), await platform.client(None)
    return (await nobody.post(PATH, content=body, headers=signed(holder, body, webhook_id))).status_code


async def test_a_first_key_is_confirmed_by_us_and_vouches_for_the_next(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as (platform, manager):
        partner = await platform.client("partner")
        first, second = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        made = await registered(partner, first)
        assert made.status_code == 201, made.text
        [waiting] = made.json()["keys"]
        assert waiting["status"] == "PROPOSED"
        assert await status(platform, first, "msg_1") == 401, "it waits for one of us"
        confirm = f"{KEYS}/{waiting['key_id']}/confirm"
        another = await manager.post(confirm, json={"public_key": public(second)}, headers=key())
        assert another.json()["type"] == "urn:puhui:problem:key-not-the-one"
        assert (await partner.post(confirm, json={"public_key": public(first)}, headers=key())).status_code == 403
        done = await manager.post(confirm, json={"public_key": public(first)}, headers=key())
        assert done.json()["keys"][0]["status"] == "REGISTERED", done.text
        assert await status(platform, first, "msg_2") == 200

        endorsing = (waiting["key_id"], first)
        made = await registered(partner, second, endorsing, replaces=waiting["key_id"])
        assert made.status_code == 201, made.text
        old, new = made.json()["keys"]
        assert (old["valid_until"] is not None, new["status"]) == (True, "REGISTERED"), "no officer is needed"
        assert [await status(platform, each, f"msg_{n}") for n, each in enumerate((first, second), 3)] == [200, 200]
        revoke = f"{KEYS}/{old['key_id']}/revoke"
        assert (await partner.post(revoke, json={"reason": "Replaced"}, headers=key())).status_code == 200
        assert await status(platform, first, "msg_5") == 401
        assert await status(platform, second, "msg_6") == 200
        assert [each["public_key"] for each in (await partner.get(KEYS)).json()["keys"]] == [public(second)]


async def test_what_is_not_shown_to_be_held_is_refused_by_member(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as (platform, _):
        partner = await platform.client("partner")
        mine, others = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        challenge = await asked(partner, mine)
        good = {"challenge": challenge, "proof": v1a(mine, challenge)}
        unknown = {"key_id": "nobody", "signature": v1a(others, challenge)}
        cases: list[tuple[dict[str, Any], str, str]] = [
            ({"proof": v1a(others, challenge)}, "signature-wrong", "/proof"),
            ({"proof": v1a(mine, challenge + "\n")}, "signature-wrong", "/proof"),
            ({"challenge": challenge.replace(public(mine), public(others))}, "challenge-unknown", "/challenge"),
            ({"challenge": "nothing"}, "challenge-unknown", "/challenge"),
            ({"endorsement": unknown}, "endorsing-key-not-in-force", "/endorsement/key_id"),
            ({"proof": "v1a,AAAA"}, "validation-failed", "/proof"),
        ]
        for change, code, field in cases:
            refused = await partner.post(f"{KEYS}/own", json=good | change, headers=key())
            assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (422, code), refused.text
            assert field in refused.text
        assert (await partner.get(KEYS)).json() == {"keys": []}
        bad = await partner.get(f"{KEYS}/challenge", params={"public_key": "whpk_AAAA", "valid_from": FROM})
        assert (bad.status_code, "public_key" in bad.text) == (422, True)


async def test_a_signature_for_a_key_under_another_s_is_refused(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as (platform, manager):
        partner = await platform.client("partner")
        inside, thief = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        made = await manager.post(KEYS, json={"public_key": public(inside), "valid_from": FROM}, headers=key())
        key_id = made.json()["keys"][0]["key_id"]
        stolen = await registered(partner, thief, (key_id, thief))
        assert (stolen.status_code, stolen.json()["type"]) == (422, "urn:puhui:problem:signature-wrong")
        assert "/endorsement/signature" in stolen.text
        waits = await registered(partner, thief)
        assert [each["status"] for each in waits.json()["keys"]] == ["REGISTERED", "PROPOSED"]
        assert await status(platform, thief, "msg_1") == 401, "a token alone brings no key into force"


def test_a_challenge_stands_for_its_partner_and_its_time() -> None:
    secrets = Secrets(bytes(32))
    challenge = Challenge("harbour-bank", "whpk_" + "A" * 43 + "=", 5, None, "old", 100)
    text = challenge.text(secrets)
    assert challenge_of(text, "harbour-bank", secrets, 99) == challenge
    for partner, by, now, code in (
        ("harbour-bank", secrets, 100, "challenge-expired"),
        ("hill-bank", secrets, 99, "challenge-unknown"),
        ("harbour-bank", Secrets(bytes(31) + b"1"), 99, "challenge-unknown"),
    ):
        with pytest.raises(Rejected, match=code):
            challenge_of(text, partner, by, now)


async def test_a_callback_is_checked_with_the_keys_of_its_own_time(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as (platform, manager):
        now, body, nobody = int(time.time()), event(), await platform.client(None)
        ended = Ed25519PrivateKey.generate()
        until = datetime.fromtimestamp(now - 60, UTC).isoformat()
        made = await manager.post(
            KEYS, json={"public_key": public(ended), "valid_from": FROM, "valid_until": until}, headers=key()
        )
        assert made.status_code == 201, made.text
        for webhook_id, at, expected in (("msg_1", now - 90, 200), ("msg_2", now - 60, 401), ("msg_3", now, 401)):
            answer = await nobody.post(PATH, content=body, headers=signed(ended, body, webhook_id, at))
            assert answer.status_code == expected, (webhook_id, answer.text)
