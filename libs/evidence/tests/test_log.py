"""A log goes on from what it signed, and from nothing else."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from libs.evidence.heads import AnchorFiles, HeadFile
from libs.evidence.notes import Note
from libs.evidence.proofs import extends
from libs.evidence.tests.given import ORIGIN, Entries, by_definition, grown, leaves, opened, signer
from libs.evidence.tiles import HASH_BYTES, Rewritten


def test_heads_follow_one_another_and_each_extends_the_last(tmp_path: Path) -> None:
    source, log = Entries(1000), opened(tmp_path, Entries(0))
    for size in (1, 2, 300, 1000):
        before = log.head
        grown(log, source, size)
        assert log.head is not None
        assert log.head.root == by_definition(leaves(size))
        assert Note.parse(log.note).confirmed_by([signer().verifier])
        if before is not None:
            proof = log.consistency(before.size)
            assert extends(before.size, before.root, log.head.size, log.head.root, proof)
            assert log.previous is not None
            assert log.previous[0] == before
        log = opened(tmp_path, source)
        assert log.size == size
    assert [head.size for head, _ in HeadFile(tmp_path / "log" / "heads").heads(ORIGIN, signer().verifier)] == [
        1, 2, 300, 1000,
    ]  # fmt: skip


def test_an_entry_that_does_not_follow_on_its_stream_is_refused(tmp_path: Path) -> None:
    source = Entries(20)
    log = grown(opened(tmp_path, source), source, 10)
    with pytest.raises(Rewritten, match="loan-1 goes from version 2 to 4"):
        log.extend(source.entries(16, 17))


def test_tiles_that_are_lost_are_made_again(tmp_path: Path) -> None:
    source = Entries(700)
    root = grown(opened(tmp_path, source), source, 700).tiles.root()
    shutil.rmtree(tmp_path / "log" / "tile")
    assert opened(tmp_path, source).tiles.root() == root


def test_what_was_appended_without_a_head_is_not_remembered(tmp_path: Path) -> None:
    source = Entries(700)
    log = grown(opened(tmp_path, source), source, 300)
    log.extend(source.entries(300, 700))
    assert opened(tmp_path, source).size == 300


@pytest.mark.parametrize("lost", ["tiles", "directory"])
def test_a_history_that_was_rewritten_is_not_gone_on_with(tmp_path: Path, lost: str) -> None:
    source, anchors = Entries(700), AnchorFiles(tmp_path / "anchors")
    grown(opened(tmp_path, source), source, 700, anchors)
    source.held[5] = replace(source.held[5], leaf_hash=leaves(1, begin=999)[0])
    shutil.rmtree(tmp_path / "log" / ("tile" if lost == "tiles" else ""))
    with pytest.raises(Rewritten, match="not those that a head was signed over"):
        opened(tmp_path, source, anchors)


def test_fewer_events_than_were_signed_are_told(tmp_path: Path) -> None:
    source = Entries(700)
    grown(opened(tmp_path, source), source, 700)
    source.held = source.held[:400]
    with pytest.raises(Rewritten, match="streams of ledger"):
        opened(tmp_path, source)
    shutil.rmtree(tmp_path / "log" / "tile")
    with pytest.raises(Rewritten, match="400 events where a head was signed over 700"):
        opened(tmp_path, source)


def test_a_directory_that_is_older_than_its_anchor_catches_up(tmp_path: Path) -> None:
    source, anchors = Entries(700), AnchorFiles(tmp_path / "anchors")
    log = grown(opened(tmp_path, source), source, 300, anchors)
    shutil.copytree(tmp_path / "log", tmp_path / "backup")
    grown(log, source, 700, anchors)
    shutil.rmtree(tmp_path / "log")
    (tmp_path / "backup").rename(tmp_path / "log")
    assert opened(tmp_path, source, anchors).size == 700


def test_two_heads_of_one_size_that_differ_are_told(tmp_path: Path) -> None:
    source, anchors = Entries(20), AnchorFiles(tmp_path / "anchors")
    grown(opened(tmp_path, source), source, 20, anchors)
    shutil.rmtree(tmp_path / "log")
    source.held[3] = replace(source.held[3], leaf_hash=leaves(1, begin=999)[0])
    grown(opened(tmp_path, source), source, 20)
    with pytest.raises(Rewritten, match="two heads of size 20"):
        opened(tmp_path, source, anchors)


def test_a_head_that_another_signed_is_told(tmp_path: Path) -> None:
    source = Entries(20)
    grown(opened(tmp_path, source), source, 20)
    file = HeadFile(tmp_path / "log" / "heads")
    with pytest.raises(Rewritten, match="did not sign"):
        file.heads(ORIGIN, signer(number=9).verifier)
    file.path.write_text(file.path.read_text() * 2)
    with pytest.raises(Rewritten, match="size 20 after one of size 20"):
        file.heads(ORIGIN, signer().verifier)


def test_a_head_that_was_half_written_is_passed_over(tmp_path: Path) -> None:
    source, anchors = Entries(40), AnchorFiles(tmp_path / "anchors")
    log = grown(opened(tmp_path, source), source, 20, anchors)
    whole = (tmp_path / "log" / "heads").read_text()
    for cut in (1, 100, len(whole) - 1):
        (tmp_path / "log" / "heads").write_text(whole + whole[:cut])
        log = opened(tmp_path, source)
        assert log.size == 20
    grown(log, source, 40)
    assert opened(tmp_path, source).size == 40


def test_anchors_hold_every_leaf_once(tmp_path: Path) -> None:
    source, anchors = Entries(700), AnchorFiles(tmp_path / "anchors")
    log = opened(tmp_path, source, anchors)
    for size in (10, 300, 700):
        grown(log, source, size, anchors)
    assert anchors.leaves("ledger").read_bytes() == b"".join(leaves(700))
    with anchors.leaves("ledger").open("ab") as file:
        file.write(bytes(HASH_BYTES))
    with pytest.raises(Rewritten, match="holds 701 leaves, the log 700"):
        anchors.anchor("ledger", 700, log.note, log.leaves)
