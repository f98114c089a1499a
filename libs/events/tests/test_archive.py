"""An archive says what the store says, proves it by the same root, and is replayed like it."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="archives need the extra `archive`")

import pyarrow.parquet as pq

from libs.events.archive import ROOT, Archive, ArchiveBroken, ArchiveFeed, files
from libs.events.feeds import FeedIncomplete, OwnFeed
from libs.events.memory import MemoryStore
from libs.events.merkle import root_hash
from libs.events.store import Position, Store
from libs.events.tests.shop import CODEC, SOURCE, fill, shop_view


@pytest.fixture
async def store() -> MemoryStore:
    made = MemoryStore()
    await fill(made, streams=5, each=9)
    return made


async def root_of(store: Store, size: int) -> bytes:
    return root_hash([event.leaf_hash for event in await store.read(0, size)])


async def test_an_archive_holds_the_same_events_under_the_same_root(store: MemoryStore, tmp_path: Path) -> None:
    archive = Archive(tmp_path, rows_in_file=20)
    head = await archive.write(store, 45)
    assert list(archive.read()) == await store.read(0, 100)
    assert list(archive.read(after=40)) == await store.read(40, 100)
    assert (head.size, head.root) == (45, await root_of(store, 45))
    assert archive.head() == head
    assert len(files(tmp_path)) == 3
    first = pq.ParquetFile(files(tmp_path)[0]).metadata.metadata
    assert first[ROOT].decode() == (await root_of(store, 20)).hex()


async def test_an_interrupted_archive_goes_on_where_it_was(store: MemoryStore, tmp_path: Path) -> None:
    archive = Archive(tmp_path, rows_in_file=20)
    with pytest.raises(FeedIncomplete):
        await archive.write(store, 60)
    written = {path.name: path.read_bytes() for path in files(tmp_path)}
    assert len(written) == 2, "only what was complete counts"
    head = await archive.write(store, 45)
    assert (head.size, head.root) == (45, await root_of(store, 45))
    for name, content in written.items():
        assert (tmp_path / name).read_bytes() == content


async def test_a_rebuild_from_the_archive_sees_what_one_from_the_store_sees(store: MemoryStore, tmp_path: Path) -> None:
    archive = Archive(tmp_path, rows_in_file=20)
    await archive.write(store, 45)
    feed, own = ArchiveFeed(archive, SOURCE), OwnFeed(store, SOURCE)
    assert await feed.ends() == await own.ends()
    changes = []
    for one in (feed, own):
        items = [item async for batch in one.batches({("", 0): Position(7, 8)}, {("", 0): 40}) for item in batch.items]
        changes.append(shop_view().changes([CODEC.recorded(item.event, item.source) for item in items]))
    assert changes[0] == changes[1]
    with pytest.raises(FeedIncomplete):
        _ = [batch async for batch in feed.batches({}, {("", 0): 46})]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"data": b'{"quantity":999}'}, "root over the first 20"),
        ({"metadata": b"{}"}, "root over the first 20"),
        ({"stream_id": "item-9"}, "root over the first 20"),
        ({"sequence": 5}, "sequence 5 follows 3"),
    ],
)
async def test_a_changed_byte_is_found(
    store: MemoryStore, tmp_path: Path, change: dict[str, object], says: str
) -> None:
    archive = Archive(tmp_path, rows_in_file=20)
    await archive.write(store, 45)
    path = files(tmp_path)[0]
    root = pq.ParquetFile(path).metadata.metadata[ROOT]
    rows = pq.read_table(path).to_pylist()
    rows[3] |= change
    table = pq.read_table(path)
    with pq.ParquetWriter(path, table.schema.remove_metadata()) as writer:
        writer.write_table(type(table).from_pylist(rows, schema=table.schema.remove_metadata()))
        writer.add_key_value_metadata({ROOT: root})
    with pytest.raises(ArchiveBroken, match=says):
        archive.head()


async def test_a_missing_or_broken_file_is_named(store: MemoryStore, tmp_path: Path) -> None:
    archive = Archive(tmp_path, rows_in_file=20)
    await archive.write(store, 45)
    first, second, third = files(tmp_path)
    third.write_bytes(third.read_bytes()[:-20])
    with pytest.raises(ArchiveBroken, match=third.name):
        archive.head()
    third.unlink()
    assert archive.head().size == 40
    first.unlink()
    with pytest.raises(ArchiveBroken, match=f"{second.name}: sequence 21 follows 0"):
        archive.head()
