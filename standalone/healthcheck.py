"""Asks the service of this container whether it is ready: exit 0 or 1. Imports little, since it runs every few seconds."""

from __future__ import annotations

import http.client
import os
import sys

TIMEOUT_S = 4.0


def main() -> int:
    """The exit code: 0 when `/SERVICE/health/ready`, or what `PUHUI_HEALTH_PATH` says, answers 200."""
    path = os.environ.get("PUHUI_HEALTH_PATH") or f"/{os.environ['PUHUI_SERVICE']}/health/ready"
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PUHUI_PORT", "8000")), timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        return 0 if connection.getresponse().status == http.client.OK else 1
    except OSError:
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
