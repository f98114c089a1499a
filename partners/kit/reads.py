"""Everything that a partner may read."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from partners.kit import models as m
from partners.kit.calls import Call, Pages, get, listed
from partners.kit.delivery_models import AgeBand, Attempt, Break, Challenge, Delivery, Endpoint, Keys, Secrets


class Reads:
    """Of the partner that is named."""

    def __init__(self, partner: str) -> None:
        self.partner = partner

    @property
    def _own(self) -> str:
        return f"/partners/partners/{self.partner}"

    def partners(self) -> Pages[m.Partner]:
        """Who lends on the platform, as published."""
        return listed("/partners/partners", m.Partner)

    def contacts(self) -> Call[list[m.Contact]]:
        """Who speaks for you, whether or not they do today."""
        return get(f"{self._own}/contacts", list[m.Contact])

    def agreements(self) -> Pages[m.Agreement]:
        """Every version of every agreement of yours."""
        return listed("/partners/agreements", m.Agreement)

    def agreement(self, agreement: str) -> Call[m.Agreement]:
        """Its last version."""
        return get(f"/partners/agreements/{agreement}", m.Agreement)

    def offers(self, status: str | None = None) -> Pages[m.Offer]:
        """What was offered to you; `status="OFFERED"`: what waits for your answer."""
        return listed("/partners/fundings", m.Offer, status=status)

    def offer(self, application_id: str) -> Call[m.OfferDetail]:
        """With questions and answers."""
        return get(f"/partners/fundings/{application_id}", m.OfferDetail)

    def contract(self, application_id: str) -> Call[bytes]:
        """The signed PDF of a loan that you lend, where your agreement's data name the contract."""
        return Call("GET", f"/contract/lent/{application_id}/signed-document", bytes)

    def funds(self) -> Call[m.Funds]:
        """Your money with the platform, and what is called for."""
        return get(f"{self._own}/funds", m.Funds)

    def loans(self, on: date | None = None, status: m.LoanStatus | None = None) -> Pages[m.Loan]:
        """At the end of a date; without, today."""
        return listed(f"{self._own}/loans", m.Loan, on=on, status=status)

    def holdings(self, loan_id: str) -> Call[m.Holdings]:
        """Your part of a loan, to the fen."""
        return get(f"/partners/loans/{loan_id}/holdings", m.Holdings)

    def cash_flows(
        self, first: date | None = None, last: date | None = None, loan_id: str | None = None
    ) -> Pages[m.CashFlow]:
        """In the order in which they became known."""
        return listed(f"{self._own}/cash-flows", m.CashFlow, first=first, last=last, loan_id=loan_id)

    def statement(self, first: date, last: date) -> Call[m.Statement]:
        """Of any period."""
        return get(f"{self._own}/statement", m.Statement, first=first, last=last)

    def settlements(self) -> Pages[m.Settlement]:
        """The latest first."""
        return listed("/partners/settlements", m.Settlement)

    def settlement(self, settlement_id: str) -> Call[m.Settlement]:
        return get(f"/partners/settlements/{settlement_id}", m.Settlement)

    def settlement_file(self, settlement_id: str) -> Call[bytes]:
        """The CSV; its SHA-256 is the settlement's `file_sha256`."""
        return Call("GET", f"/partners/settlements/{settlement_id}/file", bytes)

    def delinquency(self, on: date | None = None) -> Call[list[m.Bucket]]:
        """How late your loans are."""
        return get(f"{self._own}/performance/delinquency", list[m.Bucket], on=on)

    def vintages(self, on: date | None = None) -> Call[list[m.Vintage]]:
        """By month of payout, PAR 30."""
        return get(f"{self._own}/performance/vintages", list[m.Vintage], on=on)

    def events(self, after: int = 0) -> Pages[m.Told]:
        """Everything that you were told after a place in the order: for whoever lost something."""
        return listed(f"{self._own}/events", m.Told, after=after)

    def event_types(self) -> Call[list[m.EventType]]:
        """What there is to subscribe to."""
        return get("/partners/event-types", list[m.EventType])

    def endpoints(self) -> Pages[Endpoint]:
        return listed("/partners/endpoints", Endpoint)

    def endpoint_secrets(self, endpoint_id: str) -> Call[Secrets]:
        """What signs the webhooks that come to an endpoint."""
        return get(f"/partners/endpoints/{endpoint_id}/secret", Secrets)

    def callback_secrets(self) -> Call[Secrets]:
        """What signs the callbacks that you send."""
        return get(f"{self._own}/callback-secret", Secrets)

    def keys(self) -> Call[Keys]:
        """Your public keys, whether or not they count now."""
        return get(f"{self._own}/keys", Keys)

    def key_challenge(
        self,
        public_key: str,
        valid_from: datetime,
        valid_until: datetime | None = None,
        replaces: str | None = None,
    ) -> Call[Challenge]:
        """What to sign for a key (`whpk_` and base64, Ed25519) that you are going to register."""
        query = {"valid_from": valid_from.isoformat(), "valid_until": valid_until and valid_until.isoformat()}
        return get(f"{self._own}/keys/challenge", Challenge, public_key=public_key, replaces=replaces, **query)

    def deliveries(self, endpoint_id: str, status: str | None = None) -> Pages[Delivery]:
        """The log of an endpoint; `status="GIVEN_UP"`: what did not arrive."""
        return listed(f"/partners/endpoints/{endpoint_id}/deliveries", Delivery, status=status)

    def attempts(self, endpoint_id: str, position: int) -> Call[list[Attempt]]:
        return get(f"/partners/endpoints/{endpoint_id}/deliveries/{position}/attempts", list[Attempt])

    def breaks(self, state: Literal["OPEN", "OVER"] | None = None) -> Pages[Break]:
        """Where your files and the platform's records differ."""
        return listed("/partners/breaks", Break, counterparty=self.partner, state=state)

    def break_ages(self) -> Call[list[AgeBand]]:
        return get("/partners/breaks/ages", list[AgeBand])
