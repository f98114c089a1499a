"""Compares a whole store with its log: every event where it was recorded, as it was recorded, and nothing besides.

Told in plain words and located: which event, what was done to it. The log is the leaf hashes that were anchored, which
must have the roots that were signed; the store is read in batches, and only what does not agree is kept in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from libs.evidence.notes import Head
from libs.evidence.proofs import range_hash
from libs.evidence.streams import streams_root
from libs.evidence.tiles import HASH_BYTES, above
from libs.evidence.verify import Finding

SHOWN: Final = 20
"""Findings of one kind that are told one by one."""


class Row(NamedTuple):
    """An event as a store has it: its place, what it is, the hash of its bytes, and the hash that stands beside it."""

    sequence: int
    stream_id: str
    version: int
    type: str
    leaf: bytes
    kept: bytes


@dataclass(slots=True)
class Store:
    """What was read of a store: what does not agree with the log, and how far every stream goes."""

    first: int = 1
    last: int = 0
    events: int = 0
    odd: list[Row] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    """Places without an event: from, to."""
    versions: dict[str, int] = field(default_factory=dict)
    uneven: list[Row] = field(default_factory=list)
    """Events whose version does not follow on their stream."""

    def take(self, rows: Sequence[Row], leaves: bytes) -> None:
        """The next rows, by place; `leaves` are all leaf hashes of the log."""
        begin = self.last
        expected = leaves[begin * HASH_BYTES : (begin + len(rows)) * HASH_BYTES]
        whole = b"".join([row.leaf for row in rows]) == expected and rows[-1].sequence == begin + len(rows)
        versions = self.versions
        for row in rows:
            if not whole:
                if row.sequence > self.last + 1:
                    self.gaps.append((self.last + 1, row.sequence - 1))
                if row.leaf != leaves[(row.sequence - 1) * HASH_BYTES : row.sequence * HASH_BYTES]:
                    self.odd.append(row)
                self.last = row.sequence
            if row.leaf != row.kept and (whole or self.odd[-1:] != [row]):
                self.odd.append(row)
            if row.version != versions.get(row.stream_id, 0) + 1 and row.stream_id in versions:
                self.uneven.append(row)
            versions[row.stream_id] = row.version
        self.last, self.events = rows[-1].sequence, self.events + len(rows)


def merged(parts: Sequence[Store]) -> Store:
    """What was read in parts, each from the place after the one before it."""
    whole = Store()
    for part in parts:
        if part.events and part.first > whole.last + 1:
            whole.gaps.append((whole.last + 1, part.first - 1))
        whole.odd += part.odd
        whole.gaps += part.gaps
        whole.uneven += part.uneven
        whole.versions |= part.versions
        whole.events += part.events
        whole.last = max(whole.last, part.last)
    return whole


def check_heads(heads: Sequence[Head], leaves: bytes) -> list[Finding]:
    """Whether the leaf hashes have the roots of all heads that were signed over them."""
    rows = [leaves[: len(leaves) // HASH_BYTES * HASH_BYTES]]
    while len(rows[-1]) >= 2 * HASH_BYTES:
        rows.append(above(rows[-1]))
    held, findings = len(rows[0]) // HASH_BYTES, list[Finding]()

    def node(level: int, index: int) -> bytes:
        return rows[level][index * HASH_BYTES : (index + 1) * HASH_BYTES]

    good = 0
    for head in heads:
        if head.size > held:
            what = f"a head was signed over {head.size} events, and {held} leaf hashes were kept"
            findings.append(Finding("head", f"size {head.size}", what))
        elif range_hash(node, 0, head.size) != head.root:
            what = (
                f"the leaf hashes are not those that were signed: one of events {good + 1} to {head.size} was changed"
            )
            findings.append(Finding("head", f"size {head.size}", what))
            break
        else:
            good = head.size
    return findings


def check_store(store: Store, heads: Sequence[Head], leaves: bytes) -> list[Finding]:
    """Everything in which a store and its log do not agree."""
    size = len(leaves) // HASH_BYTES
    findings = list(_events(store, leaves, size))
    if heads and not findings and store.last == heads[-1].size:
        versions = store.versions
        if (len(versions), streams_root(versions.items())) != (heads[-1].streams, heads[-1].streams_root):
            findings.append(Finding("streams", "streams", "the streams do not go as far as the signed head says"))
    for row in store.uneven[:SHOWN]:
        what = f"version {row.version} of {row.stream_id} does not follow on the one before it"
        findings.append(Finding("stream", _place(row), what))
    return findings


def _events(store: Store, leaves: bytes, size: int) -> Iterator[Finding]:
    missing = [(begin, min(end, size)) for begin, end in store.gaps if begin <= size]
    if store.last < size:
        what = (
            f"the store ends at event {store.last}, and {size} were recorded: {size - store.last} at the end are gone"
        )
        yield Finding("truncated", f"event {store.last + 1}", what)
    recorded = _places(store.odd, missing, leaves, size)
    moved = {
        row.sequence: recorded[row.leaf] for row in store.odd if recorded.get(row.leaf, row.sequence) != row.sequence
    }
    yield from _moved(store.odd, moved)
    explained = set(moved.values())
    for begin, end in missing:
        gone = [place for place in range(begin, end + 1) if place not in explained]
        if gone:
            which = f"event {gone[0]}" if len(gone) == 1 else f"events {gone[0]} to {gone[-1]} ({len(gone)})"
            yield Finding("deleted", f"event {gone[0]}", f"{which} was recorded and is not there")
    strange = [row for row in store.odd if row.sequence not in moved]
    yield from _strange(strange, explained, size)
    yield from _shifted_out(moved, explained, missing, strange, size)


def _places(odd: Sequence[Row], missing: Sequence[tuple[int, int]], leaves: bytes, size: int) -> Mapping[bytes, int]:
    """By leaf hash: where what does not agree was recorded."""
    places = [row.sequence for row in odd if row.sequence <= size]
    places += [place for begin, end in missing for place in range(begin, end + 1)]
    places += [place + 1 for place in places if place + 1 <= size]
    if len(odd) > 1:
        places += range(max(1, min(places, default=1)), min(size, max(places, default=0) + 1) + 1)
    return {leaves[(place - 1) * HASH_BYTES : place * HASH_BYTES]: place for place in places}


def _moved(odd: Sequence[Row], moved: Mapping[int, int]) -> Iterator[Finding]:
    """Events that stand elsewhere; a run that was shifted together is told once."""
    rows = [row for row in odd if row.sequence in moved]
    runs: list[list[Row]] = []
    for row in rows:
        last = runs[-1][-1] if runs else None
        shift = moved[row.sequence] - row.sequence
        if last and row.sequence == last.sequence + 1 and shift == moved[last.sequence] - last.sequence:
            runs[-1].append(row)
        else:
            runs.append([row])
    for run in runs[:SHOWN]:
        first, was = run[0], moved[run[0].sequence]
        if len(run) == 1:
            yield Finding(
                "moved", _place(first), f"{_named(first)} stands at {first.sequence} and was recorded at {was}"
            )
        else:
            what = f"{len(run)} events from {_named(first)} on stand {was - first.sequence:+d} from where they were recorded"
            yield Finding("shifted", _place(first), what.replace("+", "", 1) if was < first.sequence else what)


def _strange(strange: Sequence[Row], explained: set[int], size: int) -> Iterator[Finding]:
    """Events that were never recorded as they stand."""
    runs = [row for row in strange if row.sequence <= size]
    if len(runs) > SHOWN and all(later.sequence == row.sequence + 1 for row, later in pairwise(runs)):
        what = (
            f"{len(runs)} events from {_named(runs[0])} on are not what was recorded: history was rewritten from there"
        )
        yield Finding("rewritten", _place(runs[0]), what)
    else:
        for row in runs[:SHOWN]:
            if row.sequence in explained:
                yield Finding("inserted", _place(row), f"{_named(row)} was never recorded")
            elif row.leaf != row.kept:
                yield Finding("changed", _place(row), f"{_named(row)} is not what was recorded; the hash beside it is")
            else:
                what = f"{_named(row)} is not what was recorded; the hash beside it was changed too"
                yield Finding("changed", _place(row), what)
    beyond = [row for row in strange if row.sequence > size and row.leaf != row.kept]
    for row in beyond[:SHOWN]:
        yield Finding("changed", _place(row), f"{_named(row)} is not what the hash beside it says")


def _shifted_out(
    moved: Mapping[int, int], explained: set[int], missing: Sequence[tuple[int, int]], strange: Sequence[Row], size: int
) -> Iterator[Finding]:
    """Events whose place others have taken and that stand nowhere."""
    there = explained | {row.sequence for row in strange}
    gone = [place for place in sorted(moved) if place <= size and place not in there]
    told = {place for begin, end in missing for place in range(begin, end + 1)}
    for place in [each for each in gone if each not in told][:SHOWN]:
        yield Finding(
            "deleted", f"event {place}", f"event {place} was recorded and is not there; others took its place"
        )


def _named(row: Row) -> str:
    return f"event {row.sequence} ({row.type.removeprefix('puhui.')}, version {row.version} of {row.stream_id})"


def _place(row: Row) -> str:
    return f"event {row.sequence}"
