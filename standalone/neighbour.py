"""Some of the services in a process beside the one that has the port: what Python does on one core is done on two.

The process with the port starts it, keeps it running, passes requests on to it over loopback, and holds a socket to it
that nobody else has. Over that, each tells the other what it has published, so that nobody has to look for it, and the
first asks how far the other is. When the first is gone, that socket ends, and the second stops.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
import structlog
import uvicorn
from pydantic import SecretStr
from starlette.types import Receive, Scope, Send

from libs.contracts.catalogue import topic
from libs.events.hub import Hub
from libs.events.operations import Side
from libs.events.pace import pace
from libs.service.gateway import KEEP_ALIVE_S, Gateway
from libs.service.logging import configure_logging
from libs.service.settings import ServiceSettings
from standalone.forwarding import forward, forwarding_session
from standalone.link import Link
from standalone.processes import LOOPBACK, ServerNotStarted, ServerProcess, log_tail
from standalone.services import SERVICES, kafka_broker, service_app

log = structlog.get_logger(__name__)

NAME: Final = "neighbour"
AGAIN_S: Final = 1.0
"""Between the end of the process and its next start."""
GRACE_S: Final = 10


class NeighbourProcess:
    """`libs.service.gateway.Neighbour`: the process, seen from the one that started it."""

    def __init__(self, directory: Path, settings: Mapping[str, ServiceSettings], hub: Hub) -> None:
        """`settings` of each service that it serves; `hub` reads for those that are served here."""
        self._process = ServerProcess(NAME, directory)
        self._settings, self._hub = settings, hub
        self._numbers = count()
        self._link = Link({"published": partial(_published, hub)})
        self._session: aiohttp.ClientSession | None = None
        self._end: socket.socket | None = None
        self._url = ""

    @property
    def services(self) -> Collection[str]:
        return self._settings.keys()

    def __enter__(self) -> Self:
        """Begins to start it; `running` waits until it serves."""
        self._process.end_orphan()
        self._start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.stop()
        if self._end is not None:
            self._end.close()

    def kill(self) -> None:
        """End it at once, wherever it is; it is started again."""
        self._process.kill()

    def _start(self) -> None:
        """A new process, with one end of a new pair of sockets and one that listens."""
        self._end, other = socket.socketpair()
        listener = socket.create_server((LOOPBACK, 0))
        self._url = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        with other, listener:
            self._process.start_by(partial(self._spawn, other, listener), port=0, wait=False)

    def _spawn(self, other: socket.socket, listener: socket.socket) -> subprocess.Popen[bytes]:
        handles = (other.fileno(), listener.fileno())
        with self._process.log.open("ab") as output:
            child = subprocess.Popen(
                [sys.executable, "-m", "standalone.neighbour", *map(str, handles)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=handles,
                start_new_session=True,
            )
        assert child.stdin is not None, "opened as a pipe"
        with child.stdin, contextlib.suppress(BrokenPipeError):
            child.stdin.write(json.dumps({name: _told(one) for name, one in self._settings.items()}).encode())
        return child

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Raises `ServerNotStarted`."""
        tell = self._tell_published
        async with forwarding_session() as self._session:
            keeping = asyncio.create_task(self._keep(await self._linked()), name=NAME)
            self._hub.tell.append(tell)
            try:
                await self._started()
                yield
            finally:
                self._hub.tell.remove(tell)
                keeping.cancel()
                await asyncio.gather(keeping, return_exceptions=True)

    async def _started(self) -> None:
        try:
            await self._link.ask("started")
        except ConnectionError as error:
            raise ServerNotStarted(f"{NAME} ended: {log_tail(self._process.log)}") from error

    async def _linked(self) -> asyncio.StreamReader:
        assert self._end is not None, "started"
        end, self._end = self._end, None
        return await self._link.open(end)

    async def _keep(self, reader: asyncio.StreamReader) -> None:
        """Start it again whenever it ends."""
        while True:
            await self._link.run(reader)
            log.warning("a process ended and is started again", services=sorted(self.services))
            await asyncio.sleep(AGAIN_S)
            self._process.stop(grace_s=0)
            self._start()
            reader = await self._linked()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._session is not None, "running"
        await forward(self._session, self._url, scope, receive, send)

    async def health(self, kind: str) -> Mapping[str, bool]:
        try:
            passed: Mapping[str, bool] = await self._link.ask("health", kind)
        except ConnectionError:
            return dict.fromkeys(self.services, False)
        return passed

    async def side(self, service: str) -> Side:
        return Side.from_json(await self._link.ask("side", service))

    @contextmanager
    def hurried(self, but: Collection[str]) -> Iterator[None]:
        number = next(self._numbers)
        self._link.tell("hurry", number, sorted(but))
        try:
            yield
        finally:
            self._link.tell("calm", number)

    def _tell_published(self, to: str, ends: Mapping[int, int]) -> None:
        self._link.tell("published", to, list(ends.items()))


