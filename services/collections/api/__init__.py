"""Collection over HTTP."""

from __future__ import annotations

from services.collections.api import cases, contacts, plans, promises, reference, watch

routers = [cases.router, contacts.router, promises.router, plans.router, reference.router, watch.router]
