"""The local issuer's HTTP side: discovery, keys, and OAuth 2.0 client credentials, on loopback addresses alone."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from typing import Final
from urllib.parse import parse_qs, unquote_plus

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from libs.service.issuer import ALGORITHM, TOKEN_LIFETIME_S, Issuer

_FORM_BYTES_MAX: Final = 4096


def create_identity_app(issuer: Issuer, *, host: str, path: str = "", allow_remote: bool = False) -> Starlette:
    """The issuer's HTTP side under `path`; raises `ValueError` when `host` is not loopback, unless told otherwise."""
    if not allow_remote and not _is_loopback(host):
        raise ValueError(f"the development issuer does not serve {host}: use a real OpenID provider there")

    async def configuration(_request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": issuer.issuer,
                "jwks_uri": f"{issuer.issuer}/jwks.json",
                "token_endpoint": f"{issuer.issuer}/token",
                "grant_types_supported": ["client_credentials"],
                "response_types_supported": ["token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            }
        )

    async def jwks(_request: Request) -> Response:
        return JSONResponse(issuer.jwks())

    async def token(request: Request) -> Response:
        return await _token(issuer, request)

    return Starlette(
        routes=[
            Route(f"{path}/.well-known/openid-configuration", configuration),
            Route(f"{path}/jwks.json", jwks),
            Route(f"{path}/token", token, methods=["POST"]),
        ]
    )


async def _token(issuer: Issuer, request: Request) -> Response:
    """RFC 6749 4.4: client id and secret in, access token out."""
    form = await _form(request)
    if form is None:
        return _oauth_error(400, "invalid_request", "Send a form of client_id, client_secret and grant_type.")
    if form.get("grant_type") != "client_credentials":
        return _oauth_error(400, "unsupported_grant_type", "Send grant_type=client_credentials.")
    client_id, client_secret = _basic(request) or (form.get("client_id", ""), form.get("client_secret", ""))
    user = issuer.authenticated(client_id, client_secret)
    if user is None:
        return _oauth_error(401, "invalid_client", "The client id or the secret is wrong; see users.json.")
    answer = {
        "access_token": issuer.token(user.client_id),
        "token_type": "Bearer",
        "expires_in": TOKEN_LIFETIME_S,
        "scope": " ".join(user.roles),
    }
    return JSONResponse(answer, headers={"cache-control": "no-store"})


async def _form(request: Request) -> dict[str, str] | None:
    if not request.headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        return None
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > _FORM_BYTES_MAX:
            return None
    try:
        fields = parse_qs(raw.decode("ascii"), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return None
    if any(len(values) > 1 for values in fields.values()):  # RFC 6749 3.2: parameters must not repeat
        return None
    return {name: values[0] for name, values in fields.items()}


def _basic(request: Request) -> tuple[str, str] | None:
    """RFC 6749 2.3.1: client id and secret, form-encoded, in HTTP Basic."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return unquote_plus(client_id), unquote_plus(secret)


def _oauth_error(status: int, error: str, description: str) -> Response:
    headers = {"cache-control": "no-store"} | ({"www-authenticate": 'Basic realm="puhui"'} if status == 401 else {})
    return JSONResponse({"error": error, "error_description": description}, status_code=status, headers=headers)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
