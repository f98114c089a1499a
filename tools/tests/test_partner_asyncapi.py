"""What partners receive, as a document: complete, closed, and without what is ours."""

from __future__ import annotations

import json

from services.partners.news import KEPT_BACK, TEST_TYPE, TYPES
from tools.partner_asyncapi import partner_asyncapi

DOCUMENT = partner_asyncapi()


def test_there_is_a_message_for_all_that_an_endpoint_may_subscribe_to_and_every_reference_leads_somewhere() -> None:
    messages = DOCUMENT["components"]["messages"]
    assert messages.keys() == TYPES | {TEST_TYPE}
    assert DOCUMENT["channels"]["endpoint"]["messages"].keys() == messages.keys()
    text = json.dumps(DOCUMENT)
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named == DOCUMENT["components"]["schemas"].keys()


def test_what_a_partner_is_not_told_is_not_in_it() -> None:
    messages = DOCUMENT["components"]["messages"]
    for name, message in messages.items():
        if name != TEST_TYPE:
            data = DOCUMENT["components"]["schemas"][
                message["payload"]["properties"]["data"]["$ref"].rpartition("/")[2]
            ]
            assert not KEPT_BACK & data["properties"].keys()
            assert not KEPT_BACK & message["examples"][0]["payload"]["data"].keys()
    moved = messages["puhui.ledger.repayment-received.v1"]["examples"][0]["payload"]["data"]["your_part"]
    assert moved["funder"] == "harbour-bank"
    assert "ApplicationApproved" not in DOCUMENT["components"]["schemas"]
