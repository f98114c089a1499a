"""Given a partner's keys, when it registers another or one of us confirms it, then this follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from libs.contracts.partners import PartnerKeyProposed, PartnerKeyRegistered, PartnerKeyRetired, PartnerKeyRevoked
from libs.events.testing import Scenario
from services.partners.domain.callbacks import KEYS_MAX, ConfirmKey, ProposeKey, RevokeKey
from services.partners.handlers import CALLBACKS

DAY = date(2026, 2, 2)
NOW, WEEK = 1_770_000_000, 604_800
OLD = PartnerKeyRegistered(
    partner="harbour-bank",
    key_id="old",
    public_key="whpk_" + "A" * 43 + "=",
    valid_from=NOW - WEEK,
    registered_by="finance-1",
    registered_on=DAY,
)
PROPOSE = ProposeKey(
    partner="harbour-bank",
    key_id="new",
    public_key="whpk_" + "B" * 43 + "=",
    valid_from=NOW + 100,
    valid_until=None,
    replaces="",
    endorsed_by="",
    confirmed=True,
    overlap_s=WEEK,
    at=NOW,
    by="partner",
    today=DAY,
)
PROPOSED = PartnerKeyProposed(
    partner="harbour-bank",
    key_id="new",
    public_key=PROPOSE.public_key,
    valid_from=PROPOSE.valid_from,
    proposed_by="partner",
    proposed_on=DAY,
)
REGISTERED = PartnerKeyRegistered(
    partner="harbour-bank",
    key_id="new",
    public_key=PROPOSE.public_key,
    valid_from=PROPOSE.valid_from,
    registered_by="partner",
    registered_on=DAY,
)
RETIRED = PartnerKeyRetired(
    partner="harbour-bank", key_id="old", replaced_by="new", valid_until=NOW + 100 + WEEK, retired_on=DAY
)
CONFIRM = ConfirmKey(
    key_id="new", public_key=PROPOSE.public_key, overlap_s=WEEK, at=NOW + 50, by="finance-1", today=DAY
)
REVOKE = RevokeKey(key_id="old", reason="Lost", by="partner", today=DAY)
REVOKED = PartnerKeyRevoked(partner="harbour-bank", key_id="old", reason="Lost", revoked_by="partner", revoked_on=DAY)
ENDORSED = replace(PROPOSE, endorsed_by="old", replaces="old", confirmed=False)


def test_a_first_key_waits_for_one_of_us_who_has_compared_it() -> None:
    Scenario(CALLBACKS).when(PROPOSE).then(PROPOSED)
    confirmed = REGISTERED.model_copy(update={"confirmed_by": "finance-1"})
    Scenario(CALLBACKS).given(PROPOSED).when(CONFIRM).then(confirmed)
    Scenario(CALLBACKS).given(PROPOSED).when(replace(CONFIRM, public_key=OLD.public_key)).refused("key-not-the-one")
    Scenario(CALLBACKS).given(PROPOSED).when(replace(CONFIRM, by="partner")).refused("four-eyes")
    Scenario(CALLBACKS).given(PROPOSED, confirmed).when(CONFIRM).refused("key-confirmed")
    Scenario(CALLBACKS).when(CONFIRM).refused("key-not-found")


def test_a_key_in_force_vouches_for_the_next_and_goes_on_for_the_overlap() -> None:
    registered = REGISTERED.model_copy(update={"endorsed_by": "old"})
    Scenario(CALLBACKS).given(OLD).when(ENDORSED).then(registered, RETIRED)
    Scenario(CALLBACKS).given(OLD).when(replace(ENDORSED, replaces="")).then(registered)
    ends_before = OLD.model_copy(update={"valid_until": NOW + WEEK})
    Scenario(CALLBACKS).given(ends_before).when(ENDORSED).then(registered)
    Scenario(CALLBACKS).given(OLD, REVOKED).when(replace(ENDORSED, replaces="")).refused("endorsing-key-not-in-force")
    over = OLD.model_copy(update={"valid_until": NOW})
    Scenario(CALLBACKS).given(over).when(ENDORSED).refused("endorsing-key-not-in-force")
    Scenario(CALLBACKS).when(replace(PROPOSE, replaces="old")).refused("key-not-found")


def test_where_the_policy_says_so_also_a_key_that_is_vouched_for_is_confirmed() -> None:
    waits = PROPOSED.model_copy(update={"endorsed_by": "old", "replaces": "old"})
    Scenario(CALLBACKS).given(OLD).when(replace(ENDORSED, confirmed=True)).then(waits)
    both = REGISTERED.model_copy(update={"endorsed_by": "old", "confirmed_by": "finance-1"})
    Scenario(CALLBACKS).given(OLD, waits).when(CONFIRM).then(both, RETIRED)
    Scenario(CALLBACKS).given(OLD, waits, REVOKED).when(CONFIRM).then(both)


@pytest.mark.parametrize(
    ("at", "keys"),
    [(NOW, {"old"}), (NOW + 100, {"old", "new"}), (NOW + 99 + WEEK, {"old", "new"}), (NOW + 100 + WEEK, {"new"})],
)
def test_during_the_overlap_both_prove_and_afterwards_the_new_one_alone(at: int, keys: set[str]) -> None:
    state = CALLBACKS.initial
    for event in (OLD, REGISTERED, RETIRED):
        state = CALLBACKS.evolve(state, event)
    assert set(state.in_force(at)) == keys


def test_a_key_is_revoked_for_good_also_one_that_waits() -> None:
    Scenario(CALLBACKS).given(OLD).when(REVOKE).then(REVOKED)
    gone = REVOKED.model_copy(update={"key_id": "new"})
    Scenario(CALLBACKS).given(PROPOSED).when(replace(REVOKE, key_id="new")).then(gone)
    Scenario(CALLBACKS).given(PROPOSED, gone).when(CONFIRM).refused("key-not-found")
    Scenario(CALLBACKS).given(PROPOSED, gone).when(replace(PROPOSE, key_id="again")).refused("key-given-up")
    Scenario(CALLBACKS).given(PROPOSED).when(replace(PROPOSE, key_id="again")).refused("key-known")


def test_keys_that_wait_count_among_so_many() -> None:
    waiting = [
        PROPOSED.model_copy(update={"key_id": str(number), "public_key": f"whpk_{chr(67 + number) * 43}="})
        for number in range(KEYS_MAX)
    ]
    Scenario(CALLBACKS).given(*waiting).when(PROPOSE).refused("too-many-keys")
