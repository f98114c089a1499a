"""Signatures hold for what was signed, and for nothing else; keys are kept sealed."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr

from libs.contracts.contract import Party
from libs.service.settings import SettingsError
from libs.service.testing import Served
from services.contract.settings import ContractSettings
from services.contract.signatures import LocalSignatures, decoded, encoded, sealing_key_from, statement

DIGEST, OTHER = "a" * 64, "b" * 64
AT = "2026-02-02T02:03:04.000005Z"


def service(running: Served, sealing_key: bytes = b"k" * 32) -> LocalSignatures:
    return LocalSignatures(running.runtime.store.pool, sealing_key, lambda: AT)


async def test_a_signature_verifies_with_nothing_but_public_knowledge(running: Served) -> None:
    signature = await service(running).sign(Party.BORROWER, "someone", DIGEST, key="1")
    public = Ed25519PublicKey.from_public_bytes(decoded(signature.public_key))
    public.verify(decoded(signature.signature), statement(DIGEST, Party.BORROWER, "someone", AT))
    assert await service(running).verify(signature, DIGEST)


async def test_a_signature_does_not_hold_for_anything_else(running: Served) -> None:
    local = service(running)
    signature = await local.sign(Party.BORROWER, "someone", DIGEST, key="1")
    await local.sign(Party.LENDER, "someone-else", DIGEST, key="2")
    assert not await local.verify(signature, OTHER)
    stranger = encoded(Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    for change in (
        {"party": Party.LENDER},
        {"signatory": "someone-else"},
        {"signatory": "nobody"},
        {"signed_at": "2026-02-03T02:03:04.000005Z"},
        {"signature": encoded(b"\0" * 64)},
        {"public_key": stranger},
        {"algorithm": "none"},
    ):
        assert not await local.verify(signature.model_copy(update=change), DIGEST), change


async def test_a_signatory_keeps_one_key_that_is_stored_sealed(running: Served) -> None:
    local = service(running)
    first = await local.sign(Party.BORROWER, "someone", DIGEST, key="1")
    second = await local.sign(Party.BORROWER, "someone", OTHER, key="2")
    assert first.public_key == second.public_key
    private = await local._private_key("someone")
    raw = private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    sealed = await running.runtime.store.pool.fetchval("select sealed_private_key from signing_key")
    assert raw not in sealed
    with pytest.raises(InvalidTag):
        await service(running, b"x" * 32).sign(Party.BORROWER, "someone", DIGEST, key="3")


async def test_a_sealed_key_cannot_be_moved_to_another_signatory(running: Served) -> None:
    local = service(running)
    await local.sign(Party.BORROWER, "someone", DIGEST, key="1")
    await running.runtime.store.pool.execute("update signing_key set signatory = 'another'")
    with pytest.raises(InvalidTag):
        await local.sign(Party.BORROWER, "another", DIGEST, key="2")


def test_the_sealing_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "sealing.key"
    key = sealing_key_from(path)
    assert sealing_key_from(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["sealing.key"]
    path.write_bytes(b"short")
    with pytest.raises(ValueError, match="32 bytes"):
        sealing_key_from(path)


def test_a_sealing_key_from_the_environment_takes_precedence(tmp_path: Path) -> None:
    given = base64.b64encode(b"e" * 32).decode()
    unused = tmp_path / "unused.key"
    assert ContractSettings(sealing_key=SecretStr(given), sealing_key_file=unused).key() == b"e" * 32
    assert not unused.exists()
    for wrong in ("not base64!", base64.b64encode(b"short").decode()):
        with pytest.raises(SettingsError, match="PUHUI_CONTRACT_SEALING_KEY is not 32 bytes"):
            ContractSettings(sealing_key=SecretStr(wrong)).key()
