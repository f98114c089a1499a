"""Follows the chain that the records of a partition form: each names the sequence of its predecessor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from libs.events.broker import Record
from libs.events.delivery import Item
from libs.events.envelope import BrokenRecord, from_record


@dataclass(slots=True)
class Links:
    """What a batch of records adds to a chain.

    `gap`: a record was met whose predecessor is missing. `broken`: records that are no events, with what is wrong.
    """

    fresh: list[Item] = field(default_factory=list)
    gap: bool = False
    broken: list[tuple[Record, BrokenRecord]] = field(default_factory=list)


def follow(last: int, records: Iterable[Record]) -> Links:
    """The events that continue the chain after the sequence `last`; what comes a second time is passed over."""
    links = Links()
    for record in records:
        try:
            delivered = from_record(record.value, record.headers)
        except BrokenRecord as error:
            links.broken.append((record, error))
            continue
        if delivered.event.sequence <= last:
            continue
        if delivered.previous != last:
            links.gap = True
            continue
        links.fresh.append(Item(delivered.event, delivered.source, record.offset))
        last = delivered.event.sequence
    return links
