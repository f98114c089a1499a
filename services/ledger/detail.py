"""What a day added for each loan, as a Parquet file: the sub-ledger behind the day's entry, under the day's hash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import numpy as np

from services.ledger.columns import SHARD, Columns, F, Ints

COMPRESSION: Final = "zstd"
AMOUNTS: Final = ("interest_minor", "fee_minor", "penalty_minor", "provision_minor", "suspended_minor")
Sums = tuple[int, int, int, int, int, int]
"""The amounts, and how many loans."""


@dataclass(frozen=True, slots=True)
class Detail:
    """The file with its hash, and its sums by segment code."""

    loans: int
    content: bytes
    sha256: str
    sums: dict[int, Sums]


EMPTY: Final = Detail(0, b"", sha256(b"").hexdigest(), {})


def detail_of(columns: Columns, segments: Sequence[Sequence[str]], amounts: Ints) -> Detail:
    """Every loan to which a day adds something, by loan id, in row groups of a shard each."""
    order = columns.order
    order = order[(amounts != 0).any(axis=0)[order]]
    if not len(order):
        return EMPTY
    chosen = np.ascontiguousarray(amounts[:, order])
    codes = columns.live[F.SEGMENT][order]
    content = _parquet(columns, segments, order, codes, chosen)
    sums: dict[int, Sums] = {}
    for code in np.unique(codes):
        of = codes == code
        interest, fee, penalty, provision, suspended = (int(total) for total in chosen[:, of].sum(axis=1))
        sums[int(code)] = interest, fee, penalty, provision, suspended, int(of.sum())
    return Detail(len(order), content, sha256(content).hexdigest(), sums)


def _parquet(columns: Columns, segments: Sequence[Sequence[str]], order: Ints, codes: Ints, amounts: Ints) -> bytes:
    import pyarrow as pa  # 60 MB that only a day-end needs
    import pyarrow.parquet as pq

    keys = np.frombuffer(b"".join(columns.ids), dtype="V16")[order]
    ids = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(order), [None, pa.py_buffer(keys.tobytes())])
    names = pa.array(["/".join(segment[:-1]) for segment in segments], pa.string())
    currencies = pa.array([segment[-1] for segment in segments], pa.string())
    which = pa.array(codes)
    table = pa.table(
        {
            "loan_id": pa.ExtensionArray.from_storage(pa.uuid(), ids),
            "segment": names.take(which),
            "currency": currencies.take(which),
            **{name: pa.array(column) for name, column in zip(AMOUNTS, amounts, strict=True)},
        }
    )
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        compression=COMPRESSION,
        compression_level=1,
        row_group_size=SHARD,
        use_dictionary=["segment", "currency"],
        write_statistics=False,
        store_schema=False,
    )
    content: bytes = sink.getvalue().to_pybytes()
    return content
