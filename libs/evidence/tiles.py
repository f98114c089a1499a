"""The hashes of a log as the tiles of C2SP tlog-tiles: 256 hashes each, which never change once they are full.

Level 0 holds leaf hashes; a tile of level n + 1 holds the roots of 256 full tiles of level n. A level is one file to
which hashes are appended, so that tile N stands at byte N * 8192 and the partial one at the end.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from hashlib import sha256
from pathlib import Path
from typing import Final

from libs.events.merkle import EMPTY_ROOT, NODE_PREFIX
from libs.evidence.proofs import range_hash

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
HASH_BYTES: Final = 32
TILE_BYTES: Final = WIDTH * HASH_BYTES
CACHED: Final = 512
"""Tiles kept in memory with the hashes above their leaves, 16 KB each."""


class Rewritten(Exception):
    """What a log was asked to hold is not what it held before: somebody rewrote history, on one side or the other."""


def above(row: bytes) -> bytes:
    """The hashes over pairs of these; one without a partner is left out."""
    prefix, pair = NODE_PREFIX, 2 * HASH_BYTES
    return b"".join([sha256(prefix + row[at : at + pair]).digest() for at in range(0, len(row) - HASH_BYTES, pair)])


def root_of_leaves(leaves: bytes) -> bytes:
    """The tree hash over leaf hashes, one after another, at the speed of hashing."""
    row = leaves
    while len(row) > HASH_BYTES:
        alone = row[-HASH_BYTES:] if len(row) // HASH_BYTES % 2 else b""
        row = above(row) + alone
    return row or EMPTY_ROOT


def tile_root(tile: bytes) -> bytes:
    while len(tile) > HASH_BYTES:
        tile = above(tile)
    return tile


def tile_path(level: int, number: int, width: int = WIDTH) -> str:
    """Where tlog-tiles has a tile: three digits a folder, `x` before all but the last."""
    digits = f"{number:03d}"
    digits = digits.rjust(-(-len(digits) // 3) * 3, "0")
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return f"tile/{level}/{path}" + (f".p/{width}" if width < WIDTH else "")


class Tiles:
    """The tiles of one log under a directory. One writer."""

    def __init__(self, directory: Path, size: int = 0) -> None:
        """Open at a size that was signed: what was appended beyond it is forgotten.

        Raises `Rewritten` when the files do not hold so much.
        """
        self._directory = directory / "tile"
        self._directory.mkdir(parents=True, exist_ok=True)
        self.size = size
        self._files: list[int] = []
        self._edge: list[bytearray] = []
        """Of each level, the hashes of the tile that is not full yet."""
        self._edge_rows: dict[int, list[bytes]] = {}
        """The same with the hashes above them, until something is appended: a proof asks for many of them."""
        self._cache: OrderedDict[tuple[int, int], list[bytes]] = OrderedDict()
        while (held := size >> (HEIGHT * len(self._edge))) or not self._edge:
            self._open_level(held)

    def close(self) -> None:
        for file in self._files:
            os.close(file)
        self._files.clear()

    def append(self, leaves: bytes) -> None:
        """Add leaf hashes, one after another."""
        assert len(leaves) % HASH_BYTES == 0, "whole hashes"
        level = 0
        self._edge_rows.clear()
        self.size += len(leaves) // HASH_BYTES
        while leaves:
            if level == len(self._edge):
                self._open_level(0)
            _write(self._files[level], leaves)
            edge = self._edge[level]
            edge += leaves
            full = len(edge) // TILE_BYTES
            leaves = b"".join(
                [tile_root(bytes(edge[at : at + TILE_BYTES])) for at in range(0, full * TILE_BYTES, TILE_BYTES)]
            )
            if full:
                del edge[: full * TILE_BYTES]
            level += 1

    def root(self, size: int | None = None) -> bytes:
        """The root over the first `size` leaves (None: all)."""
        return range_hash(self.node, 0, self.size if size is None else size)

    def leaves(self, begin: int, end: int) -> bytes:
        """Leaf hashes, one after another."""
        return os.pread(self._files[0], (min(end, self.size) - begin) * HASH_BYTES, begin * HASH_BYTES)

    def tile(self, level: int, number: int) -> bytes:
        """The hashes of a tile, as far as there are any."""
        held = (self.size >> (HEIGHT * level)) - number * WIDTH
        if held <= 0 or level >= len(self._files):
            return b""
        return os.pread(self._files[level], min(held, WIDTH) * HASH_BYTES, number * TILE_BYTES)

    def node(self, level: int, index: int) -> bytes:
        """The hash of a complete subtree; see `libs.evidence.proofs.Nodes`."""
        row, tile_level = level % HEIGHT, level // HEIGHT
        number, place = divmod(index, 1 << (HEIGHT - row))
        rows = self._rows(tile_level, number)
        while len(rows) <= row:
            rows.append(above(rows[-1]))
        found = rows[row][place * HASH_BYTES : (place + 1) * HASH_BYTES]
        if len(found) < HASH_BYTES:
            raise ValueError(f"the tree of {self.size} leaves has no node {index} of level {level}")
        return found

    def _rows(self, level: int, number: int) -> list[bytes]:
        if number == (self.size >> (HEIGHT * level)) // WIDTH:
            edge = bytes(self._edge[level]) if level < len(self._edge) else b""
            return self._edge_rows.setdefault(level, [edge])
        rows = self._cache.get((level, number))
        if rows is None:
            rows = self._cache[level, number] = [self.tile(level, number)]
            if len(self._cache) > CACHED:
                self._cache.popitem(last=False)
        else:
            self._cache.move_to_end((level, number))
        return rows

    def _open_level(self, held: int) -> None:
        level = len(self._files)
        file = os.open(self._directory / str(level), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._files.append(file)
        length = os.fstat(file).st_size
        if length < held * HASH_BYTES:
            raise Rewritten(f"level {level} of the tree holds {length // HASH_BYTES} hashes, and {held} were signed")
        if length > held * HASH_BYTES:
            os.ftruncate(file, held * HASH_BYTES)
        width = held % WIDTH
        self._edge.append(bytearray(os.pread(file, width * HASH_BYTES, (held - width) * HASH_BYTES)))


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