def _told(settings: ServiceSettings) -> dict[str, Any]:
    """Settings for the pipe to the process: with the secrets, which are on no command line and in no file."""
    values = settings.model_dump()
    secrets = {name: value.get_secret_value() for name, value in values.items() if isinstance(value, SecretStr)}
    rest = settings.model_dump(mode="json", exclude=set(secrets))
    return {**rest, **secrets}


def _published(hub: Hub, to: str, ends: list[tuple[int, int]]) -> None:
    hub.published(to, dict(ends))


class _Server(uvicorn.Server):
    """Knows when it serves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.serving = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.serving.set()


class _Waiting:
    """Those who wait in the other process until everything is handled (`libs.events.pace`)."""

    def __init__(self) -> None:
        self._by_number: dict[int, ExitStack] = {}

    def hurry(self, number: int, but: list[str]) -> None:
        self._by_number[number] = stack = ExitStack()
        stack.enter_context(pace.hurried(but))

    def calm(self, number: int) -> None:
        if (stack := self._by_number.pop(number, None)) is not None:
            stack.close()


async def _serve(settings: Mapping[str, ServiceSettings], end: socket.socket, listener: socket.socket) -> None:
    broker = kafka_broker(next(iter(settings.values())))
    hub = Hub(broker, [topic(name) for name in SERVICES])
    gateway = Gateway({name: service_app(name, one, hub) for name, one in settings.items()}, on_stop=[broker.close])
    server = _Server(
        uvicorn.Config(
            gateway,
            log_config=None,
            access_log=False,
            server_header=False,
            http="httptools",
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
        )
    )

    async def started() -> None:
        await server.serving.wait()

    async def side(service: str) -> dict[str, Any]:
        return (await gateway.side(service)).to_json()

    waiting = _Waiting()
    tells: dict[str, Callable[..., None]] = {
        "published": partial(_published, hub),
        "hurry": waiting.hurry,
        "calm": waiting.calm,
    }
    link = Link(tells, {"started": started, "side": side, "health": gateway.health})
    hub.tell.append(lambda to, ends: link.tell("published", to, list(ends.items())))
    linked = asyncio.create_task(link.run(await link.open(end)), name="link")
    linked.add_done_callback(lambda _: setattr(server, "should_exit", True))
    await server.serve(sockets=[listener])
    linked.cancel()
    await asyncio.gather(linked, return_exceptions=True)


def main() -> None:
    """The process itself: settings on standard input, the numbers of its two sockets as arguments."""
    import uvloop

    settings = {name: ServiceSettings.load(**one) for name, one in json.load(sys.stdin).items()}
    configure_logging(next(iter(settings.values())).log_level)
    end, listener = (socket.socket(fileno=int(number)) for number in sys.argv[1:])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, end, listener))


if __name__ == "__main__":
    main()
