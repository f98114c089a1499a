from __future__ import annotations

import pytest

from libs.service.app_factory import ServiceApp
from libs.service.tests.in_process import Caller, Identity
from libs.service.tests.toy import make_app


@pytest.fixture(scope="session")
def identity() -> Identity:
    return Identity()


@pytest.fixture(scope="session")
def app(identity: Identity) -> ServiceApp:
    return make_app(identity, body_bytes_max=4096, raw_media_types=frozenset({"application/pdf"}))


@pytest.fixture(scope="session")
def call(app: ServiceApp) -> Caller:
    return Caller(app)


@pytest.fixture(scope="session")
def officer(app: ServiceApp, identity: Identity) -> Caller:
    return Caller(app, identity.bearer("finance-officer"))
