"""The service behind a real HTTP server, with requests put on the wire byte by byte."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest
import uvicorn

from libs.service.tests.in_process import Identity
from libs.service.tests.toy import make_app


class Server(uvicorn.Server):
    """Tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


async def answer_to(identity: Identity, request: bytes) -> bytes:
    """The first line and body of the answer to a request."""
    config = uvicorn.Config(make_app(identity, body_bytes_max=64), log_config=None, lifespan="off")
    server = Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve([listener]))
        await server.listening.wait()
        found = await _ask(listener.getsockname()[1], request)
        server.should_exit = True
        await serving
    return found


async def _ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().splitlines() if line.startswith(b"content-length:"))
    body = await reader.readexactly(length)
    writer.close()
    await writer.wait_closed()
    return head.partition(b"\r\n")[0] + b"\n" + body


REPAY = b"POST /ledger/loans/L-1/repayments HTTP/1.1\r\nhost: x\r\nidempotency-key: k\r\n"
SHOW = b"GET /ledger/loans/%s HTTP/1.1\r\nhost: x\r\n"


@pytest.mark.parametrize(
    ("request_head", "rest", "status"),
    [
        (SHOW % b"L-1", b"\r\n", 200),
        (SHOW % b"%ff%fe", b"\r\n", 422),
        (SHOW % b"%ed%a0%80", b"\r\n", 422),
        (SHOW % b"a%00b", b"\r\n", 400),
        (SHOW % b"..%2f..%2fetc", b"\r\n", 404),
        (SHOW % b"L-1?%zz=%", b"\r\n", 422),
        (SHOW % b"L-1", b"if-none-match: \xff\xfe\r\n\r\n", 400),
        (SHOW % b"L-1", b"x-request-id: \xff\r\ntraceparent: \xff\r\n\r\n", 200),
        (REPAY, b"content-type: \xff\r\ncontent-length: 2\r\n\r\n{}", 415),
        (REPAY, b"content-type: application/json\r\ncontent-length: 1\r\n\r\n\xff", 400),
        (REPAY, b"content-type: application/json\r\ncontent-length: 99999999\r\n\r\n{", 413),
        (REPAY, b"content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n50\r\n" + b"1" * 80, 413),
        (REPAY, b"content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 422),
        (b"PURGE /ledger/loans HTTP/1.1\r\nhost: x\r\n", b"\r\n", 405),
        (b"GET * HTTP/1.1\r\nhost: x\r\n", b"\r\n", 404),
    ],
)
def test_bytes_on_the_wire_get_the_answer_they_deserve(
    identity: Identity, request_head: bytes, rest: bytes, status: int
) -> None:
    token = b"authorization: " + identity.bearer("finance-officer")["authorization"].encode() + b"\r\n"
    answer = asyncio.run(answer_to(identity, request_head + token + rest))
    line, _, body = answer.partition(b"\n")
    assert int(line.split()[1]) == status, answer
    if status >= 400 and body.startswith(b"{"):
        assert json.loads(body)["status"] == status
