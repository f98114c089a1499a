"""One attempt, against receivers that behave badly: real servers on loopback, which is allowed here by name."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from libs.webhooks import Post, Reach, Sender, Verdict
from libs.webhooks.sender import ANSWER_BYTES_MAX

LOOPBACK = Reach.of(["127.0.0.1/32"])
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Receiver:
    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def receiving(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    receiver = Receiver()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        receiver.connections += 1
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            receiver.requests.append(head)
            await answer(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()


def says(text: str) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(text.replace("\n", "\r\n").encode())
        await writer.drain()

    return answer


async def send(reach: Reach, url: str, *, total_s: float = 5.0, trust: ssl.SSLContext | None = None) -> tuple[str, str]:
    async with Sender(reach, total_s=total_s, trust=trust) as sender:
        outcome = await sender.send(Post(url, b"{}", {"webhook-id": "msg_1"}))
    return outcome.verdict, outcome.error


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(200, "DELIVERED"), (204, "DELIVERED"), (400, "FAILED"), (410, "GONE"), (429, "SLOW_DOWN"), (503, "FAILED")],
)
async def test_what_an_answer_means(status: int, verdict: str) -> None:
    async with receiving(says(f"HTTP/1.1 {status} X\ncontent-length: 0\n\n")) as receiver:
        assert (await send(LOOPBACK, f"http://127.0.0.1:{receiver.port}/"))[0] == verdict
        assert b"webhook-id: msg_1" in receiver.requests[0]


async def test_retry_after_is_read_as_seconds_and_as_a_date() -> None:
    for text, low, high in (("120", 120, 120), ("Wed, 21 Oct 2099 07:28:00 GMT", 10**9, 10**10), ("soon", None, None)):
        async with (
            receiving(says(f"HTTP/1.1 503 X\nretry-after: {text}\ncontent-length: 0\n\n")) as receiver,
            Sender(LOOPBACK) as sender,
        ):
            asked = (await sender.send(Post(f"http://127.0.0.1:{receiver.port}/", b"{}", {}))).retry_after_s
            assert asked == low if low is None or low == high else low <= (asked or 0) <= (high or 0)


async def test_a_redirect_is_not_followed() -> None:
    async with receiving(says("HTTP/1.1 200 OK\ncontent-length: 0\n\n")) as inner:
        redirect = says(f"HTTP/1.1 307 X\nlocation: http://127.0.0.1:{inner.port}/\ncontent-length: 0\n\n")
        async with receiving(redirect) as receiver:
            verdict, error = await send(LOOPBACK, f"http://127.0.0.1:{receiver.port}/")
        assert (verdict, inner.connections) == (Verdict.FAILED, 0)
        assert "redirect" in error


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_name_that_leads_inside_by_now_gets_no_connection(host: str) -> None:
    """As after DNS rebinding: registered when it was public, resolved to loopback when the socket is made."""
    async with receiving(says("HTTP/1.1 200 OK\ncontent-length: 0\n\n")) as receiver:
        verdict, error = await send(Reach(), f"https://{host}:{receiver.port}/")
        assert (verdict, receiver.connections) == (Verdict.FAILED, 0)
        assert "address refused" in error


async def test_an_answer_without_end_is_cut_off() -> None:
    async def pour(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(100 * ANSWER_BYTES_MAX // 4096):
            writer.write(b"x" * 4096)
            await writer.drain()

    async with receiving(pour) as receiver:
        verdict, error = await send(LOOPBACK, f"http://127.0.0.1:{receiver.port}/")
    assert verdict == Verdict.FAILED
    assert "longer than" in error


@pytest.mark.parametrize("head", ["", "HTTP/1.1 200 OK\ncontent-length: 9\n\nx"])
async def test_who_does_not_finish_is_left(head: str) -> None:
    never = asyncio.Event()

    async def stall(writer: asyncio.StreamWriter) -> None:
        await says(head)(writer)
        await never.wait()

    async with receiving(stall) as receiver:
        verdict, error = await send(LOOPBACK, f"http://127.0.0.1:{receiver.port}/", total_s=0.2)
        never.set()
    assert verdict == Verdict.FAILED
    assert "within 0.2 s" in error


@pytest.mark.parametrize("text", ["nonsense\n\n", "HTTP/1.1 200 OK\nx: " + "a" * 20000 + "\n\n", ""])
async def test_what_is_no_answer_is_a_failure(text: str) -> None:
    async with receiving(says(text)) as receiver:
        verdict, error = await send(LOOPBACK, f"http://127.0.0.1:{receiver.port}/")
    assert verdict == Verdict.FAILED
    assert error


async def test_nobody_there_is_a_failure() -> None:
    async with receiving(says("")) as receiver:
        port = receiver.port
    verdict, error = await send(LOOPBACK, f"http://127.0.0.1:{port}/")
    assert (verdict, error) == (Verdict.FAILED, "no connection: ClientConnectorError")


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    tls, trusted = _tls(tmp_path)
    async with receiving(says("HTTP/1.1 200 OK\ncontent-length: 0\n\n"), tls) as receiver:
        verdict, error = await send(LOOPBACK, f"https://127.0.0.1:{receiver.port}/")
        assert (verdict, receiver.requests) == (Verdict.FAILED, [])
        assert "Certificate" in error
        assert await send(LOOPBACK, f"https://127.0.0.1:{receiver.port}/", trust=trusted) == (Verdict.DELIVERED, "")


def _tls(directory: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate of its own making, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .sign(key, hashes.SHA256())
    )
    pem = directory / "server.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=pem)
