"""A token of the Keycloak realm that comes with the compose file opens the platform, with the roles it was given."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from libs.service.auth import TokenVerifier
from libs.service.keys import JwksUrl
from tests.containers.engine import held_or_pulled
from tests.containers.stack import SECRET, Stack

pytestmark = pytest.mark.containers

ISSUER = "http://localhost:8180/realms/puhui"
PATIENCE_S = 60
"""A server that has just started compiles what it runs for the first time."""


@pytest.fixture(scope="module")
def realm() -> Iterator[str]:
    """Where the realm answers on this machine. The profile is an option: without its image there is nothing to try."""
    wanted = Stack().configuration(profile="keycloak")["services"]["keycloak"]["image"]
    if not held_or_pulled(wanted):
        pytest.skip(f"{wanted} is not here, and no registry that has it is reached")
    with Stack("keycloak", profile="keycloak") as stack:
        yield f"http://{stack.compose('port', 'keycloak', '8080').strip()}/realms/puhui"


async def test_a_front_ends_token_is_accepted_for_what_it_is(realm: str) -> None:
    grant = {"grant_type": "client_credentials", "client_id": "puhui-front", "client_secret": SECRET}
    answer = httpx.post(f"{realm}/protocol/openid-connect/token", data=grant, timeout=PATIENCE_S)
    assert answer.status_code == 200, answer.text

    keys = JwksUrl(f"{realm}/protocol/openid-connect/certs")
    actor = await TokenVerifier(keys, issuer=ISSUER, audience="puhui").verify(answer.json()["access_token"])

    assert actor.roles == {"customer"}


def test_another_secret_opens_nothing(realm: str) -> None:
    grant = {"grant_type": "client_credentials", "client_id": "puhui-front", "client_secret": "guessed"}
    assert httpx.post(f"{realm}/protocol/openid-connect/token", data=grant, timeout=PATIENCE_S).status_code == 401
