"""The trail as a stream: NDJSON, CSV or Parquet, in memory that does not grow with its length."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

import orjson

COLUMNS: Final = (
    "sequence", "service", "type", "stream_id", "version", "event_id", "actor", "role", "authority", "recorded_at",
    "effective_date", "correlation_id", "causation_id", "request_id", "rules", "sources",
)  # fmt: skip
RISKY: Final = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a text that begins so for a formula."""

Batches = AsyncIterator[list[dict[str, Any]]]


class Format(StrEnum):
    NDJSON = "ndjson"
    CSV = "csv"
    PARQUET = "parquet"


MEDIA_TYPES: Final = {
    Format.NDJSON: "application/x-ndjson",
    Format.CSV: "text/csv; charset=utf-8",
    Format.PARQUET: "application/vnd.apache.parquet",
}


def exported(batches: Batches, chosen: Format) -> AsyncIterator[bytes]:
    """The rows in a format, part by part."""
    return {Format.NDJSON: _ndjson, Format.CSV: _csv, Format.PARQUET: _parquet}[chosen](batches)


async def _ndjson(batches: Batches) -> AsyncIterator[bytes]:
    async for rows in batches:
        yield b"".join([orjson.dumps(_plain(row)) + b"\n" for row in rows])


async def _csv(batches: Batches) -> AsyncIterator[bytes]:
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    async for rows in batches:
        writer.writerows([_cell(value) for value in _flat(row).values()] for row in rows)
        yield _taken(target)
    yield _taken(target)


def _taken(target: io.StringIO) -> bytes:
    text = target.getvalue()
    target.seek(0)
    target.truncate()
    return text.encode()


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(RISKY) else value


async def _parquet(batches: Batches) -> AsyncIterator[bytes]:
    import pyarrow as pa  # heavy, and only this format needs it
    import pyarrow.parquet as pq

    numbers = {"sequence": pa.int64(), "version": pa.int32()}
    schema = pa.schema([(name, numbers.get(name, pa.string())) for name in COLUMNS])
    sink = _Sink()
    writer = pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd")
    async for rows in batches:
        table = pa.Table.from_pylist([_flat(row) for row in rows], schema)
        await asyncio.to_thread(writer.write_table, table)
        yield sink.taken()
    await asyncio.to_thread(writer.close)
    yield sink.taken()


class _Sink(io.RawIOBase):
    """A file that hands on what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._written += len(part)
        return len(part)

    def tell(self) -> int:
        return self._written

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row as JSON values, in the order of the columns."""
    return {name: _json(row[name]) for name in COLUMNS}


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """The same with texts for what has members."""
    plain = _plain(row)
    return {
        name: orjson.dumps(value).decode() if isinstance(value, (dict, list)) else value
        for name, value in plain.items()
    }


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (date, datetime)) else value
