"""A business day ends at its cut-off, whenever it was opened and however late it is closed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.partners.domain.cut_off import cut_off_of


@pytest.mark.parametrize(
    ("opened_at", "cut_off", "expected"),
    [
        pytest.param("2026-03-01T16:05Z", "17:00+08:00", "2026-03-02T09:00Z", id="opened after midnight"),
        pytest.param("2026-03-01T15:30Z", "17:00+08:00", "2026-03-02T09:00Z", id="opened in the evening before"),
        pytest.param("2026-03-02T09:00Z", "17:00+08:00", "2026-03-03T09:00Z", id="opened at the very time"),
        pytest.param("2026-03-02T03:00Z", "17:00Z", "2026-03-02T17:00Z", id="in universal time"),
        pytest.param("2026-03-02T03:00Z", "23:30-05:00", "2026-03-02T04:30Z", id="west of it, still the day before"),
    ],
)
def test_it_is_the_first_such_time_after_the_day_has_opened(opened_at: str, cut_off: str, expected: str) -> None:
    assert cut_off_of(datetime.fromisoformat(opened_at), cut_off) == datetime.fromisoformat(expected)


@given(
    st.integers(1_577_836_800, 1_893_456_000).map(lambda second: datetime.fromtimestamp(second, UTC)),
    st.times().map(lambda at: f"{at:%H:%M}"),
    st.sampled_from(["Z", "+08:00", "-03:30", "+05:45"]),
)
def test_every_day_has_one_within_a_day(opened_at: datetime, at: str, offset: str) -> None:
    ends = cut_off_of(opened_at, at + offset)
    assert opened_at < ends <= opened_at + timedelta(days=1)
    assert f"{ends:%H:%M}" == at
