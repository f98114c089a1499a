"""Logs with made-up entries, and a tree hash by definition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.events.merkle import EMPTY_ROOT, leaf_hash, node_hash
from libs.evidence.heads import AnchorFiles
from libs.evidence.log import Entry, Log
from libs.evidence.notes import Signer

ORIGIN = "puhui.test/ledger"


def signer(name: str = ORIGIN, number: int = 1, algorithm: int = 1) -> Signer:
    return Signer(name, Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32), algorithm)


def leaves(count: int, begin: int = 0) -> list[bytes]:
    return [leaf_hash(b"%d" % number) for number in range(begin, begin + count)]


def by_definition(hashes: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1."""
    if not hashes:
        return EMPTY_ROOT
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return node_hash(by_definition(hashes[:split]), by_definition(hashes[split:]))


class Entries:
    """A source in memory: a few streams that take turns."""

    def __init__(self, count: int, streams: int = 5) -> None:
        self.held = [
            Entry(f"loan-{number % streams}", number // streams + 1, leaf) for number, leaf in enumerate(leaves(count))
        ]

    def entries(self, begin: int, end: int) -> Iterable[Entry]:
        return self.held[begin:end]

    def versions(self, size: int) -> Mapping[str, int]:
        return {entry.stream_id: entry.version for entry in self.held[:size]}


def opened(directory: Path, source: Entries, anchors: AnchorFiles | None = None) -> Log:
    return Log.open("ledger", directory / "log", signer(), source, anchors)


def grown(log: Log, source: Entries, size: int, anchors: AnchorFiles | None = None) -> Log:
    """The log with entries up to `size`, under a head that is kept and anchored."""
    log.extend(source.entries(log.size, size))
    log.sign(f"2026-02-02T00:00:{size % 60:02d}Z")
    log.keep(log.note)
    if anchors is not None:
        anchors.anchor("ledger", log.size, log.note, log.leaves)
    return log
