"""Everything that a partner may do. Each act has a reference of the partner's own, and is done once under it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from partners.kit.calls import Call, key_of, post, reading
from partners.kit.delivery_models import (
    BreakAct,
    DailyFile,
    Endpoint,
    EndpointStatus,
    FileResult,
    Generation,
    Keys,
    Redelivered,
)
from partners.kit.models import Contact, ContactDetails, OfferDetail, T
from partners.kit.reads import Reads


class Ask(Reads):
    """What a partner may ask of the platform: `client.send(ask.accept(...))`, `client.every(ask.loans())`."""

    def accept(self, application_id: str, *, reference: str) -> Call[OfferDetail]:
        """Lend this share. Raises `Conflict` when it is too late, or answered otherwise."""
        return self._post(f"/partners/fundings/{application_id}/answer", OfferDetail, {"answer": "ACCEPT"}, reference)

    def decline(self, application_id: str, reason: str, *, reference: str) -> Call[OfferDetail]:
        """Do not lend; the reason is for the record."""
        body = {"answer": "DECLINE", "reason": reason}
        return self._post(f"/partners/fundings/{application_id}/answer", OfferDetail, body, reference)

    def question(self, application_id: str, question: str, *, reference: str) -> Call[OfferDetail]:
        """Ask before deciding; your time goes on meanwhile. The answer is told (`funding-clarified`)."""
        path = f"/partners/fundings/{application_id}/questions"
        return self._post(path, OfferDetail, {"question": question}, reference)

    def name_contact(self, contact: ContactDetails, *, reference: str) -> Call[Contact]:
        """Somebody speaks for you. An agreement needs a contact person for business, settlement and complaints."""
        return self._post(f"{self._own}/contacts", Contact, contact.model_dump(mode="json"), reference)

    def change_contact(self, person_id: str, contact: ContactDetails, *, reference: str) -> Call[Contact]:
        """All of it anew; for another person name another."""
        return self._post(f"{self._own}/contacts/{person_id}", Contact, contact.model_dump(mode="json"), reference)

    def register_endpoint(self, url: str, types: Sequence[str], *, reference: str) -> Call[Endpoint]:
        """Be told at this address. A type names its version, and you get that one until you subscribe to another."""
        body = {"partner": self.partner, "url": url, "types": list(types)}
        return self._post("/partners/endpoints", Endpoint, body, reference)

    def rotate_secret(self, endpoint_id: str, *, reference: str) -> Call[Endpoint]:
        """A new secret; for a day the old one signs beside it. Fetch `endpoint_secrets` before that is over."""
        return self._post(f"/partners/endpoints/{endpoint_id}/rotate-secret", Endpoint, None, reference)

    def set_status(self, endpoint_id: str, status: EndpointStatus, reason: str, *, reference: str) -> Call[Endpoint]:
        """PAUSED keeps what comes, ACTIVE resumes, REMOVED is for good."""
        body = {"status": status, "reason": reason}
        return self._post(f"/partners/endpoints/{endpoint_id}/status", Endpoint, body, reference)

    def send_test(self, endpoint_id: str, *, reference: str) -> Call[Redelivered]:
        """Have a `puhui.partners.test.v1` sent, signed and delivered like any other."""
        return self._post(f"/partners/endpoints/{endpoint_id}/test", Redelivered, None, reference)

    def redeliver(
        self, endpoint_id: str, *, reference: str, positions: Sequence[int] = (), from_sequence: int | None = None
    ) -> Call[Redelivered]:
        """Have these deliveries sent again, or all from a place in the ledger's sequence on; with neither what failed."""
        if positions and from_sequence is not None:
            raise ValueError("name positions or from_sequence, not both")
        body: dict[str, Any] = {"failed": True}
        if positions:
            body = {"positions": list(positions)}
        elif from_sequence is not None:
            body = {"from_sequence": from_sequence}
        return self._post(f"/partners/endpoints/{endpoint_id}/redeliver", Redelivered, body, reference)

    def upload(self, file: DailyFile, *, reference: str) -> Call[FileResult]:
        """Your file of a date, laid beside the platform's records."""
        return self._post(f"{self._own}/files", FileResult, file.model_dump(mode="json"), reference)

    def answer_break(self, break_id: str, answer: str, *, reference: str) -> Call[BreakAct]:
        """What you found about a difference."""
        return self._post(f"/partners/breaks/{break_id}/answer", BreakAct, {"answer": answer}, reference)

    def rotate_callback_secret(self, *, reference: str) -> Call[Generation]:
        """A new secret for what you send; for a day the old one verifies beside it."""
        return self._post(f"{self._own}/rotate-callback-secret", Generation, None, reference)

    def register_key(
        self, challenge: str, proof: str, *, reference: str, key_id: str = "", endorsement: str = ""
    ) -> Call[Keys]:
        """Register the key of a challenge: `proof` is its signature under that key, `endorsement` its signature under
        your key `key_id` that is in force (`signed_text` makes either). Without an endorsement the platform's people
        confirm the new key; tell them by another way which one it is."""
        body: dict[str, Any] = {"challenge": challenge, "proof": proof}
        if key_id:
            body["endorsement"] = {"key_id": key_id, "signature": endorsement}
        return self._post(f"{self._own}/keys/own", Keys, body, reference)

    def revoke_key(self, key_id: str, reason: str, *, reference: str) -> Call[Keys]:
        """At once and for good."""
        return self._post(f"{self._own}/keys/{key_id}/revoke", Keys, {"reason": reason}, reference)

    def callback_file(self, file: DailyFile, *, reference: str) -> Call[FileResult]:
        """The same as `upload`, known by your signature instead of a token."""
        return self._callback(FileResult, "puhui.partner.daily-file.v1", file.model_dump(mode="json"), reference)

    def callback_break_answer(self, break_id: str, answer: str, *, reference: str) -> Call[BreakAct]:
        """The same as `answer_break`, known by your signature instead of a token."""
        data = {"break_id": break_id, "answer": answer}
        return self._callback(BreakAct, "puhui.partner.break-answered.v1", data, reference)

    def _post(self, path: str, kind: type[T], body: dict[str, Any] | None, reference: str) -> Call[T]:
        return post(path, kind, body, partner=self.partner, reference=reference)

    def _callback(self, kind: type[T], type_name: str, data: dict[str, Any], reference: str) -> Call[T]:
        path = f"/partners/callbacks/{self.partner}"
        event = {
            "specversion": "1.0",
            "id": reference,
            "source": f"/{self.partner}",
            "type": type_name,
            "data": data,
        }
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        key = key_of(self.partner, type_name, reference)
        return Call("POST", path, reading(kind), body=body, key=key, signed=True)
