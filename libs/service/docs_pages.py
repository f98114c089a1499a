"""Pages for people: the API description in Swagger UI, from local files, under a strict content security policy."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Match, Route
from starlette.types import Scope

from libs.service.problems import catalogue_document

_ASSETS: Final = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "favicon.png": "image/png"}
_ASSET_DIRECTORY: Final = Path(str(files("fastapi_offline") / "static"))
_CACHED_S: Final = 86_400

# Swagger UI writes style attributes, hence 'unsafe-inline' for styles; scripts come from our files alone.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="{path}/favicon.png">
<link rel="stylesheet" href="{path}/swagger-ui.css">
</head>
<body>
<nav{hidden}><label>Service <select id="services"></select></label></nav>
<div id="swagger-ui" data-specs="{specs}"></div>
<script src="{path}/swagger-ui-bundle.js"></script>
<script src="{path}/start.js"></script>
</body>
</html>
"""

_START: Final = """"use strict";
const holder = document.getElementById("swagger-ui");
const specs = JSON.parse(holder.dataset.specs);
const select = document.getElementById("services");
const wanted = new URLSearchParams(location.search).get("service");
for (const name of Object.keys(specs)) {
  select.add(new Option(name, name, false, name === wanted));
}
select.addEventListener("change", () => { location.search = new URLSearchParams({ service: select.value }); });
SwaggerUIBundle({
  url: specs[select.value],
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "list",
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null,
});
"""


class PageRoute(Route):
    """A route that tells the request log and the metrics its path, as FastAPI's own do."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        if match is Match.FULL:
            found["route"] = self
        return match, found


def docs_routes(path: str, *, title: str, specs: Mapping[str, str]) -> list[Route]:
    """The page at `path` and its files. `specs`: OpenAPI addresses by service; with several, a list to choose from."""
    page = _PAGE.format(
        title=html.escape(title),
        path=html.escape(path),
        hidden="" if len(specs) > 1 else " hidden",
        specs=html.escape(json.dumps(dict(specs))),
    )

    async def show(_request: Request) -> Response:
        return HTMLResponse(page, headers={"content-security-policy": CONTENT_SECURITY_POLICY})

    async def start(_request: Request) -> Response:
        return Response(_START, media_type="text/javascript", headers=_cached())

    async def asset(request: Request) -> Response:
        name = request.url.path.rpartition("/")[2]
        return FileResponse(_ASSET_DIRECTORY / name, media_type=_ASSETS[name], headers=_cached())

    assets = (PageRoute(f"{path}/{name}", asset) for name in _ASSETS)
    return [PageRoute(path, show), PageRoute(f"{path}/start.js", start), *assets]


async def problems_endpoint(_request: Request) -> Response:
    """`GET /problems`: every problem type, its status and what it means."""
    return JSONResponse(catalogue_document())


def _cached() -> dict[str, str]:
    return {"cache-control": f"public, max-age={_CACHED_S}"}
