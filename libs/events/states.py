"""What streams have come to, kept from when they were folded last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from libs.events.envelope import StoredEvent

CACHED_STATES: Final = 20_000
NEVER: Final = -1


class Kept(NamedTuple):
    """A state that was folded, and the version that it is of."""

    state: Any
    version: int
    sure_in: int
    """The era in which it is known to be the last one; `NEVER` where others may have appended since."""


class Reading:
    """A stream that is being loaded."""

    def __init__(self) -> None:
        self.is_undisturbed = True
        """Nothing was heard of the stream meanwhile."""


class States:
    """Of one process.

    A state is immutable, and the version check of an append makes a stale one harmless to decide on. To answer with it,
    or to refuse, it must be the last one. Where no other process appends (`alone`) it is, from when it was appended or
    loaded, until something else is heard of its stream. That nothing is missed, though a commit may be done whose answer
    was lost, is seen to by the sequence: `heed` what was stamped, whoever appended it.
    """

    def __init__(self, *, alone: bool = False) -> None:
        self._alone = alone
        self._states: OrderedDict[str, Kept] = OrderedDict()
        self._era = 0
        self._readings: dict[str, list[Reading]] = {}

    def get(self, stream_id: str) -> Kept | None:
        return self._states.get(stream_id)

    def version(self, stream_id: str) -> int:
        """The version of what is kept; 0 for nothing."""
        return kept.version if (kept := self._states.get(stream_id)) is not None else 0

    def is_last(self, kept: Kept) -> bool:
        """Whether nothing can have been appended since."""
        return self._alone and kept.sure_in == self._era

    def keep(self, stream_id: str, state: Any, version: int, *, is_last: bool = True) -> None:
        """Keep a state, unless a later one is kept. `is_last`: nobody of this process has appended since."""
        if version < self.version(stream_id):
            return
        self._states[stream_id] = Kept(state, version, self._era if is_last else NEVER)
        self._states.move_to_end(stream_id)
        if len(self._states) > CACHED_STATES:
            self._states.popitem(last=False)

    def forget(self, stream_id: str) -> None:
        self._states.pop(stream_id, None)
        self._disturb(stream_id)

    def clear(self) -> None:
        """Load states anew when they are asked for: what they were folded from may be read otherwise now."""
        self._states.clear()
        self._begin_era()

    @contextmanager
    def reading(self, stream_id: str) -> Iterator[Reading]:
        """While a stream is loaded. What is heard of it meanwhile may not be in what was loaded."""
        reading = Reading()
        self._readings.setdefault(stream_id, []).append(reading)
        try:
            yield reading
        finally:
            others = self._readings[stream_id]
            others.remove(reading)
            if not others:
                del self._readings[stream_id]

    def heed(self, stamped: Sequence[StoredEvent] | None) -> None:
        """These events were given their place in the sequence; None where they are too many to be told: then whatever is
        kept may be an old state."""
        if stamped is None:
            self._begin_era()
            return
        for event in stamped:
            if (kept := self._states.get(event.stream_id)) is not None and kept.version < event.version:
                del self._states[event.stream_id]
            if self._readings:
                self._disturb(event.stream_id)

    def _begin_era(self) -> None:
        self._era += 1
        for stream_id in self._readings:
            self._disturb(stream_id)

    def _disturb(self, stream_id: str) -> None:
        for reading in self._readings.get(stream_id, ()):
            reading.is_undisturbed = False
