from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey
from starlette.requests import Request

from libs.service import auth
from libs.service.actor import Actor
from libs.service.auth import TokenRefused, TokenVerifier, actor_of, authenticate, require
from libs.service.issuer import Issuer, User
from libs.service.keys import JwksFile, JwksUrl, KeysUnavailable
from libs.service.tests.in_process import AUDIENCE, ISSUER, Caller, FixedKeys, Identity
from libs.service.tests.toy import make_app

NOW = 1_800_000_000


class Clock:
    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


KEY = OKPKey.generate_key("Ed25519", auto_kid=True)


def claims(**changes: Any) -> dict[str, Any]:
    """Good claims with changes; a value of None takes the claim out."""
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "officer-1", "exp": NOW + 60, "nbf": NOW, "roles": ["auditor"]}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def signed(body: dict[str, Any], key: Any = KEY, alg: str = "Ed25519") -> str:
    return jwt.encode({"alg": alg, "kid": key.kid}, body, key, algorithms=[alg])


def verifier(clock: Callable[[], float], *keys: Any) -> TokenVerifier:
    return TokenVerifier(FixedKeys(*(keys or (KEY,))), issuer=ISSUER, audience=AUDIENCE, now=clock)


def refused(check: TokenVerifier, token: str) -> str:
    with pytest.raises(TokenRefused) as caught:
        asyncio.run(check.verify(token))
    return str(caught.value)


def test_a_good_token_gives_its_actor(clock: Clock) -> None:
    body = claims(name="Wang", authority={"approve_amount": "50000.00"}, on_behalf_of="P-1", roles=["auditor", "king"])
    actor = asyncio.run(verifier(clock).verify(signed(body)))
    assert (actor.subject, actor.name, actor.roles) == ("officer-1", "Wang", frozenset({"auditor"}))
    assert actor.authority["approve_amount"] == "50000.00"
    assert actor.on_behalf_of == "P-1"


@pytest.mark.parametrize(
    ("key", "alg"),
    [(ECKey.generate_key("P-256", auto_kid=True), "ES256"), (RSAKey.generate_key(2048, auto_kid=True), "RS256")],
)
def test_other_asymmetric_signatures_are_accepted(clock: Clock, key: Any, alg: str) -> None:
    assert asyncio.run(verifier(clock, key).verify(signed(claims(), key, alg))).subject == "officer-1"


def test_the_older_name_of_ed25519_is_accepted(clock: Clock) -> None:
    with pytest.warns(match="EdDSA"):
        token = signed(claims(), alg="EdDSA")
    assert asyncio.run(verifier(clock).verify(token)).subject == "officer-1"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": NOW - 31}, "expired"),
        ({"exp": None}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
        ({"nbf": NOW + 31}, "nbf"),
        ({"iss": "http://elsewhere"}, "iss"),
        ({"aud": "another"}, "aud"),
        ({"aud": ["another"]}, "aud"),
        ({"sub": None}, "sub"),
        ({"sub": "with space"}, "subject"),
        ({"sub": 5}, "sub"),
        ({"roles": "auditor"}, "roles"),
        ({"on_behalf_of": "a b"}, "on_behalf_of"),
    ],
)
def test_a_token_with_wrong_claims_is_refused_with_the_reason(
    clock: Clock, changes: dict[str, Any], reason: str
) -> None:
    assert reason in refused(verifier(clock), signed(claims(**changes)))


def test_clocks_may_differ_by_thirty_seconds(clock: Clock) -> None:
    check = verifier(clock)
    assert asyncio.run(check.verify(signed(claims(exp=NOW - 29)))).subject == "officer-1"
    assert asyncio.run(check.verify(signed(claims(nbf=NOW + 29)))).subject == "officer-1"


def test_the_audience_may_be_one_of_several(clock: Clock) -> None:
    assert asyncio.run(verifier(clock).verify(signed(claims(aud=["other", AUDIENCE])))).subject == "officer-1"


def unsigned() -> str:
    import base64

    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none', 'kid': KEY.kid})}.{part(claims())}."


def hmac_signed() -> str:
    secret = OctKey.import_key(b"k" * 32)
    return jwt.encode({"alg": "HS256", "kid": KEY.kid}, claims(), secret, algorithms=["HS256"])


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "a.b.c.d.e",
        unsigned(),
        hmac_signed(),
        signed(claims())[:-4] + "AAAA",
        "é.ü.\udc80",
        "x" * 9000,
    ],
)
def test_what_is_not_a_signed_token_is_refused(clock: Clock, token: str) -> None:
    refused(verifier(clock), token)


