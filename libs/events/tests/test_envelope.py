"""An event keeps everything on its way over the wire, and a record that is no event is told apart."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import orjson
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from libs.events.envelope import (
    Actor,
    BrokenRecord,
    Metadata,
    StoredEvent,
    from_record,
    leaf_bytes,
    to_headers,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
metadata = st.builds(
    Metadata,
    recorded_at=st.just("2026-01-02T03:04:05.000006Z"),
    actor=st.builds(Actor, texts, texts, texts),
    correlation_id=texts,
    causation_id=texts,
    request_id=texts,
    traceparent=texts,
    effective_date=texts,
    rules=st.dictionaries(st.sampled_from(["card", "table"]), texts),
)
events = st.builds(
    StoredEvent,
    stream_id=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    version=st.integers(1, 10**6),
    event_id=st.uuids(),
    type=texts,
    data=st.sampled_from([b"{}", b'{"a":1}']),
    metadata=metadata.map(Metadata.to_bytes),
    sequence=st.integers(1, 2**53),
)


@given(metadata)
def test_circumstances_come_back_from_their_bytes(given_metadata: Metadata) -> None:
    data = given_metadata.to_bytes()
    assert data == rfc8785.dumps(orjson.loads(data))
    assert Metadata.from_bytes(data) == given_metadata


@given(metadata, texts)
def test_circumstances_of_several_times_are_as_if_each_was_written_alone(given_metadata: Metadata, odd: str) -> None:
    times = ["2026-01-02T03:04:05.000006Z", "2026-01-02T03:04:05.000007Z"]
    hostile = replace(given_metadata, correlation_id=f'"recorded_at":"" {odd}', recorded_at="")
    assert hostile.to_bytes_at(times) == [replace(hostile, recorded_at=time).to_bytes() for time in times]


def test_empty_circumstances_take_no_room() -> None:
    assert (
        Metadata("t", Actor("a"), "c").to_bytes() == b'{"actor":{"subject":"a"},"correlation_id":"c","recorded_at":"t"}'
    )


@given(events, st.integers(0, 2**53))
def test_a_record_brings_the_whole_event(event: StoredEvent, previous: int) -> None:
    headers = to_headers(event, "/puhui/shop", previous)
    assert {"ce_specversion", "ce_type", "ce_source", "ce_id", "ce_time", "ce_subject"} <= dict(headers).keys()
    delivered = from_record(event.data, headers)
    assert (delivered.event, delivered.source, delivered.previous) == (event, "/puhui/shop", previous)
    assert delivered.event.leaf_hash == event.leaf_hash


@given(events)
def test_a_leaf_covers_canonical_bytes_of_the_whole_event(event: StoredEvent) -> None:
    leaf = leaf_bytes(event.stream_id, event.version, event.event_id, event.type, event.data, event.metadata)
    whole = {
        "data": orjson.loads(event.data),
        "id": str(event.event_id),
        "metadata": orjson.loads(event.metadata),
        "stream": event.stream_id,
        "type": event.type,
        "version": event.version,
    }
    assert leaf == rfc8785.dumps(whole)


EVENT = StoredEvent("item-1", 1, uuid4(), "t", b"{}", Metadata("2026-01-01T00:00:00Z", Actor("a"), "c").to_bytes(), 1)


def test_every_part_of_an_event_changes_its_leaf() -> None:
    others = [
        EVENT._replace(stream_id="item-2"),
        EVENT._replace(version=2),
        EVENT._replace(event_id=uuid4()),
        EVENT._replace(type="u"),
        EVENT._replace(data=b"[]"),
        EVENT._replace(metadata=b"{}"),
    ]
    assert len({EVENT.leaf_hash, *(other.leaf_hash for other in others)}) == 7


@pytest.mark.parametrize("name", ["ce_subject", "ce_streamversion", "ce_id", "ce_type", "ce_metadata", "ce_previous"])
def test_a_record_without_an_attribute_is_no_event(name: str) -> None:
    headers = [header for header in to_headers(EVENT, "/s", 0) if header[0] != name]
    with pytest.raises(BrokenRecord, match=name):
        from_record(b"{}", headers)


@pytest.mark.parametrize(("name", "value"), [("ce_id", b"x"), ("ce_sequence", b"one"), ("ce_subject", b"\xff")])
def test_a_record_with_a_broken_attribute_is_no_event(name: str, value: bytes) -> None:
    with pytest.raises(BrokenRecord):
        from_record(None, [*to_headers(EVENT, "/s", 0), (name, value)])
