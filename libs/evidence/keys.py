"""Where private keys are: a file that only its owner may read, made at first use."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.evidence.notes import SIGNATURE, Signer, decoded, encoded


def private_key_from(path: Path) -> Ed25519PrivateKey:
    """The Ed25519 key in a file, 32 bytes in base64; raises `NotANote` when it holds something else."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return Ed25519PrivateKey.from_private_bytes(decoded(path.read_text().strip(), 32))
    key = Ed25519PrivateKey.generate()
    with os.fdopen(descriptor, "w") as file:
        file.write(encoded(key.private_bytes_raw()) + "\n")
    return key


def signer_from(path: Path, name: str, algorithm: int = SIGNATURE) -> Signer:
    return Signer(name, private_key_from(path), algorithm)