def test_another_key_under_the_same_id_is_refused(clock: Clock) -> None:
    thief = OKPKey.generate_key("Ed25519", parameters={"kid": KEY.kid})
    assert "not a JWT signed by the issuer" in refused(verifier(clock), signed(claims(), thief))


def test_a_token_without_key_id_is_checked_with_the_only_key(clock: Clock) -> None:
    token = jwt.encode({"alg": "Ed25519"}, claims(), KEY, algorithms=["Ed25519"])
    assert asyncio.run(verifier(clock).verify(token)).subject == "officer-1"


def test_a_verified_token_is_remembered_until_it_expires(clock: Clock) -> None:
    check = verifier(clock)
    token = signed(claims())
    assert check.remembered(token) is None
    actor = asyncio.run(check.verify(token))
    assert check.remembered(token) is actor
    assert asyncio.run(check.verify(token)) is actor
    clock.now = NOW + 60 + auth.LEEWAY_S
    assert check.remembered(token) is None
    assert "expired" in refused(check, token)


def test_rotated_keys_are_fetched_but_at_most_once_a_minute(clock: Clock) -> None:
    async def scenario() -> None:
        source = FixedKeys(KEY)
        check = TokenVerifier(source, issuer=ISSUER, audience=AUDIENCE, now=clock)
        await check.verify(signed(claims()))
        new = OKPKey.generate_key("Ed25519", auto_kid=True)
        source.keys.append(new)
        for _ in range(5):
            with pytest.raises(TokenRefused, match="does not publish"):
                await check.verify(signed(claims(), new))
        assert source.fetches == 1
        clock.now += auth.REFETCH_INTERVAL_S
        answers = await asyncio.gather(*(check.verify(signed(claims(exp=NOW + 90 + n), new)) for n in range(5)))
        assert {actor.subject for actor in answers} == {"officer-1"}
        assert source.fetches == 2

    asyncio.run(scenario())


def test_two_requests_that_miss_the_same_key_fetch_it_once(clock: Clock) -> None:
    class SlowKeys(FixedKeys):
        async def fetch(self) -> KeySet:
            found = await super().fetch()
            await asyncio.sleep(0)
            return found

    async def scenario() -> None:
        source = SlowKeys(KEY)
        check = TokenVerifier(source, issuer=ISSUER, audience=AUDIENCE, now=clock)
        await asyncio.gather(*(check.verify(signed(claims(exp=NOW + n))) for n in range(1, 4)))
        assert source.fetches == 1

    asyncio.run(scenario())


def test_the_memory_of_tokens_is_bounded(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "CACHED_TOKENS_MAX", 3)
    check = verifier(clock)
    tokens = [signed(claims(exp=NOW + 60 + n)) for n in range(5)]
    for token in tokens:
        asyncio.run(check.verify(token))
    assert [check.remembered(token) is not None for token in tokens] == [False, False, True, True, True]
    clock.now += 60 + 2 + auth.LEEWAY_S
    asyncio.run(check.verify(signed(claims(exp=int(clock.now) + 60))))
    assert [check.remembered(token) is not None for token in tokens] == [False, False, False, True, True]


def test_keycloak_puts_roles_into_the_realm() -> None:
    assert actor_of({"sub": "s", "realm_access": {"roles": ["auditor", "offline_access"]}}).roles == {"auditor"}
    assert actor_of({"sub": "s", "realm_access": None}).roles == frozenset()


def test_an_actor_acts_in_a_role_that_is_admitted() -> None:
    actor = Actor("s", frozenset({"collector", "auditor"}))
    assert actor.has("auditor", "operator")
    assert not actor.has("operator")
    assert actor.acting_as(frozenset({"collector", "operator"})) == "collector"
    assert actor.acting_as(frozenset({"operator"})) is None


def test_a_role_that_does_not_exist_cannot_be_required() -> None:
    with pytest.raises(ValueError, match="no such role: boss"):
        require("boss")


def test_a_request_without_a_token_is_told_how_to_authenticate(call: Caller) -> None:
    answer = call("GET", "/ledger/loans")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="puhui"'


@pytest.mark.parametrize(
    "value", ["Basic eDp5", "Bearer", "Bearer ", "Bearer x", "bearer \xff\xfe", "Bearer " + "y" * 9000]
)
def test_a_request_with_a_bad_token_is_told_so(call: Caller, value: str) -> None:
    answer = call("GET", "/ledger/loans", headers={"authorization": value.encode("latin-1")})  # type: ignore[dict-item]
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('Bearer realm="puhui"')


