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
        sizes.append(tiles.size)
        tiles.close()
        tiles = Tiles(directory, sizes[-1])
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
    Tiles(tmp_path).append(b"".join(hashes))
    again = Tiles(tmp_path, len(hashes))
    assert again.root() == by_definition(hashes)
    assert {path.name: path.stat().st_size // 32 for path in (tmp_path / "tile").iterdir()} == {
        "0": len(hashes),
        "1": 257,
        "2": 1,
    }
    assert again.tile(0, 1) == b"".join(hashes[256:512])
    assert again.tile(0, 257) == b"".join(hashes[65792:])
    assert again.tile(1, 0)[:32] == by_definition(hashes[:256])
    assert again.tile(0, 258) == again.tile(5, 0) == b""
    for index in (0, 65535, 65536, len(hashes) - 1):
        assert includes(again.root(), again.size, index, hashes[index], inclusion_proof(again.node, index, again.size))


@given(parts=st.lists(st.integers(1, 300), min_size=2, max_size=5))
@settings(max_examples=25)
def test_what_is_appended_between_two_proofs_counts(tmp_path_factory: pytest.TempPathFactory, parts: list[int]) -> None:
    """The hashes above a tile that is not full yet are kept for the next proof, and no longer than they hold."""
    hashes, tiles = leaves(sum(parts)), Tiles(tmp_path_factory.mktemp("tiles"))
    for part in parts:
        tiles.append(b"".join(hashes[tiles.size : tiles.size + part]))
        root, last = by_definition(hashes[: tiles.size]), tiles.size - 1
        assert tiles.root() == root
        assert includes(root, tiles.size, last, hashes[last], inclusion_proof(tiles.node, last, tiles.size))
    tiles.close()


def test_what_was_appended_and_not_signed_is_forgotten(tmp_path: Path) -> None:
    hashes = leaves(600)
    Tiles(tmp_path).append(b"".join([*hashes[:300], *leaves(300, begin=999)]))
    tiles = Tiles(tmp_path, 300)
    tiles.append(b"".join(hashes[300:]))
    assert tiles.root() == by_definition(hashes)
    assert Tiles(tmp_path, 600).root() == by_definition(hashes)


def test_files_that_hold_less_than_was_signed_are_told(tmp_path: Path) -> None:
    Tiles(tmp_path).append(b"".join(leaves(4)))
    with pytest.raises(Rewritten, match="holds 4 hashes, and 5 were signed"):
        Tiles(tmp_path, 5)


def test_only_what_the_tree_holds_is_asked_of_it(tmp_path: Path) -> None:
    tiles = Tiles(tmp_path)
    tiles.append(b"".join(leaves(3)))
    with pytest.raises(ValueError, match="no node 1 of level 1"):
        tiles.node(1, 1)
