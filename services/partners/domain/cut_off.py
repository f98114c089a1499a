"""When a business day ends for a partner whose agreement has a cut-off time."""

from __future__ import annotations

from datetime import datetime, time, timedelta


def cut_off_of(opened_at: datetime, cut_off: str) -> datetime:
    """The first time that a clock shows the cut-off after the business day has opened.

    So it is of no consequence whether a day is opened in the evening before or in its morning, nor how late it is
    closed. `cut_off` is a time of day with its offset from UTC.
    """
    at = time.fromisoformat(cut_off)
    opened = opened_at.astimezone(at.tzinfo)
    first = datetime.combine(opened.date(), at)
    return first if first > opened else first + timedelta(days=1)
