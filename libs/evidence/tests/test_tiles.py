"""Tiles: the layout of C2SP, the roots of RFC 6962, and what was once written is not written otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.evidence.proofs import consistency_proof, extends, includes, inclusion_proof
from libs.evidence.tests.given import by_definition, leaves
from libs.evidence.tiles import Rewritten, Tiles, tile_path


@pytest.mark.parametrize(
    ("level", "number", "width", "path"),
    [
        (0, 0, 256, "tile/0/000"),
        (0, 1234067, 256, "tile/0/x001/x234/067"),
        (1, 67, 5, "tile/1/067.p/5"),
        (2, 1000, 256, "tile/2/x001/000"),
    ],
)
def test_a_tile_is_where_the_layout_says(level: int, number: int, width: int, path: str) -> None:
    assert tile_path(level, number, width) == path


@settings(max_examples=25)
@given(parts=st.lists(st.integers(1, 700), min_size=1, max_size=5))
def test_roots_and_proofs_are_those_of_the_tree_at_every_size(
    tmp_path_factory: pytest.TempPathFactory, parts: list[int]
) -> None:
    directory = tmp_path_factory.mktemp("tiles")
    hashes, tiles, sizes = leaves(sum(parts)), Tiles(directory), []
    for part in parts:
        tiles.append(b"".join(hashes[tiles.size : tiles.size + part]))
        tiles.flush()
        sizes.append(tiles.size)
        tiles = Tiles(directory, tiles.size)
    root = tiles.root()
    assert root == by_definition(hashes)
    for size in sizes:
        assert tiles.root(size) == by_definition(hashes[:size])
        proof = consistency_proof(tiles.node, size, tiles.size)
        assert extends(size, tiles.root(size), tiles.size, root, proof)
    for index in (0, sizes[0] - 1, tiles.size // 2, tiles.size - 1):
        assert includes(root, tiles.size, index, hashes[index], inclusion_proof(tiles.node, index, tiles.size))


def test_three_levels_of_tiles(tmp_path: Path) -> None:
    hashes = leaves(256 * 256 + 300)
    tiles = Tiles(tmp_path)
    tiles.append(b"".join(hashes))
    tiles.flush()
    again = Tiles(tmp_path, tiles.size)
    assert again.root() == by_definition(hashes)
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.glob("tile/[12]/**/*") if path.is_file()}
    assert files == {"tile/1/000", "tile/1/001.p/1", "tile/2/000.p/1"}
    for index in (0, 65535, 65536, len(hashes) - 1):
        assert includes(again.root(), again.size, index, hashes[index], inclusion_proof(again.node, index, again.size))


def test_a_full_tile_is_never_written_otherwise(tmp_path: Path) -> None:
    hashes = leaves(600)
    tiles = Tiles(tmp_path)
    tiles.append(b"".join(hashes))
    with pytest.raises(Rewritten, match="tile/0/001"):
        Tiles(tmp_path).append(b"".join([*hashes[:300], *leaves(300, begin=999)]))


def test_a_tile_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(Rewritten, match="missing"):
        Tiles(tmp_path, 5)


def test_only_what_the_tree_holds_is_asked_of_it(tmp_path: Path) -> None:
    tiles = Tiles(tmp_path)
    tiles.append(b"".join(leaves(3)))
    with pytest.raises(ValueError, match="no node 1 of level 1"):
        tiles.node(1, 1)
