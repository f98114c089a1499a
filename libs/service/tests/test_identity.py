from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import pytest

from libs.service.auth import TokenVerifier
from libs.service.identity import create_identity_app
from libs.service.issuer import Issuer, User
from libs.service.keys import JwksFile
from libs.service.tests.in_process import AUDIENCE, ISSUER, Caller

USERS = (User("shop", ("customer",), "Shop", {"approve_amount": "1.00"}, "P-1"), User("a&b", ("auditor",), "A"))
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    return Issuer.open(tmp_path, issuer=ISSUER, audience=AUDIENCE, users=USERS)


@pytest.fixture
def call(issuer: Issuer) -> Caller:
    return Caller(create_identity_app(issuer, host="127.0.0.1", path="/identity"))


def test_client_credentials_buy_a_token_that_services_accept(call: Caller, issuer: Issuer, tmp_path: Path) -> None:
    form = {"grant_type": "client_credentials", "client_id": "shop", "client_secret": issuer.secret("shop")}
    answer = call("POST", "/identity/token", data=form)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    token = answer.json()
    assert (token["token_type"], token["expires_in"]) == ("Bearer", 3600)
    check = TokenVerifier(JwksFile(tmp_path / "jwks.json"), issuer=ISSUER, audience=AUDIENCE)
    actor = asyncio.run(check.verify(token["access_token"]))
    assert (actor.subject, actor.roles, actor.on_behalf_of) == ("shop", {"customer"}, "P-1")
    assert actor.authority["approve_amount"] == "1.00"


def test_credentials_may_come_by_http_basic(call: Caller, issuer: Issuer) -> None:
    credentials = base64.b64encode(f"a%26b:{issuer.secret('a&b')}".encode()).decode()
    answer = call(
        "POST",
        "/identity/token",
        data={"grant_type": "client_credentials"},
        headers={"authorization": f"Basic {credentials}"},
    )
    assert answer.status_code == 200
    assert answer.json()["scope"] == "auditor"


@pytest.mark.parametrize(
    ("headers", "content", "status", "error"),
    [
        (FORM, b"grant_type=client_credentials&client_id=shop&client_secret=wrong", 401, "invalid_client"),
        (FORM, b"grant_type=client_credentials&client_id=nobody&client_secret=", 401, "invalid_client"),
        (FORM, b"grant_type=client_credentials", 401, "invalid_client"),
        (FORM | {"authorization": "Basic !"}, b"grant_type=client_credentials", 401, "invalid_client"),
        (FORM | {"authorization": "Bearer x"}, b"grant_type=client_credentials", 401, "invalid_client"),
        (FORM, b"grant_type=password", 400, "unsupported_grant_type"),
        (FORM, b"", 400, "unsupported_grant_type"),
        (FORM, b"grant_type=a&grant_type=b", 400, "invalid_request"),
        (FORM, b"\xff", 400, "invalid_request"),
        (FORM, b"a=1&" * 30, 400, "invalid_request"),
        (FORM, b"x" * 5000, 400, "invalid_request"),
        ({"content-type": "application/json"}, b"{}", 400, "invalid_request"),
        ({}, b"", 400, "invalid_request"),
    ],
)
def test_a_bad_request_for_a_token_is_refused(
    call: Caller, headers: dict[str, str], content: bytes, status: int, error: str
) -> None:
    answer = call("POST", "/identity/token", headers=headers, content=content)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_the_issuer_describes_itself(call: Caller, issuer: Issuer) -> None:
    document = call("GET", "/identity/.well-known/openid-configuration").json()
    assert document["issuer"] == ISSUER
    assert document["token_endpoint"] == f"{ISSUER}/token"
    keys = call("GET", "/identity/jwks.json").json()
    assert keys == issuer.jwks()
    assert "d" not in keys["keys"][0]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "issuer.example", "::"])
def test_the_issuer_serves_loopback_alone_unless_told(issuer: Issuer, host: str) -> None:
    with pytest.raises(ValueError, match="development issuer"):
        create_identity_app(issuer, host=host)
    assert create_identity_app(issuer, host=host, allow_remote=True) is not None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_loopback_has_several_names(issuer: Issuer, host: str) -> None:
    assert create_identity_app(issuer, host=host) is not None
