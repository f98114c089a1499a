"""One service's log: tiles of its leaf hashes, the map of its streams, and heads that are signed and anchored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from libs.evidence.heads import AnchorFiles, HeadFile
from libs.evidence.notes import Head, Signer
from libs.evidence.proofs import consistency_proof
from libs.evidence.streams import StreamMap, key_of
from libs.evidence.tiles import HASH_BYTES, Rewritten, Tiles

PART: Final = 65_536
"""Leaves that are read at a time when tiles are made anew."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a log keeps of an event."""

    stream_id: str
    version: int
    leaf_hash: bytes


class Source(Protocol):
    """Where a log's entries are, in order; the log checks all that it is told against the heads that were signed."""

    def entries(self, begin: int, end: int) -> Iterable[Entry]:
        """Those at places `begin` to `end` (excluded); fewer when there are no more."""
        ...

    def versions(self, size: int) -> Mapping[str, int]:
        """The last version of every stream within the first `size` entries."""
        ...


class Log:
    """One writer. `open` it, `extend` it, and `sign` a head now and then."""

    def __init__(self, name: str, tiles: Tiles, streams: StreamMap, heads: HeadFile, signer: Signer) -> None:
        self.name, self.signer = name, signer
        self.tiles, self.streams, self._heads = tiles, streams, heads
        self.head: Head | None = None
        self.note = ""
        self.previous: tuple[Head, str] | None = None
        """The head before the last one, with its note."""

    @property
    def size(self) -> int:
        return self.tiles.size

    @classmethod
    def open(cls, name: str, directory: Path, signer: Signer, source: Source, anchors: AnchorFiles | None) -> Log:
        """Go on from the last head that was signed, here or in the anchor, whichever is later.

        Raises `Rewritten` when the source or the files do not agree with it, in words for a person. Tiles that are
        missing are made anew from the source, and must have the root that was signed.
        """
        heads = HeadFile(directory / "heads")
        history = heads.heads(signer.name, signer.verifier)
        if anchors is not None:
            history = _merged(history, anchors.heads(name).heads(signer.name, signer.verifier))
        last = history[-1][0] if history else None
        size = last.size if last else 0
        streams = StreamMap(source.versions(size))
        tiles = _tiles(directory, last, source)
        if last and (streams.root(), len(streams)) != (last.streams_root, last.streams):
            raise Rewritten(f"the streams of {name} within its first {size} events are not those of the signed head")
        log = cls(name, tiles, streams, heads, signer)
        if history:
            log.head, log.note = history[-1]
            log.previous = history[-2] if len(history) > 1 else None
        return log

    def extend(self, entries: Iterable[Entry]) -> None:
        """Add entries; raises `Rewritten` when one does not follow on its stream."""
        leaves, versions, set_version = [], self.streams.version, self.streams.set
        for entry in entries:
            key = key_of(entry.stream_id)
            if entry.version != versions(key) + 1:
                raise Rewritten(f"{entry.stream_id} goes from version {versions(key)} to {entry.version}")
            set_version(key, entry.version)
            leaves.append(entry.leaf_hash)
        self.tiles.append(b"".join(leaves))

    def sign(self, signed_at: str) -> Head:
        """A head over everything so far; it counts once it is kept with `keep`."""
        if self.head is not None and self.head.size < self.size:
            self.previous = (self.head, self.note)
        self.head = Head(
            origin=self.signer.name,
            size=self.size,
            root=self.tiles.root(),
            streams=len(self.streams),
            streams_root=self.streams.root(),
            signed_at=signed_at,
        )
        self.note = f"{self.head.text}\n{self.signer.line(self.head.text)}"
        return self.head

    def keep(self, note: str) -> None:
        """Write the head, with all signatures that were gathered for it."""
        assert self.head is not None, "a head was signed"
        self._heads.append(note)
        self.note = note

    def consistency(self, old: int) -> list[bytes]:
        """The proof from an earlier size, empty for 0 and for the head's own."""
        assert self.head is not None, "a head was signed"
        return consistency_proof(self.tiles.node, old, self.head.size) if 0 < old < self.head.size else []

    def leaves(self, begin: int, end: int) -> bytes:
        """Leaf hashes, one after another."""
        return self.tiles.leaves(begin, end)

    def close(self) -> None:
        self.tiles.close()


def _merged(own: list[tuple[Head, str]], anchored: list[tuple[Head, str]]) -> list[tuple[Head, str]]:
    by_size = {head.size: (head, note) for head, note in own}
    for head, note in anchored:
        known = by_size.setdefault(head.size, (head, note))[0]
        if (known.root, known.streams_root) != (head.root, head.streams_root):
            raise Rewritten(f"two heads of size {head.size} were signed that are not the same")
    return [by_size[size] for size in sorted(by_size)]


def _tiles(directory: Path, last: Head | None, source: Source) -> Tiles:
    if last is None:
        return Tiles(directory)
    try:
        tiles = Tiles(directory, last.size)
        if tiles.root() == last.root:
            return tiles
        tiles.close()
    except Rewritten:
        pass
    tiles = Tiles(directory)
    for part in _parts(source, last.size):
        tiles.append(part)
    if tiles.size != last.size:
        raise Rewritten(f"there are {tiles.size} events where a head was signed over {last.size}")
    if tiles.root() != last.root:
        raise Rewritten(f"the first {last.size} events are not those that a head was signed over")
    return tiles


def _parts(source: Source, size: int) -> Iterator[bytes]:
    for begin in range(0, size, PART):
        part = b"".join([entry.leaf_hash for entry in source.entries(begin, min(begin + PART, size))])
        if not part:
            return
        yield part
        if len(part) < PART * HASH_BYTES:
            return
