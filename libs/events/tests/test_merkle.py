"""Tree hashes agree with the vectors of another implementation and with the recursive definition of RFC 6962."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from libs.events.merkle import EMPTY_ROOT, Frontier, leaf_hash, node_hash, root_hash

VECTORS = json.loads((Path(__file__).parent / "data" / "merkle_vectors.json").read_text())
LEAVES = [leaf_hash(bytes.fromhex(data)) for data in VECTORS["leaf_inputs_hex"]]


def by_definition(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(by_definition(leaves[:split]), by_definition(leaves[split:]))


def test_leaves_and_roots_are_those_of_the_vectors() -> None:
    assert EMPTY_ROOT.hex() == VECTORS["empty_root"]
    assert [leaf.hex() for leaf in LEAVES] == VECTORS["leaf_hashes"]
    for size, root in enumerate(VECTORS["root_hash_by_tree_size"]):
        assert root_hash(LEAVES[:size]).hex() == root
    leaf, node = VECTORS["single"]
    assert leaf_hash(leaf["input_utf8"].encode()).hex() == leaf["hash"]
    assert node_hash(node["left_raw_utf8"].encode(), node["right_raw_utf8"].encode()).hex() == node["hash"]


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=70))
def test_a_growing_tree_has_the_root_of_the_definition_at_every_size(leaves: list[bytes]) -> None:
    tree = Frontier()
    for size, leaf in enumerate(leaves, 1):
        tree.append(leaf)
        assert tree.size == size
        assert tree.root() == by_definition(leaves[:size])
    assert root_hash(leaves) == by_definition(leaves)
