"""Proofs agree with the vectors of another implementation, with every tree up to a size, and with no altered one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.events.merkle import leaf_hash
from libs.evidence.proofs import consistency_proof, extends, includes, inclusion_proof, range_hash
from libs.evidence.tests.given import by_definition, leaves

VECTORS = json.loads((Path(__file__).parents[2] / "events" / "tests" / "data" / "merkle_vectors.json").read_text())
LEAVES = [leaf_hash(bytes.fromhex(data)) for data in VECTORS["leaf_inputs_hex"]]
ROOTS = [bytes.fromhex(root) for root in VECTORS["root_hash_by_tree_size"]]


def nodes_of(hashes: list[bytes]):
    return lambda level, index: by_definition(hashes[index << level : (index + 1) << level])


@pytest.mark.parametrize("case", VECTORS["inclusion_proofs"], ids=str)
def test_inclusion_is_that_of_the_vectors(case: dict) -> None:
    proof = inclusion_proof(nodes_of(LEAVES), case["index"], case["size"])
    assert [each.hex() for each in proof] == case["path"]
    assert includes(ROOTS[case["size"]], case["size"], case["index"], LEAVES[case["index"]], proof)


@pytest.mark.parametrize("case", VECTORS["consistency_proofs"], ids=str)
def test_consistency_is_that_of_the_vectors(case: dict) -> None:
    old, size = case["size1"], case["size2"]
    proof = consistency_proof(nodes_of(LEAVES), old, size)
    assert [each.hex() for each in proof] == case["proof"]
    assert extends(old, ROOTS[old], size, ROOTS[size], proof)


def test_every_proof_of_every_small_tree_holds_and_for_no_other_leaf_size_or_root() -> None:
    hashes = leaves(40)
    nodes, roots = nodes_of(hashes), [by_definition(hashes[:size]) for size in range(41)]
    for size in range(1, 41):
        assert range_hash(nodes, 0, size) == roots[size]
        for index in range(size):
            proof = inclusion_proof(nodes, index, size)
            assert includes(roots[size], size, index, hashes[index], proof)
            assert not includes(roots[size], size, index, hashes[(index + 1) % 40], proof)
            assert not includes(roots[size - 1], size, index, hashes[index], proof)
            assert not includes(roots[size], size, (index + 1) % size, hashes[index], proof) or size == 1
        for old in range(1, size + 1):
            proof = consistency_proof(nodes, old, size)
            assert extends(old, roots[old], size, roots[size], proof)
            if old < size:
                assert not extends(old, roots[old - 1], size, roots[size], proof)
                assert not extends(old, roots[old], size, roots[size - 1], proof)


@given(st.integers(1, 70), st.data())
def test_an_altered_proof_proves_nothing(size: int, data: st.DataObject) -> None:
    hashes = leaves(size)
    nodes, root = nodes_of(hashes), by_definition(hashes)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    for proof, holds in (
        (inclusion_proof(nodes, index, size), lambda p: includes(root, size, index, hashes[index], p)),
        (consistency_proof(nodes, old, size), lambda p: extends(old, by_definition(hashes[:old]), size, root, p)),
    ):
        assert holds(proof)
        assert not holds([*proof, bytes(32)])
        if proof:
            place, position = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
            changed = (int.from_bytes(proof[place], "big") ^ 1 << position).to_bytes(32, "big")
            assert not holds([*proof[:place], changed, *proof[place + 1 :]])
            assert not holds(proof[:place] + proof[place + 1 :])


def test_the_empty_tree_begins_every_tree_and_nothing_else_does_without_a_proof() -> None:
    hashes = leaves(3)
    assert extends(0, by_definition([]), 3, by_definition(hashes), [])
    assert not extends(0, by_definition(hashes), 3, by_definition(hashes), [])
    assert not extends(2, by_definition(hashes[:2]), 3, by_definition(hashes), [])
    assert not extends(4, by_definition(hashes), 3, by_definition(hashes), [bytes(32)])
    with pytest.raises(ValueError, match="no leaf 3"):
        inclusion_proof(nodes_of(hashes), 3, 3)
    with pytest.raises(ValueError, match="no proof from 0"):
        consistency_proof(nodes_of(hashes), 0, 3)
