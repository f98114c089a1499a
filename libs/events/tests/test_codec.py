"""Events become bytes and come back; retired types come back as their successors."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from libs.events.codec import Codec, UnknownEventType, Upcaster
from libs.events.envelope import StoredEvent
from libs.events.tests.shop import CODEC, TYPES, ItemListed, ItemReceived, new_event


def test_an_event_comes_back_as_it_was() -> None:
    for event in (ItemListed(name="茶"), ItemReceived(quantity=-3)):
        assert CODEC.decode(*CODEC.encode(event)) == event


def test_an_unknown_type_is_named() -> None:
    with pytest.raises(UnknownEventType, match=r"shop\.closed\.v1"):
        CODEC.decode("shop.closed.v1", b"{}")


def test_data_of_another_form_are_refused() -> None:
    with pytest.raises(ValueError, match="quantity"):
        CODEC.decode("shop.item-received.v1", b'{"quantity":"many"}')


def in_dozens(data: dict[str, Any]) -> dict[str, Any]:
    return {"dozens": data["pieces"] // 12}


def to_quantity(data: dict[str, Any]) -> dict[str, Any]:
    return {"quantity": data["dozens"] * 12}


def test_a_retired_type_is_read_as_its_last_successor() -> None:
    codec = Codec(
        TYPES,
        {
            "shop.arrived.v1": Upcaster("shop.arrived.v2", in_dozens),
            "shop.arrived.v2": Upcaster("shop.item-received.v1", to_quantity),
        },
    )
    assert codec.decode("shop.arrived.v1", b'{"pieces":24}') == ItemReceived(quantity=24)
    assert codec.decode("shop.arrived.v2", b'{"dozens":3}') == ItemReceived(quantity=36)
    assert codec.current_type("shop.arrived.v1") == "shop.item-received.v1"
    assert codec.current_type("shop.item-listed.v1") == "shop.item-listed.v1"


@pytest.mark.parametrize(
    ("upcasters", "reason"),
    [({"a": "b"}, "not known"), ({"a": "a"}, "circle"), ({"a": "b", "b": "c", "c": "b"}, "circle")],
)
def test_upcasters_that_lead_nowhere_are_refused(upcasters: dict[str, str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Codec(TYPES, {name: Upcaster(to, in_dozens) for name, to in upcasters.items()})


def test_a_recorded_event_knows_all_about_itself() -> None:
    new = new_event(ItemListed(name="tea"), causation_id="cause")
    stored = StoredEvent("item-a-b", 3, new.event_id, new.type, new.data, new.metadata, 17)
    recorded = CODEC.recorded(stored, "/puhui/shop")
    assert recorded.event == ItemListed(name="tea")
    assert (recorded.key, recorded.version, recorded.sequence, recorded.source) == ("a-b", 3, 17, "/puhui/shop")
    assert recorded.metadata.causation_id == "cause"
    assert isinstance(recorded.event_id, UUID)
