"""Asks the service of this container whether it is ready: exit 0 or 1. Imports little, since it runs every few seconds."""

from __future__ import annotations

import http.client
import os
import sys

TIMEOUT_S = 4.0


def main() -> int:
    """The exit code: 0 when `/SERVICE/health/ready` answers 200."""
    service, port = os.environ["PUHUI_SERVICE"], int(os.environ.get("PUHUI_PORT", "8000"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", f"/{service}/health/ready")
        return 0 if connection.getresponse().status == http.client.OK else 1
    except OSError:
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
