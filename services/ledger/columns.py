"""The portfolio as columns: one row of integers a loan, read for a day in one pass, exactly as `account.earned` says.

Amounts are minor units, dates ordinals. A row holds the straight line on which a loan earns interest until its next
due date; what is overdue are lines of their own beside it. Nothing is a float, and no row is admitted whose products
would leave 64 bits: such a loan is asked itself (`Kind.EXACT`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final
from uuid import UUID

import numpy as np
import numpy.typing as npt

from services.ledger.domain.meter import FOREVER, NO_CAP, Meter, Piece

Ints = npt.NDArray[np.int64]
NEVER: Final = 0
SAFE: Final = 2**62
"""Beyond this a sum of two products might not fit into 64 bits."""
LIFE_DAYS: Final = 40_000
"""More days than any line runs: a century past the longest term."""
SHARD: Final = 65_536


class F(IntEnum):
    """The columns."""

    VERSION = 0
    SEGMENT = 1
    ACTIVE = 2
    KIND = 3
    UNTIL = 4
    INTEREST = 5
    FEE = 6
    PENALTY = 7
    ORIGIN = 8
    SLOPE = 9
    DENOMINATOR = 10
    CAP = 11
    PRINCIPAL = 12
    TIER = 13
    CREDIT = 14
    LOOK = 15
    HELD = 16
    SUSPENDED = 17
    PAID = 18
    """Interest and overdue interest paid, of loans on non-accrual."""
    PLAIN = 19
    """1 for a loan that owed nothing when its row was made and whose plan is all that lies ahead of it."""
    RESET = 20
    """The day on which the rate follows the LPR next; 0 where it does not."""


WIDTH: Final = len(F)
LAYOUT: Final = 3
"""Counted up with every change of what the columns mean: stored rows of another layout are made again from events."""


class Kind(IntEnum):
    LINE = 0
    EXACT = 1
    """No straight line says the same: the loan's own meter is asked."""


@dataclass(slots=True)
class Row:
    """One loan as it goes into the columns. `plan` are its coming instalments (`plans.py`)."""

    values: list[int]
    late: tuple[Piece, ...]
    plan: bytes
    exact: Meter | None = None


def fits(piece: Piece, days: int = LIFE_DAYS) -> bool:
    return 2 * (abs(piece.offset) + abs(piece.slope) * days) + piece.denominator < SAFE


def row_of(meter: Meter, **values: int) -> Row:
    """A meter as a row; `values` are the columns that the loan itself gives, by name."""
    columns = [0] * WIDTH
    for name, value in values.items():
        columns[F[name]] = value
    columns[F.UNTIL] = min(meter.until, FOREVER)
    running = meter.running
    is_line = meter.exact is None and (running is None or fits(running)) and all(map(fits, meter.overdue))
    if not is_line:
        columns[F.KIND], columns[F.DENOMINATOR] = Kind.EXACT, 1
        return Row(columns, (), b"", meter)
    columns[F.INTEREST], columns[F.FEE], columns[F.PENALTY] = meter.interest, meter.fee, meter.penalty
    set_running(columns, running)
    return Row(columns, meter.overdue, b"")


def set_running(columns: list[int] | Ints, running: Piece | None) -> None:
    """The line on which interest runs; without one nothing does."""
    if running is None:
        running = Piece(0, 0, 0, 1, 0)
    assert running.offset == 0, "a period begins with no interest"
    assert running.free_until <= running.origin, "interest runs from a period's first day"
    columns[F.ORIGIN], columns[F.SLOPE] = running.origin, running.slope
    columns[F.DENOMINATOR], columns[F.CAP] = running.denominator, running.cap


