"""Recorded times go forward, follow their causes, and are ordinary timestamps."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.events.clock import Clock, format_us, parse_us, wall_clock_us

LAST_US = parse_us("9999-12-31T23:59:59.999999Z")
moments = st.integers(0, LAST_US)


@given(st.lists(st.tuples(moments, moments), min_size=1))
def test_times_go_forward_whatever_the_wall_clock_does_and_follow_their_causes(given: list[tuple[int, int]]) -> None:
    walls = iter([wall for wall, _ in given])
    clock = Clock(lambda: next(walls))
    last = -1
    for wall, cause in given:
        now = clock.now_us(cause)
        assert now > last
        assert now > cause
        assert now >= wall
        assert now in (wall, last + 1, cause + 1)
        last = now


@given(moments)
def test_a_timestamp_is_read_back_to_the_microsecond(microseconds: int) -> None:
    timestamp = format_us(microseconds)
    assert parse_us(timestamp) == microseconds
    assert len(timestamp) == 27
    assert datetime.fromisoformat(timestamp).tzinfo is UTC


def test_a_time_is_after_the_timestamp_of_its_cause() -> None:
    clock = Clock(lambda: 5)
    assert clock.now() == "1970-01-01T00:00:00.000005Z"
    assert clock.now("1970-01-01T08:00:01.000000+08:00") == "1970-01-01T00:00:01.000001Z"


def test_the_wall_clock_is_that_of_the_machine() -> None:
    before = int(datetime.now(UTC).timestamp() * 1e6)
    assert abs(wall_clock_us() - before) < 60_000_000


@pytest.mark.parametrize("timestamp", ["", "yesterday", "2026-01-01T00:00:00", "2026-02-30T00:00:00Z"])
def test_what_is_no_timestamp_with_an_offset_is_refused(timestamp: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_us(timestamp)


@given(st.lists(st.integers(0, LAST_US - 1_000), min_size=1, max_size=100))
def test_a_timestamp_is_that_of_its_microsecond_in_whatever_second(walls: list[int]) -> None:
    given, same = iter(walls), iter(walls)
    clock, counting = Clock(lambda: next(given)), Clock(lambda: next(same))
    for _ in walls:
        assert clock.now() == format_us(counting.now_us())
