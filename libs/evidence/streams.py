"""The map from stream to last version that every head commits to: what makes completeness provable.

A log proves what is in it. That nothing of a stream was left out follows from the stream's last version at the head,
since versions are contiguous; that there is no such stream follows from its absence here.

A sparse Merkle tree: a stream's place is given by the bits of the SHA-256 of its name, so it has one place, whoever
built the tree. A subtree with one stream is that stream's leaf, an empty one is 32 zero bytes. Each head's tree
follows from the log's leaves, so whoever reads the whole log checks it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

LEAF: Final = b"\x02"
NODE: Final = b"\x03"
EMPTY: Final = bytes(32)
DEPTH_MAX: Final = 256
KEYS_A_BUCKET: Final = 8
"""On average, at most: what is worked out anew when one stream moves on."""


def key_of(stream_id: str) -> bytes:
    return sha256(stream_id.encode()).digest()


def leaf(key: bytes, version: int) -> bytes:
    return sha256(LEAF + key + version.to_bytes(8, "big")).digest()


def node(left: bytes, right: bytes) -> bytes:
    return sha256(NODE + left + right).digest()


def bit(key: bytes, depth: int) -> int:
    return key[depth >> 3] >> (7 - (depth & 7)) & 1


@dataclass(frozen=True, slots=True)
class StreamProof:
    """The siblings on a stream's way down, from the root, and the leaf at its end: its own, another's, or none."""

    siblings: Sequence[bytes]
    key: bytes | None
    version: int


def proved_version(root: bytes, stream_id: str, proof: StreamProof) -> int | None:
    """The last version that the tree with this root has of a stream, 0 when it has none; None: the proof is wrong."""
    key, depth = key_of(stream_id), len(proof.siblings)
    if depth > DEPTH_MAX:
        return None
    if proof.key is None:
        found, version = EMPTY, 0
    else:
        if proof.version < 1 or any(bit(proof.key, place) != bit(key, place) for place in range(depth)):
            return None
        found, version = leaf(proof.key, proof.version), proof.version if proof.key == key else 0
    for place in range(depth - 1, -1, -1):
        sibling = proof.siblings[place]
        found = node(sibling, found) if bit(key, place) else node(found, sibling)
    return version if found == root else None


class StreamMap:
    """The growing map. Only the way to streams that moved on is worked out anew, so a head costs what happened."""

    def __init__(self, versions: Mapping[str, int] | None = None) -> None:
        self._bits = 0
        self._buckets: dict[int, dict[bytes, int]] = {}
        self._nodes: list[dict[int, tuple[bytes, int]]] = []
        """By depth and prefix: the hash of the subtree, and how many streams are in it."""
        self._touched: set[int] = set()
        self._arrange({key_of(stream): version for stream, version in (versions or {}).items()})

    def __len__(self) -> int:
        self._settle()
        return self._nodes[0].get(0, (EMPTY, 0))[1]

    def set(self, key: bytes, version: int) -> None:
        """The stream with this key is at this version now."""
        place = self._place(key)
        self._buckets.setdefault(place, {})[key] = version
        self._touched.add(place)

    def version(self, key: bytes) -> int:
        """The last version of a stream, 0 when there is none."""
        return self._buckets.get(self._place(key), {}).get(key, 0)

    def root(self) -> bytes:
        self._settle()
        return self._nodes[0].get(0, (EMPTY, 0))[0]

    def prove(self, stream_id: str) -> StreamProof:
        """What leads from the root to the stream, or to where it would be."""
        self._settle()
        key, siblings, depth = key_of(stream_id), list[bytes](), 0
        while depth < self._bits:
            prefix = self._prefix(key, depth)
            if self._nodes[depth].get(prefix, (EMPTY, 0))[1] <= 1:
                break
            depth += 1
            siblings.append(self._nodes[depth].get(self._prefix(key, depth) ^ 1, (EMPTY, 0))[0])
        held = list(self._under(self._prefix(key, depth), depth))
        while len(held) > 1:
            side = bit(key, depth)
            siblings.append(_subtree([each for each in held if bit(each[0], depth) != side], depth + 1))
            held = [each for each in held if bit(each[0], depth) == side]
            depth += 1
        found, version = held[0] if held else (None, 0)
        return StreamProof(siblings, found, version)

    def _under(self, prefix: int, depth: int) -> Iterator[tuple[bytes, int]]:
        """The streams of a subtree in which there is one at most, or of a bucket."""
        if depth == self._bits:
            yield from self._buckets.get(prefix, {}).items()
            return
        for half in (prefix << 1, prefix << 1 | 1):
            if self._nodes[depth + 1].get(half, (EMPTY, 0))[1]:
                yield from self._under(half, depth + 1)

    def _prefix(self, key: bytes, depth: int) -> int:
        return int.from_bytes(key[:4], "big") >> (32 - depth)

    def _place(self, key: bytes) -> int:
        return int.from_bytes(key[:4], "big") >> (32 - self._bits)

    def _arrange(self, versions: Mapping[bytes, int]) -> None:
        self._bits = min(max(len(versions) // KEYS_A_BUCKET, 1).bit_length() + 1, 24)
        self._buckets, self._nodes = {}, [{} for _ in range(self._bits + 1)]
        for key, version in versions.items():
            self._buckets.setdefault(self._place(key), {})[key] = version
        self._touched = set(self._buckets)
        self._settle()

    def _settle(self) -> None:
        if not self._touched:
            return
        level, above = self._nodes[self._bits], set[int]()
        for place in self._touched:
            bucket = self._buckets[place]
            level[place] = (_subtree(list(bucket.items()), self._bits), len(bucket))
            above.add(place >> 1)
        self._touched.clear()
        for depth in range(self._bits - 1, -1, -1):
            below, level = level, self._nodes[depth]
            for prefix in above:
                left, right = below.get(prefix << 1, (EMPTY, 0)), below.get(prefix << 1 | 1, (EMPTY, 0))
                level[prefix] = (_joined(left, right), left[1] + right[1])
            above = {prefix >> 1 for prefix in above}
        if self._nodes[0][0][1] > KEYS_A_BUCKET << (self._bits + 1):
            self._arrange({key: version for bucket in self._buckets.values() for key, version in bucket.items()})


def _joined(left: tuple[bytes, int], right: tuple[bytes, int]) -> bytes:
    if left[1] + right[1] > 1:
        return node(left[0], right[0])
    return left[0] if left[1] else right[0]


def _subtree(held: Sequence[tuple[bytes, int]], depth: int) -> bytes:
    if not held:
        return EMPTY
    if len(held) == 1:
        return leaf(*held[0])
    left = [each for each in held if not bit(each[0], depth)]
    right = [each for each in held if bit(each[0], depth)]
    return node(_subtree(left, depth + 1), _subtree(right, depth + 1))


def streams_root(versions: Iterable[tuple[str, int]]) -> bytes:
    """The root over all streams at once: for whoever checks a head against the whole log."""
    return StreamMap(dict(versions)).root()
