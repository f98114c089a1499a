"""The map of streams: one root for one content, proofs of presence and absence, and none for a lie."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from libs.evidence.streams import EMPTY, StreamMap, StreamProof, bit, key_of, leaf, node, proved_version, streams_root

VERSIONS = st.dictionaries(st.integers(0, 300).map("loan-{}".format), st.integers(1, 9), max_size=120)


def by_definition(held: dict[bytes, int], depth: int = 0) -> bytes:
    if not held:
        return EMPTY
    if len(held) == 1:
        return leaf(*next(iter(held.items())))
    halves = [{key: version for key, version in held.items() if bit(key, depth) == side} for side in (0, 1)]
    return node(*[by_definition(half, depth + 1) for half in halves])


@given(VERSIONS, VERSIONS)
def test_the_root_is_that_of_the_content_however_it_came_about(first: dict[str, int], then: dict[str, int]) -> None:
    grown = StreamMap(first)
    grown.root()
    for stream, version in then.items():
        grown.set(key_of(stream), version)
    content = {**first, **then}
    assert grown.root() == by_definition({key_of(stream): version for stream, version in content.items()})
    assert grown.root() == streams_root(content.items())
    assert len(grown) == len(content)


@given(VERSIONS, st.integers(0, 600).map("loan-{}".format))
def test_a_stream_or_its_absence_is_proved(versions: dict[str, int], asked: str) -> None:
    held = StreamMap(versions)
    proof = held.prove(asked)
    assert proved_version(held.root(), asked, proof) == versions.get(asked, 0)


@given(VERSIONS.filter(bool), st.data())
def test_no_other_version_and_no_absence_of_what_is_there_can_be_proved(versions: dict[str, int], data) -> None:
    held = StreamMap(versions)
    asked = data.draw(st.sampled_from(sorted(versions)))
    proof, root, true = held.prove(asked), held.root(), versions[asked]
    other = data.draw(st.integers(1, 12).filter(lambda version: version != true))
    assert proved_version(root, asked, StreamProof(proof.siblings, proof.key, other)) is None
    assert proved_version(root, asked, StreamProof(proof.siblings, None, 0)) is None
    stranger = key_of("loan-stranger")
    assert proved_version(root, asked, StreamProof(proof.siblings, stranger, true)) is None
    if proof.siblings:
        place = data.draw(st.integers(0, len(proof.siblings) - 1))
        changed = [*proof.siblings[:place], bytes(31) + b"\x01", *proof.siblings[place + 1 :]]
        assert proved_version(root, asked, StreamProof(changed, proof.key, true)) is None


def test_the_leaf_of_another_stream_proves_absence_only_where_this_one_would_be() -> None:
    versions = {f"loan-{number}": 1 for number in range(64)}
    held = StreamMap(versions)
    for asked in versions:
        for other in versions:
            if other != asked:
                borrowed = held.prove(other)
                assert proved_version(held.root(), asked, borrowed) is None, (asked, other)


def test_the_empty_map_has_no_stream() -> None:
    held = StreamMap()
    assert held.root() == EMPTY
    assert len(held) == 0
    assert proved_version(held.root(), "loan-1", held.prove("loan-1")) == 0


def test_more_streams_than_one_arrangement_holds() -> None:
    held = StreamMap()
    versions = {f"loan-{number}": number % 7 + 1 for number in range(1000)}
    for count, (stream, version) in enumerate(versions.items(), 1):
        held.set(key_of(stream), version)
        if count % 100 == 0:
            held.root()
    assert held.root() == streams_root(versions.items())
    assert all(proved_version(held.root(), each, held.prove(each)) == version for each, version in versions.items())
