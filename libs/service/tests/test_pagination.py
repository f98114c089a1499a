from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from libs.service.pagination import SortKey, decode_cursor, encode_cursor, page_of, paginate, parse_sort
from libs.service.problems import Problem
from libs.service.tests.in_process import Caller, Identity

TABLE = sa.Table(
    "item",
    sa.MetaData(),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("n", sa.Integer),
    sa.Column("day", sa.Date),
    sa.Column("at", sa.DateTime(timezone=True)),
    sa.Column("amount", sa.Numeric),
    sa.Column("ref", sa.Uuid),
)
ALLOWED = {column.name: column for column in TABLE.c}


def keys(sort: str) -> list[SortKey]:
    return parse_sort(sort, ALLOWED, default="n", unique="id")


def test_the_order_is_total_and_the_default_stands_in() -> None:
    assert [(key.name, key.descending) for key in keys("-day,n")] == [("day", True), ("n", False), ("id", False)]
    assert [(key.name, key.descending) for key in keys("-id")] == [("id", True)]
    default = parse_sort(None, ALLOWED, default="-n", unique="id")
    assert [(key.name, key.descending) for key in default] == [("n", True), ("id", True)]


@pytest.mark.parametrize("sort", ["x", "n,n", "n,-n", "--n", "n,", " n", "n;drop"])
def test_an_order_by_something_else_is_refused(sort: str) -> None:
    with pytest.raises(Problem) as caught:
        keys(sort)
    assert caught.value.status == 422
    assert caught.value.errors[0].parameter == "sort"


ROW = {
    "id": "a/б",
    "n": -5,
    "day": date(2026, 1, 31),
    "at": datetime(2026, 1, 31, 9, 30, tzinfo=UTC),
    "amount": Decimal("10.50"),
    "ref": UUID("8e03978e-40d5-43e8-bc93-6894a57f9324"),
}


def test_a_cursor_gives_back_the_values_of_every_type() -> None:
    order = keys("day,at,amount,ref,n")
    assert decode_cursor(encode_cursor(order, ROW), order) == [ROW[key.name] for key in order]


def test_a_value_that_has_no_order_cannot_be_in_a_cursor() -> None:
    for value in (None, True, 1.5):
        with pytest.raises(TypeError):
            encode_cursor(keys("n"), ROW | {"n": value})


def crafted(document: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!",
        "é",
        "AAAA",
        "x" * 2000,
        crafted([]),
        crafted({"s": "n,id"}),
        crafted({"s": "-n,id", "v": [1, "a"]}),
        crafted({"s": "n,id", "v": [1]}),
        crafted({"s": "n,id", "v": [1, "a"], "x": 1}),
        crafted({"s": "n,id", "v": ["1", "a"]}),
        crafted({"s": "n,id", "v": [True, "a"]}),
        crafted({"s": "n,id", "v": [1.5, "a"]}),
        crafted({"s": "n,id", "v": [2**63, "a"]}),
        crafted({"s": "n,id", "v": [1, None]}),
        crafted({"s": "n,id", "v": [1, "a\x00"]}),
        crafted({"s": "n,id", "v": {"0": 1, "1": "a"}}),
        crafted({"s": "n,id", "v": 5}),
    ],
)
def test_a_cursor_that_was_not_made_for_this_list_is_refused(cursor: str) -> None:
    with pytest.raises(Problem) as caught:
        decode_cursor(cursor, keys("n"))
    assert caught.value.kind.code == "invalid-cursor"


@pytest.mark.parametrize(
    ("name", "value"), [("day", "2026-02-30"), ("at", "x"), ("amount", "NaN"), ("amount", "x"), ("ref", "x")]
)
def test_a_cursor_with_a_value_of_another_type_is_refused(name: str, value: str) -> None:
    with pytest.raises(Problem):
        decode_cursor(crafted({"s": f"{name},id", "v": [value, "a"]}), keys(name))


@given(st.binary(max_size=80))
def test_no_cursor_breaks_the_reader(raw: bytes) -> None:
    with pytest.raises(Problem):
        decode_cursor(base64.urlsafe_b64encode(raw).rstrip(b"=").decode(), keys("n"))


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=25),
    st.integers(1, 7),
    st.sampled_from(["n", "-n", "n,-m", "-n,m", "-n,-m", "-id", "n,-m,-id"]),
)
def test_pages_show_every_row_once_in_order(values: list[tuple[int, int]], limit: int, sort: str) -> None:
    table = sa.Table(
        "t", sa.MetaData(), sa.Column("id", sa.String), sa.Column("n", sa.Integer), sa.Column("m", sa.Integer)
    )
    order = parse_sort(sort, {c.name: c for c in table.c}, default="n", unique="id")
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        table.create(connection)
        rows = [{"id": f"{position:03}", "n": n, "m": m} for position, (n, m) in enumerate(values)]
        if rows:
            connection.execute(table.insert(), rows)
        shown: list[dict[str, Any]] = []
        cursor: str | None = None
        for _ in range(len(rows) + 1):
            found = connection.execute(paginate(sa.select(table), order, cursor=cursor, limit=limit)).mappings().all()
            page = page_of(found, order, limit=limit, item=dict)
            assert len(page.items) <= limit
            shown.extend(page.items)
            cursor = page.next_cursor
            if cursor is None:
                break
    engine.dispose()
    for key in reversed(order):
        rows.sort(key=lambda row: row[key.name], reverse=key.descending)
    assert shown == rows


def test_one_direction_is_a_row_comparison_that_an_index_answers() -> None:
    order = keys("-day")
    cursor = encode_cursor(order, ROW)
    text = str(paginate(sa.select(TABLE.c.id), order, cursor=cursor, limit=5))
    assert "(item.day, item.id) < (" in text
    assert "ORDER BY item.day DESC, item.id DESC" in text


def test_a_client_walks_through_the_pages(identity: Identity, call: Caller) -> None:
    reader = Caller(call.app, identity.bearer("auditor"))
    seen: list[str] = []
    query = "sort=-term"
    while True:
        page = reader("GET", f"/ledger/loans?{query}").json()
        seen.extend(item["loan_id"] for item in page["items"])
        if page["next_cursor"] is None:
            break
        query = f"sort=-term&cursor={page['next_cursor']}"
    assert sorted(seen) == [f"L-{n:02}" for n in range(10)]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 422),
        ("limit=201", 422),
        ("limit=x", 422),
        ("limit=" + "9" * 5000, 422),
        ("cursor=x", 400),
        ("cursor=" + "x" * 2000, 422),
        ("sort=x", 422),
    ],
)
def test_bad_paging_is_refused(identity: Identity, call: Caller, query: str, status: int) -> None:
    answer = call("GET", f"/ledger/loans?{query}", headers=identity.bearer("auditor"))
    assert answer.status_code == status
