"""Events of a service in Parquet files, under the same Merkle root: read, proved and replayed without the database.

Each file holds a range of the sequence and, in its own metadata, the root over everything from the first event to its
last. Reading computes every leaf from the stored bytes and every root from the leaves, so a changed byte, a missing
event or an exchanged file is found, and named. Files are written once, under their final name only when complete; an
archive that was interrupted goes on after its last file.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

from libs.events.delivery import Item
from libs.events.envelope import StoredEvent
from libs.events.feeds import Batch, FeedIncomplete, Place
from libs.events.merkle import Frontier
from libs.events.store import OWN, Position, Store

if TYPE_CHECKING:  # the package is needed where archives are made or read, not to run a service
    import pyarrow as pa

ROWS_IN_FILE: Final = 100_000
ROWS_IN_BATCH: Final = 1_000
ROOT: Final = b"merkle_root"
COLUMNS: Final = ("sequence", "stream_id", "version", "event_id", "type", "data", "metadata")

OnProgress = Callable[[int, int], None]


class ArchiveBroken(Exception):
    """An archive is not what was written: the message names the file and the first place that is wrong."""


@dataclass(frozen=True, slots=True)
class Head:
    """How many events an archive holds, and the Merkle root over them."""

    size: int
    root: bytes


def _schema() -> pa.Schema:
    import pyarrow as pa

    kinds = (pa.int64(), pa.string(), pa.int32(), pa.binary(16), pa.string(), pa.binary(), pa.binary())
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in zip(COLUMNS, kinds, strict=True)])


def files(directory: Path) -> list[Path]:
    """The files of an archive, in order."""
    return sorted(directory.glob("events-*.parquet"))


class Archive:
    """One service's archive in a directory."""

    def __init__(self, directory: Path, *, rows_in_file: int = ROWS_IN_FILE) -> None:
        self._directory, self._rows_in_file = directory, rows_in_file

    async def write(self, store: Store, until: int, on_progress: OnProgress = lambda _done, _total: None) -> Head:
        """Archive the sequence up to `until`; what is there already is checked, not written again.

        The last file may be shorter than the others and is left as it is: later ones follow it.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        tree = Frontier()
        for event in self.read():
            tree.append(event.leaf_hash)
        while tree.size < until:
            last = min(tree.size + self._rows_in_file, until)
            await self._write_file(store, tree, last, lambda: on_progress(tree.size, until))
        return Head(tree.size, tree.root())

    async def _write_file(self, store: Store, tree: Frontier, last: int, progressed: Callable[[], None]) -> None:
        import pyarrow.parquet as pq

        name = f"events-{tree.size + 1:015d}-{last:015d}.parquet"
        unfinished = self._directory / f"{name}.unfinished"
        schema = _schema()
        # Identifiers, types and metadata repeat themselves: dictionaries and zstd make a fifth of them.
        with pq.ParquetWriter(unfinished, schema, compression="zstd") as writer:
            while tree.size < last:
                events = await store.read(tree.size, min(ROWS_IN_BATCH, last - tree.size))
                if not events:
                    raise FeedIncomplete(f"the sequence ends at {tree.size}, not at {last}")
                for event in events:
                    tree.append(event.leaf_hash)
                writer.write_batch(_record_batch(events, schema))
                progressed()
            writer.add_key_value_metadata({ROOT: tree.root().hex().encode()})
        unfinished.rename(self._directory / name)

    def read(self, after: int = 0) -> Iterator[StoredEvent]:
        """The events after a place, each checked; raises `ArchiveBroken`.

        All leaves from the first are hashed whatever `after` is, since the roots are over all of them.
        """
        tree = Frontier()
        for path in files(self._directory):
            for event in _events(path, tree):
                if event.sequence > after:
                    yield event

    def head(self) -> Head:
        """The size and root of the whole archive, every event checked; raises `ArchiveBroken`."""
        tree = Frontier()
        for path in files(self._directory):
            for _ in _events(path, tree):
                pass
        return Head(tree.size, tree.root())


def _record_batch(events: Sequence[StoredEvent], schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    columns = [
        [event.sequence for event in events],
        [event.stream_id for event in events],
        [event.version for event in events],
        [event.event_id.bytes for event in events],
        [event.type for event in events],
        [event.data for event in events],
        [event.metadata for event in events],
    ]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)]
    return pa.record_batch(arrays, schema=schema)


def _events(path: Path, tree: Frontier) -> Iterator[StoredEvent]:
    """The events of a file; its root is compared once the last has been given out."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        # Without Arrow's own threads: they may abort a process that ends soon after (apache/arrow#34314).
        for batch in file.iter_batches(ROWS_IN_BATCH, columns=list(COLUMNS), use_threads=False):
            for sequence, stream, version, event_id, kind, data, metadata in zip(
                *(column.to_pylist() for column in batch.columns), strict=True
            ):
                if sequence != tree.size + 1:
                    raise ArchiveBroken(f"{path.name}: sequence {sequence} follows {tree.size}")
                event = StoredEvent(stream, version, UUID(bytes=event_id), kind, data, metadata, sequence)
                tree.append(event.leaf_hash)
                yield event
        root = (file.metadata.metadata or {}).get(ROOT, b"").decode()
    except (pa.ArrowException, OSError) as error:
        raise ArchiveBroken(f"{path.name} cannot be read: {error}") from error
    if root != tree.root().hex():
        raise ArchiveBroken(
            f"{path.name}: the root over the first {tree.size} events is not what was written with them"
        )


class ArchiveFeed:
    """`libs.events.feeds.Feed` from an archive: a projection is rebuilt from files as from the store."""

    def __init__(self, archive: Archive, source: str) -> None:
        self._archive, self._source = archive, source

    async def ends(self) -> Mapping[Place, int]:
        return {(OWN, 0): self._archive.head().size}

    async def batches(self, after: Mapping[Place, Position], until: Mapping[Place, int]) -> AsyncGenerator[Batch, None]:
        place = (OWN, 0)
        reached, end = after.get(place, Position()).last_sequence, until.get(place, 0)
        items: list[Item] = []
        for event in self._archive.read(reached):
            if event.sequence > end:
                break
            items.append(Item(event, self._source, event.sequence))
            if len(items) == ROWS_IN_BATCH or event.sequence == end:
                reached = event.sequence
                yield Batch(place, items, Position(reached, reached + 1))
                items = []
        if reached < end:
            raise FeedIncomplete(f"the archive ends at {reached}, not at {end}")
