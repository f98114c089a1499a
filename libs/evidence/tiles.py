"""The hashes of a log as tiles, in the layout of C2SP tlog-tiles: files of 256 hashes that never change once full.

Level 0 holds leaf hashes; a tile of level n + 1 holds the roots of 256 full tiles of level n. The right edge of each
level is a partial tile, written anew with every head.
"""

from __future__ import annotations

import os
import shutil
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
    """The tiles of one log under a directory. One writer; whoever reads sees what was written with the last head."""

    def __init__(self, directory: Path, size: int = 0) -> None:
        """Open at a size that was written; raises `Rewritten` when the files do not hold so much."""
        self._directory = directory
        self.size = size
        self._edge: list[bytearray] = []
        self._written: dict[int, int] = {}
        self._cache: OrderedDict[tuple[int, int], list[bytes]] = OrderedDict()
        while (held := size >> (HEIGHT * len(self._edge))) or not self._edge:
            level, width = len(self._edge), held % WIDTH
            self._edge.append(bytearray(self._read(level, held // WIDTH, width) if width else b""))
            self._written[level] = width

    def append(self, leaves: bytes) -> None:
        """Add leaf hashes, one after another; full tiles are written at once, partial ones by `flush`.

        Raises `Rewritten` when a full tile is there already with other content.
        """
        assert len(leaves) % HASH_BYTES == 0, "whole hashes"
        level, first = 0, self.size // WIDTH
        self.size += len(leaves) // HASH_BYTES
        while leaves:
            if level == len(self._edge):
                self._edge.append(bytearray())
            edge = self._edge[level]
            edge += leaves
            full, roots = len(edge) // TILE_BYTES, []
            for number in range(full):
                tile = bytes(edge[number * TILE_BYTES : (number + 1) * TILE_BYTES])
                self._write_full(level, first + number, tile)
                roots.append(tile_root(tile))
            if full:
                del edge[: full * TILE_BYTES]
            leaves, level, first = b"".join(roots), level + 1, first // WIDTH

    def flush(self) -> None:
        """Write the partial tiles of the right edge, and take away those that they replace."""
        for level, edge in enumerate(self._edge):
            width, number = len(edge) // HASH_BYTES, (self.size >> (HEIGHT * level)) // WIDTH
            if width and self._written.get(level) != width:
                self._write(tile_path(level, number, width), bytes(edge))
                for old in (self._directory / tile_path(level, number, width)).parent.iterdir():
                    if old.name != str(width):
                        old.unlink()
            self._written[level] = width

    def root(self, size: int | None = None) -> bytes:
        """The root over the first `size` leaves (None: all)."""
        return range_hash(self.node, 0, self.size if size is None else size)

    def leaf(self, index: int) -> bytes:
        return self.node(0, index)

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
        held = self.size >> (HEIGHT * level)
        if number == held // WIDTH:
            return [bytes(self._edge[level])]
        rows = self._cache.get((level, number))
        if rows is None:
            rows = self._cache[level, number] = [self._read(level, number, WIDTH)]
            if len(self._cache) > CACHED:
                self._cache.popitem(last=False)
        else:
            self._cache.move_to_end((level, number))
        return rows

    def _read(self, level: int, number: int, width: int) -> bytes:
        """The first `width` hashes of a tile, from the full one or the widest partial one that is there."""
        full = self._directory / tile_path(level, number)
        candidates = [full] if full.exists() else []
        if not candidates and width < WIDTH:
            folder = full.with_name(full.name + ".p")
            candidates = sorted(folder.glob("[0-9]*"), key=lambda path: -int(path.name)) if folder.exists() else []
        for path in candidates[:1]:
            data = path.read_bytes()
            if len(data) >= width * HASH_BYTES:
                return data[: width * HASH_BYTES]
        raise Rewritten(f"{full} is missing or shorter than {width} hashes")

    def _write_full(self, level: int, number: int, tile: bytes) -> None:
        path = tile_path(level, number)
        if (self._directory / path).exists():
            if (self._directory / path).read_bytes() != tile:
                raise Rewritten(f"{path} holds other hashes than are to be written now")
            return
        self._write(path, tile)
        shutil.rmtree(self._directory / f"{path}.p", ignore_errors=True)

    def _write(self, path: str, data: bytes) -> None:
        target = self._directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.new")
        temporary.write_bytes(data)
        os.replace(temporary, target)
