"""How the example partner is put together: who it is, where its record is, and the endpoint at which it is told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, SecretStr

from partners.example.desk import TYPES, Desk, Pay
from partners.example.policy import POLICY, Policy
from partners.example.record import Record
from partners.kit import Client, Credentials, Receiver

ENDPOINT: Final = "endpoint_id"
SECRETS: Final = "secrets"


class Configuration(BaseModel):
    """What the platform gives a partner, as the sandbox writes it. Its secret opens the partner's whole business."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    url: str
    partner: str
    token_url: str
    client_id: str
    client_secret: SecretStr

    @classmethod
    def read(cls, path: Path) -> Self:
        return cls.model_validate_json(path.read_bytes())

    def client(self) -> Client:
        credentials = Credentials(self.token_url, self.client_id, self.client_secret.get_secret_value())
        return Client(self.url, self.partner, credentials)


def open_desk(configuration: Configuration, path: Path, pay: Pay, policy: Path = POLICY) -> Desk:
    """The partner with its record in a file."""
    record = Record(path)

    def secrets() -> Sequence[str]:
        kept: list[str] = json.loads(record.setting(SECRETS) or "[]")
        return kept

    return Desk(configuration.client(), record, Policy.read(policy), Receiver(secrets, TYPES), pay)


def register(desk: Desk, url: str) -> str:
    """Be told at an address from now on: the endpoint's id. The same address again is the same endpoint."""
    endpoint = desk.client.send(desk.client.ask.register_endpoint(url, sorted(TYPES), reference=f"endpoint/{url}"))
    desk.record.setting(ENDPOINT, endpoint.endpoint_id)
    renew_secrets(desk)
    return endpoint.endpoint_id


def renew_secrets(desk: Desk) -> None:
    """Fetch the secrets in force: after a rotation within its day of overlap, so at least once a day."""
    if endpoint_id := desk.record.setting(ENDPOINT):
        secrets = desk.client.send(desk.client.ask.endpoint_secrets(endpoint_id)).secrets
        desk.record.setting(SECRETS, json.dumps(secrets))