def test_a_request_in_the_wrong_role_is_told_which_it_needs(officer: Caller) -> None:
    answer = officer("GET", "/ledger/loans")
    assert answer.status_code == 403
    problem = answer.json()
    assert problem["roles_needed"] == ["auditor", "loan_officer"]
    assert "finance_officer" in problem["detail"]


def test_the_role_is_checked_before_the_body(identity: Identity, call: Caller) -> None:
    answer = call("POST", "/ledger/loans/L/repayments", headers=identity.bearer("auditor"), json={})
    assert answer.status_code == 403


USERS = (
    User("shop", ("customer", "loan_officer"), "Shop"),
    User("kiosk", ("customer", "loan_officer"), "Kiosk", on_behalf_of="P-7"),
    User("clerk", ("loan_officer",), "Clerk"),
)


@pytest.mark.parametrize(
    ("user", "party", "status"),
    [("shop", "P-1", 200), ("shop", "a b", 400), ("kiosk", "P-7", 200), ("kiosk", "P-8", 403), ("clerk", "P-1", 403)],
)
def test_only_front_ends_act_on_behalf_of_others(user: str, party: str, status: int) -> None:
    identity = Identity(USERS)
    call = Caller(make_app(identity), identity.bearer(user))
    assert call("GET", "/ledger/loans", headers={"on-behalf-of": party}).status_code == status


def test_a_token_of_another_issuer_is_refused(identity: Identity) -> None:
    assert Caller(make_app(Identity()), identity.bearer("auditor"))("GET", "/ledger/loans").status_code == 401


def test_an_actor_can_be_had_outside_of_a_request_context(identity: Identity) -> None:
    app = make_app(identity)
    authorization = identity.bearer("auditor")["authorization"].encode()
    scope = {"type": "http", "app": app, "headers": [(b"authorization", authorization)]}
    assert asyncio.run(authenticate(Request(scope))).roles == {"auditor"}


def test_an_issuer_out_of_reach_is_not_the_clients_fault(identity: Identity, tmp_path: Path) -> None:
    check = TokenVerifier(JwksFile(tmp_path / "none.json"), issuer=ISSUER, audience=AUDIENCE)
    app = make_app(identity)
    app.state.verifier = check
    assert Caller(app, identity.bearer("auditor"))("GET", "/ledger/loans").status_code == 503


def jwks_url(handler: Callable[[httpx.Request], httpx.Response]) -> JwksUrl:
    return JwksUrl("http://issuer.test/jwks.json", transport=httpx.MockTransport(handler))


def test_keys_come_from_the_issuers_address() -> None:
    document = KeySet([KEY]).as_dict(private=False)
    source = jwks_url(lambda request: httpx.Response(200, json=document))
    assert [key.kid for key in asyncio.run(source.fetch())] == [KEY.kid]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"keys": []}),
        httpx.Response(200, json={"keys": [{"kty": "OKP"}]}),
        httpx.Response(200, json={"keys": [5]}),
        httpx.Response(200, content=b" " * 300_000),
    ],
)
def test_what_is_not_a_key_set_is_not_taken_for_one(answer: httpx.Response) -> None:
    with pytest.raises(KeysUnavailable):
        asyncio.run(jwks_url(lambda request: answer).fetch())


def test_keys_come_from_a_file(tmp_path: Path) -> None:
    issuer = Issuer.open(tmp_path, issuer=ISSUER, audience=AUDIENCE)
    check = TokenVerifier(JwksFile(tmp_path / "jwks.json"), issuer=ISSUER, audience=AUDIENCE)
    assert asyncio.run(check.verify(issuer.token("auditor"))).roles == {"auditor"}


def test_the_issuer_keeps_its_key_and_secrets_private_and_the_same(tmp_path: Path) -> None:
    home = tmp_path / "identity"
    first = Issuer.open(home, issuer=ISSUER, audience=AUDIENCE)
    assert stat.S_IMODE(os.stat(home / "signing-key.json").st_mode) == 0o600
    assert stat.S_IMODE(os.stat(home / "users.json").st_mode) == 0o600
    assert '"d"' not in (home / "jwks.json").read_text()
    written = os.stat(home / "users.json").st_ino
    again = Issuer.open(home, issuer=ISSUER, audience=AUDIENCE)
    assert again.secret("auditor") == first.secret("auditor")
    assert again.jwks() == first.jwks()
    assert os.stat(home / "users.json").st_ino == written
    more = Issuer.open(home, issuer=ISSUER, audience=AUDIENCE, users=[User("auditor", ("auditor",), "A"), USERS[0]])
    assert more.secret("auditor") == first.secret("auditor")
    assert more.secret("shop") != more.secret("auditor")
    assert len({more.secret("shop"), more.secret("auditor")}) == 2
