"""A batch of changes written at once leaves the rows that the changes one by one leave, in memory and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Boolean, Column, DateTime, Integer, MetaData, String, Table, func

from libs.events.memory import MemoryStore
from libs.events.postgres import PostgresStore
from libs.events.postgres.rows import statement
from libs.events.projection import Add, Change, Patch, Put, Remove
from libs.events.rows import Kind, default_of, merge
from libs.events.tests.shop import ITEMS, TOTALS

numbers = st.integers(-5, 5)
names = st.sampled_from([None, "", "tea", '茶\'s \\ "x"'])
notes = st.sampled_from([None, {}, {"at": 1}, ["a", None]])
ids = st.sampled_from(["a", "b"])

item_changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(
        lambda key, row: Put(ITEMS, {"id": key} | row),
        ids,
        st.fixed_dictionaries(
            {}, optional={"name": names, "quantity": numbers, "note": notes, "listed": st.booleans()}
        ),
    ),
    st.builds(
        lambda key, values: Patch(ITEMS, {"id": key}, values),
        ids,
        st.fixed_dictionaries(
            {}, optional={"name": names, "quantity": numbers, "note": notes, "listed": st.booleans()}
        ),
    ),
    st.builds(lambda key, n: Add(ITEMS, {"id": key}, {"quantity": n}), ids, numbers),
    st.builds(lambda key: Remove(ITEMS, {"id": key}), ids),
)
total_changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(
        lambda part, amounts: Add(TOTALS, {"what": "x", "part": part}, amounts),
        st.integers(0, 1),
        st.dictionaries(st.sampled_from(["events", "quantity"]), numbers),
    ),
    st.builds(
        lambda part, values: Patch(TOTALS, {"part": part, "what": "x"}, values),
        st.integers(0, 1),
        st.fixed_dictionaries({}, optional={"events": numbers, "quantity": st.none() | numbers}),
    ),
    st.builds(
        lambda part, values: Put(TOTALS, {"what": "x", "part": part} | values),
        st.integers(0, 1),
        st.fixed_dictionaries({}, optional={"events": numbers, "quantity": st.none() | numbers}),
    ),
    st.builds(lambda part: Remove(TOTALS, {"what": "x", "part": part}), st.integers(0, 1)),
)
batches = st.lists(item_changes | total_changes, max_size=9)


def in_memory(store: MemoryStore) -> dict[str, Any]:
    return {table: dict(store.rows(table)) for table in ("item", "total")}


async def in_postgres(store: PostgresStore) -> dict[str, Any]:
    items = await store.pool.fetch("select id, name, quantity, listed, note from item")
    totals = await store.pool.fetch("select what, part, events, quantity from total")
    return {
        "item": {(row["id"],): dict(row) | {"note": row["note"] and orjson.loads(row["note"])} for row in items},
        "total": {(row["what"], row["part"]): dict(row) for row in totals},
    }


def one_by_one(changes: Sequence[Change]) -> dict[str, Any]:
    """The meaning of the changes, as `libs.events.projection` says it, in the plainest code."""
    rows: dict[str, Any] = {"item": {}, "total": {}}
    defaults = {
        "item": {"name": None, "quantity": 0, "listed": True, "note": None},
        "total": {"events": 0, "quantity": None},
    }
    for change in changes:
        table, default = rows[change.table.name], defaults[change.table.name]
        given_key = change.row if isinstance(change, Put) else change.key
        key = tuple(given_key[column.name] for column in change.table.primary_key.columns)
        named = {column.name: given_key[column.name] for column in change.table.primary_key.columns}
        if isinstance(change, Put):
            table[key] = default | change.row
        elif isinstance(change, Patch):
            if key in table:
                table[key] = table[key] | change.values
        elif isinstance(change, Remove):
            table.pop(key, None)
        else:
            row = table.setdefault(key, default | named)
            for name, amount in change.amounts.items():
                row[name] = (row[name] or 0) + amount
    return rows


KEY = {"what": "x", "part": 0}
AWKWARD = [
    [Add(TOTALS, KEY, {"events": 1}), Patch(TOTALS, KEY, {"events": 5}), Add(TOTALS, KEY, {"events": 1})],
    [Patch(TOTALS, KEY, {"events": 5}), Add(TOTALS, KEY, {"events": 1})],
    [Patch(TOTALS, KEY, {"events": 5}), Add(TOTALS, KEY, {"quantity": 1})],
    [Put(TOTALS, KEY), Patch(TOTALS, KEY, {"quantity": None}), Add(TOTALS, KEY, {"quantity": 2})],
    [Remove(TOTALS, KEY), Patch(TOTALS, KEY, {"events": 9}), Add(TOTALS, KEY, {"events": 2})],
    [Add(TOTALS, KEY, {})],
]


@given(before=batches, changes=batches)
@example(before=AWKWARD[0], changes=AWKWARD[1])
@example(before=[], changes=AWKWARD[2])
async def test_a_batch_in_memory_equals_its_changes_one_by_one(before: list[Change], changes: list[Change]) -> None:
    store = MemoryStore()
    await store.apply(before)
    await store.apply(changes)
    assert in_memory(store) == one_by_one([*before, *changes])


@settings(max_examples=60)
@given(before=batches, changes=batches)
@example(before=AWKWARD[0], changes=AWKWARD[1])
@example(before=AWKWARD[3], changes=AWKWARD[4])
@example(before=[], changes=AWKWARD[0])
@example(before=[], changes=AWKWARD[2])
@example(before=AWKWARD[5], changes=AWKWARD[2])
async def test_a_batch_in_postgresql_equals_its_changes_one_by_one(
    postgres: PostgresStore, before: list[Change], changes: list[Change]
) -> None:
    await postgres.pool.execute("truncate item, total")
    await postgres.apply(before)
    await postgres.apply(changes)
    assert await in_postgres(postgres) == one_by_one([*before, *changes])


async def test_many_rows_are_written_with_one_statement(
    postgres: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def counted(kind: Kind, table: Table, names: tuple[str, ...], suffix: str) -> str:
        asked.append(table.name)
        return statement(kind, table, names, suffix)

    monkeypatch.setattr("libs.events.postgres.rows.statement", counted)
    await postgres.apply([Put(ITEMS, {"id": str(n), "quantity": n}) for n in range(300)])
    assert asked == ["item"]
    assert await postgres.pool.fetchval("select sum(quantity) from item") == sum(range(300))


def test_columns_that_do_not_exist_are_refused() -> None:
    for change in (
        Put(ITEMS, {"id": "1", "colour": "red"}),
        Patch(ITEMS, {"id": "1"}, {"colour": "red"}),
        Add(ITEMS, {"id": "1"}, {"colour": 1}),
    ):
        with pytest.raises(KeyError, match="colour"):
            merge([change])


def test_a_key_is_not_patched() -> None:
    with pytest.raises(ValueError, match="key"):
        merge([Patch(ITEMS, {"id": "1"}, {"id": "2"})])


ODD = Table(
    "odd",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("counted", Integer, default=3),
    Column("amount", Integer),
    Column("state", String, default="it's new"),
    Column("open", Boolean, default=True),
    Column("at", DateTime, default=func.now()),
)


def test_additions_begin_at_zero() -> None:
    counts = Table("counts", MetaData(), Column("id", Integer, primary_key=True), Column("counted", Integer, default=3))
    with pytest.raises(ValueError, match="begins at 3"):
        merge([Add(counts, {"id": 1}, {"counted": 1})])


def test_only_plain_values_are_defaults() -> None:
    with pytest.raises(TypeError, match="plain value"):
        merge([Put(ODD, {"id": 1})])
    with pytest.raises(TypeError, match="plain value"):
        default_of(ODD, "at")
    assert default_of(ODD, "state") == "it's new"


def test_a_row_that_an_addition_makes_takes_its_defaults() -> None:
    table = Table(
        "plain",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("amount", Integer),
        Column("state", String, default="it's new"),
        Column("open", Boolean, default=True),
    )
    sql = statement(Kind.ADD, table, ("amount",), "__rebuild")
    assert '"plain__rebuild"' in sql
    assert "'it''s new', true" in sql
    odd = Table("odder", MetaData(), Column("id", Integer, primary_key=True), Column("n", Integer, default=1.5))
    with pytest.raises(TypeError, match="float"):
        statement(Kind.ADD, odd, (), "")