@dataclass(eq=False)
class Columns:
    """All loans that money was paid out for. `posted`, `allowance` and `suspense` (what was earned and is no income yet)
    are what the last close has posted."""

    ids: list[bytes] = field(default_factory=list)
    index: dict[bytes, int] = field(default_factory=dict)
    data: Ints = field(default_factory=lambda: np.zeros((WIDTH, 1024), np.int64))
    posted: Ints = field(default_factory=lambda: np.zeros((3, 1024), np.int64))
    allowance: Ints = field(default_factory=lambda: np.zeros(1024, np.int64))
    suspense: Ints = field(default_factory=lambda: np.zeros(1024, np.int64))
    late: dict[int, tuple[Piece, ...]] = field(default_factory=dict)
    exact: dict[int, Meter] = field(default_factory=dict)
    plans: dict[int, bytes] = field(default_factory=dict)
    """Those that are in memory: all of a small portfolio, else those not stored yet."""
    replanned: set[int] = field(default_factory=set)
    """Rows whose plan is not stored as it is."""
    _flat: tuple[Ints, Ints] | None = None
    _order: Ints | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def live(self) -> Ints:
        return self.data[:, : len(self.ids)]

    def at(self, loan_id: str) -> int | None:
        return self.index.get(UUID(loan_id).bytes)

    def loan_id(self, n: int) -> str:
        return str(UUID(bytes=self.ids[n]))

    def put(self, loan_id: str, row: Row) -> int:
        """A loan's row as it is from now on; what is posted of it stays."""
        key = UUID(loan_id).bytes
        n = self.index.get(key)
        if n is None:
            n = self.index[key] = len(self.ids)
            self.ids.append(key)
            self._order = None
            if n == self.data.shape[1]:
                self._grow()
        self.data[:, n] = row.values
        self.plans[n] = row.plan
        self.replanned.add(n)
        self.set_late(n, row.late)
        if row.exact is not None:
            self.exact[n] = row.exact
        else:
            self.exact.pop(n, None)
        return n

    def fill(self, ids: Sequence[bytes], data: Ints) -> None:
        """Many rows at once into empty columns."""
        assert not self.ids, "only empty columns are filled"
        capacity = max(1024, len(ids) + len(ids) // 8)
        self.ids, self.index = list(ids), {key: n for n, key in enumerate(ids)}
        self.data = np.zeros((WIDTH, capacity), np.int64)
        self.data[:, : len(ids)] = data
        self.posted, self.allowance = np.zeros((3, capacity), np.int64), np.zeros(capacity, np.int64)
        self.suspense = np.zeros(capacity, np.int64)
        self._flat = self._order = None

    def _grow(self) -> None:
        self.data = np.concatenate([self.data, np.zeros_like(self.data)], axis=1)
        self.posted = np.concatenate([self.posted, np.zeros_like(self.posted)], axis=1)
        self.allowance = np.concatenate([self.allowance, np.zeros_like(self.allowance)])
        self.suspense = np.concatenate([self.suspense, np.zeros_like(self.suspense)])

    def set_late(self, n: int, late: tuple[Piece, ...]) -> None:
        if late:
            self.late[n] = late
        elif self.late.pop(n, None) is None:
            return
        self._flat = None

    @property
    def order(self) -> Ints:
        """Rows by loan id: the order of a day's detail."""
        if self._order is None:
            keys = np.frombuffer(b"".join(self.ids), dtype=">u8").reshape(-1, 2)
            self._order = np.lexsort((keys[:, 1], keys[:, 0])).astype(np.int64)
        return self._order

    def read(self, on: int, executor: Executor | None = None) -> Ints:
        """Interest, fee and overdue interest that every loan has earned by day `on`, as three rows of integers."""
        result = np.empty((3, len(self.ids)), np.int64)
        shards = [slice(start, min(start + SHARD, len(self.ids))) for start in range(0, len(self.ids), SHARD)]
        fill: Callable[[slice], None] = lambda shard: self._read_lines(on, shard, result)  # noqa: E731  # for `map`
        if executor is not None and len(shards) > 1:
            list(executor.map(fill, shards))
        else:
            for shard in shards:
                fill(shard)
        self._add_late(on, result)
        for n, meter in self.exact.items():
            result[:, n] = meter.read(on)
        return result

    def _read_lines(self, on: int, shard: slice, result: Ints) -> None:
        data = self.data[:, shard]
        days = np.maximum(on - data[F.ORIGIN], 0)
        twice = 2 * data[F.SLOPE] * days
        denominator = data[F.DENOMINATOR]
        result[0, shard] = data[F.INTEREST] + np.minimum(data[F.CAP], (twice + denominator) // (2 * denominator))
        result[1, shard] = data[F.FEE]
        result[2, shard] = data[F.PENALTY]

    def _add_late(self, on: int, result: Ints) -> None:
        if self._flat is None:
            owners = [n for n, pieces in self.late.items() for _ in pieces]
            pieces = [piece for pieces in self.late.values() for piece in pieces]
            columns = np.array(pieces, np.int64).reshape(-1, len(Piece._fields)).T
            self._flat = np.array(owners, np.int64), np.ascontiguousarray(columns)
        owner, columns = self._flat
        if not len(owner):
            return
        origin, offset, slope, denominator, cap, free_until = columns
        value = (2 * (offset + slope * (on - origin)) + denominator) // (2 * denominator)
        np.add.at(result[2], owner, np.where(on > free_until, np.minimum(value, cap), 0))

    def allowances(self, rates: Sequence[tuple[int, int]]) -> Ints:
        """The allowance that each loan needs; `rates` are numerator and denominator by tier, in its order."""
        live = self.live
        table = np.array(rates, np.int64)
        numerator, denominator = table[live[F.TIER], 0], table[live[F.TIER], 1]
        needed = (2 * live[F.PRINCIPAL] * numerator + denominator) // (2 * denominator)
        return np.where(live[F.ACTIVE] == 1, needed, 0)

    def suspended(self, earned: Ints) -> Ints:
        """Of what is earned by loans on non-accrual, what was not paid: no income yet."""
        live = self.live
        return np.where(live[F.SUSPENDED] * live[F.ACTIVE] == 1, earned[0] + earned[2] - live[F.PAID], 0)

    def ending(self, on: int) -> list[int]:
        """The active loans whose line ends by day `on`."""
        live = self.live
        return [int(n) for n in np.flatnonzero((live[F.UNTIL] <= on) & (live[F.ACTIVE] == 1))]

    def looking(self, on: int) -> list[int]:
        """The loans that the opening of day `on` may change, by loan id."""
        look = self.live[F.LOOK]
        found = np.flatnonzero((look > NEVER) & (look <= on))
        return sorted((int(n) for n in found), key=self.ids.__getitem__)

    def packed(self, rows: Iterable[int], as_before: bytes) -> list[tuple[UUID, bytes, bytes, bytes]]:
        """Rows as they are stored: loan, columns, overdue lines, plan (`as_before` where the stored one stands)."""
        return [
            (
                UUID(bytes=self.ids[n]),
                self.data[:, n].tobytes(),
                np.array(self.late[n], np.int64).tobytes() if n in self.late else b"",
                self.plans[n] if n in self.replanned else as_before,
            )
            for n in rows
        ]


def late_of(packed: bytes) -> tuple[Piece, ...]:
    """Overdue lines as they were stored."""
    return tuple(Piece(*map(int, piece)) for piece in np.frombuffer(packed, np.int64).reshape(-1, len(Piece._fields)))


assert NO_CAP < SAFE, "a line without a cap has one that no sum reaches"
