"""Whatever is done to a store, the comparison with its log tells what and where, and is silent about a sound one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.evidence.notes import Head
from libs.evidence.reconcile import Row, Store, check_heads, check_store, merged
from libs.evidence.streams import streams_root
from libs.evidence.tests.given import by_definition, leaves
from libs.evidence.tiles import HASH_BYTES

SIZE = 120


def recorded(count: int = SIZE) -> list[Row]:
    return [
        Row(number, f"loan-{number % 7}", (number - 1) // 7 + 1 if number % 7 else number // 7, "t", leaf, leaf)
        for number, leaf in enumerate(leaves(count), 1)
    ]


def sound() -> list[Row]:
    rows, versions = [], dict[str, int]()
    for row in recorded():
        versions[row.stream_id] = versions.get(row.stream_id, 0) + 1
        rows.append(row._replace(version=versions[row.stream_id]))
    return rows


LEAVES = b"".join(row.leaf for row in sound())
LAST = {row.stream_id: row.version for row in sound()}
HEADS = [
    Head("x/ledger", size, by_definition([row.leaf for row in sound()[:size]]), 0, bytes(32), "2026-01-01T00:00:00Z")
    for size in (50, SIZE)
]
HEADS[-1] = replace(HEADS[-1], streams=len(LAST), streams_root=streams_root(LAST.items()))
OTHER = leaves(1, begin=5000)[0]


def found(rows: list[Row], batch: int = 32, log: bytes = LEAVES) -> list[tuple[str, str]]:
    store = Store()
    for begin in range(0, len(rows), batch):
        store.take(rows[begin : begin + batch], log)
    return [(each.code, each.where) for each in check_store(store, HEADS, log)]


def shifted(rows: list[Row], by: int) -> list[Row]:
    return [row._replace(sequence=row.sequence + by) for row in rows]


def delete(rows: list[Row], place: int) -> list[Row]:
    return rows[: place - 1] + rows[place:]


def delete_and_close_up(rows: list[Row], place: int) -> list[Row]:
    return rows[: place - 1] + shifted(rows[place:], -1)


def insert(rows: list[Row], place: int) -> list[Row]:
    forged = Row(place, "loan-x", 1, "t", OTHER, OTHER)
    return [*rows[: place - 1], forged, *shifted(rows[place - 1 :], 1)]


def change(rows: list[Row], place: int) -> list[Row]:
    return [row._replace(leaf=OTHER) if row.sequence == place else row for row in rows]


def change_with_its_hash(rows: list[Row], place: int) -> list[Row]:
    return [row._replace(leaf=OTHER, kept=OTHER) if row.sequence == place else row for row in rows]


def swap_with_the_next_but_one(rows: list[Row], place: int) -> list[Row]:
    one, other = rows[place - 1], rows[place + 1]
    rows = list(rows)
    rows[place - 1] = other._replace(sequence=one.sequence)
    rows[place + 1] = one._replace(sequence=other.sequence)
    return rows


def truncate(rows: list[Row], place: int) -> list[Row]:
    return rows[: place - 1]


def rewrite_from(rows: list[Row], place: int) -> list[Row]:
    forged = leaves(len(rows), begin=9000)
    return rows[: place - 1] + [
        row._replace(leaf=forged[row.sequence - 1], kept=forged[row.sequence - 1]) for row in rows[place - 1 :]
    ]


@pytest.mark.parametrize("batch", [1, 7, 32, 1000])
@pytest.mark.parametrize("place", [1, 2, 33, 60, 90])
@pytest.mark.parametrize(
    ("tamper", "code"),
    [
        (delete, "deleted"),
        (delete_and_close_up, "deleted"),
        (insert, "inserted"),
        (change, "changed"),
        (change_with_its_hash, "changed"),
        (swap_with_the_next_but_one, "moved"),
        (truncate, "truncated"),
        (rewrite_from, "rewritten"),
    ],
)
def test_it_is_told_what_was_done_and_at_which_event(
    tamper: Callable[[list[Row], int], list[Row]], code: str, place: int, batch: int
) -> None:
    told = found(tamper(sound(), place), batch)
    assert (code, f"event {place}") in told, told


@given(st.integers(1, SIZE), st.integers(1, 40))
def test_a_sound_store_is_not_accused(size: int, batch: int) -> None:
    assert found(sound(), batch) == []
    rows = sound() + shifted(recorded(5), SIZE)  # what came after the last head
    fresh = [row._replace(leaf=leaf, kept=leaf, stream_id=f"new-{row.sequence}", version=1) for row, leaf in zip(rows[SIZE:], leaves(5, begin=7000), strict=True)]  # fmt: skip
    assert found(rows[:SIZE] + fresh, batch) == []


def test_parts_read_apart_say_the_same_as_the_whole() -> None:
    rows = change(delete(sound(), 70), 30)
    parts = []
    for begin, end in ((0, 40), (40, 80), (80, SIZE)):
        part = Store(first=begin + 1, last=begin)
        part.take([row for row in rows if begin < row.sequence <= end], LEAVES)
        parts.append(part)
    told = [(each.code, each.where) for each in check_store(merged(parts), HEADS, LEAVES)]
    assert told == found(rows)


def test_a_stream_that_does_not_go_as_far_as_the_head_says_is_told() -> None:
    heads = [replace(HEADS[-1], streams_root=bytes(32))]
    store = Store()
    store.take(sound(), LEAVES)
    assert [each.code for each in check_store(store, heads, LEAVES)] == ["streams"]


def test_leaves_that_were_not_signed_are_told_between_which_heads() -> None:
    changed = bytearray(LEAVES)
    changed[80 * HASH_BYTES] ^= 1
    assert check_heads(HEADS, LEAVES) == []
    (told,) = check_heads(HEADS, bytes(changed))
    assert "one of events 51 to 120" in told.what
    (told,) = check_heads(HEADS, LEAVES[: 60 * HASH_BYTES])
    assert told.where == "size 120"


def test_an_altered_hash_beside_an_event_that_is_sound_is_told() -> None:
    rows = [row._replace(kept=OTHER) if row.sequence == 9 else row for row in sound()]
    assert found(rows) == [("changed", "event 9")]
