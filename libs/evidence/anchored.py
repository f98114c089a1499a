"""What was kept where the owner of a database cannot write, for whoever checks something against it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from libs.evidence.heads import AnchorFiles
from libs.evidence.notes import SIGNATURE, Head, Note, keyring
from libs.evidence.verify import LeavesOf


def anchored_in(directory: Path, trusted: Sequence[str] | None = None) -> LeavesOf:
    """Heads and leaves of a directory of anchors. With `trusted` keys, heads that none of them signed do not count."""
    files = AnchorFiles(directory)
    keys = [key for held in keyring(trusted).values() for key in held if key.algorithm == SIGNATURE] if trusted else []

    def of(log: str) -> tuple[Sequence[Head], bytes]:
        notes = [Note.parse(note) for note in files.heads(log).notes()]
        heads = [Head.parse(note.text) for note in notes if not keys or note.confirmed_by(keys)]
        leaves = files.leaves(log)
        return heads, leaves.read_bytes() if leaves.exists() else b""

    return of
