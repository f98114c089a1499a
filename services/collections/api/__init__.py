"""Collection over HTTP."""

from __future__ import annotations

from services.collections.api import cases, contacts, promises, reference

routers = [cases.router, contacts.router, promises.router, reference.router]
