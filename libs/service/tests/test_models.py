from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

from libs.lending.money import Money
from libs.service.models import BusinessDate, PositiveMoney, RequestModel, Timestamp, ZeroOrMoreMoney

DATE: TypeAdapter[date] = TypeAdapter(BusinessDate)
TIME: TypeAdapter[datetime] = TypeAdapter(Timestamp)


@given(st.dates(date(1900, 1, 1), date(2199, 12, 31)))
def test_every_date_reads_back_as_it_was_written(value: date) -> None:
    assert DATE.validate_python(value.isoformat()) == value
    assert DATE.validate_python(value) is value


@pytest.mark.parametrize(
    "value", [datetime(2026, 1, 31, tzinfo=UTC), "20260131", "2026-W05-6", " 2026-01-31", "２０２６-01-31", None, 0]
)
def test_what_is_no_plain_date_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        DATE.validate_python(value)


OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
FIRST, LAST = datetime(1901, 1, 1), datetime(2199, 12, 30)  # noqa: DTZ001 - Hypothesis adds the zones


@given(st.datetimes(FIRST, LAST, timezones=OFFSETS))
def test_every_moment_is_kept_in_utc(value: datetime) -> None:
    read = TIME.validate_python(value)
    assert read == value == TIME.validate_python(value.isoformat())
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "text", ["2026-01-31T09:30:00Z", "2026-01-31t09:30:00.123456+00:00", "2026-01-31 17:30:00+08:00"]
)
def test_moments_are_read_as_rfc_3339_writes_them(text: str) -> None:
    assert TIME.validate_python(text).replace(microsecond=0) == datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T09:30:00",
        "2026-01-31T09:30Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-01-31T09:30:60Z",
        "2026-01-31T09:30:00+99:00",
    ],
)
def test_moments_that_do_not_exist_or_have_no_offset_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        TIME.validate_python(text)


def test_amounts_have_the_sign_that_is_asked_for() -> None:
    positive: TypeAdapter[Money] = TypeAdapter(PositiveMoney)
    not_negative: TypeAdapter[Money] = TypeAdapter(ZeroOrMoreMoney)
    zero, one = {"amount": "0.00", "currency": "CNY"}, {"amount": "0.01", "currency": "CNY"}
    assert positive.validate_python(one) == Money(1)
    assert not_negative.validate_python(zero) == Money(0)
    for adapter, value in ((positive, zero), (not_negative, {"amount": "-0.01", "currency": "CNY"})):
        with pytest.raises(ValidationError):
            adapter.validate_python(value)


class Inner(RequestModel):
    many: list[int]


class Outer(RequestModel):
    inner: Inner | None = None
    flags: dict[str, bool] = Field(default_factory=dict)
    count: int | None = None


@pytest.mark.parametrize(
    "body",
    [
        {"inner": {"many": ["1"]}},
        {"inner": {"many": [True]}},
        {"flags": {"a": 1}},
        {"count": "5"},
        {"count": 5.0},
        {"more": 1},
        {"inner": {"many": [], "more": 1}},
    ],
)
def test_nothing_is_converted_at_any_depth(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Outer.model_validate(body)


def test_what_is_right_passes() -> None:
    outer = Outer.model_validate({"inner": {"many": [1]}, "flags": {"a": True}, "count": 5})
    assert outer.inner == Inner(many=[1])
