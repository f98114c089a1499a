"""Identifiers are ordered by time, or follow from their cause."""

from __future__ import annotations

import time
from uuid import UUID

from libs.events.ids import derive_id, new_id


def test_a_new_identifier_has_the_form_of_version_7_and_says_when_it_was_made() -> None:
    before = time.time_ns() // 1_000_000
    ids = [new_id() for _ in range(1000)]
    after = time.time_ns() // 1_000_000
    assert len(set(ids)) == 1000
    for one in ids:
        assert (one.version, one.variant) == (7, "specified in RFC 4122")
        assert before <= one.int >> 80 <= after


def test_a_derived_identifier_is_the_same_for_the_same_cause_and_purpose_only() -> None:
    cause, another = UUID(int=1), UUID(int=2)
    assert derive_id(cause, "pay/1") == derive_id(cause, "pay/1")
    assert len({derive_id(c, p) for c in (cause, another) for p in ("pay/1", "pay/2")}) == 4
    assert derive_id(cause, "pay/1").version == 5
