"""When a webhook is sent again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from libs.webhooks import RetrySchedule

SCHEDULE = RetrySchedule(pauses_s=(0, 5, 300, 1800), jitter_percent=10, retry_after_s_max=86_400)


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20), st.integers(0, 3))
def test_a_pause_is_as_published_and_at_most_the_jitter_longer(webhook_id: str, endpoint: str, failed: int) -> None:
    pause_ms = SCHEDULE.pause_ms(webhook_id, endpoint, failed)
    assert pause_ms is not None
    assert SCHEDULE.pauses_s[failed] * 1000 <= pause_ms <= SCHEDULE.pauses_s[failed] * 1100


def test_the_jitter_spreads() -> None:
    pauses = {SCHEDULE.pause_ms(f"msg_{number}", "endpoint", 2) for number in range(1000)}
    assert len(pauses) > 900
    assert max(pauses) - min(pauses) > 25_000  # type: ignore[type-var, operator]


def test_after_the_last_attempt_there_is_none() -> None:
    assert SCHEDULE.pause_ms("msg", "endpoint", 4) is None


def test_what_the_receiver_asks_for_lengthens_a_pause_and_never_shortens_it() -> None:
    assert SCHEDULE.pause_ms("msg", "endpoint", 1, retry_after_s=60) == 60_000
    assert (SCHEDULE.pause_ms("msg", "endpoint", 3, retry_after_s=1) or 0) >= 1_800_000
    assert SCHEDULE.pause_ms("msg", "endpoint", 1, retry_after_s=10**9) == 86_400_000
