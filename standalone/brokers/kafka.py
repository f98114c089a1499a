"""The official Apache Kafka broker from its published jars, where Java 17 and Maven are: no Docker needed."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from standalone.brokers.broker import BrokerUnavailable
from standalone.processes import LOOPBACK, ServerProcess, free_port

JAVA_MAJOR_MIN: Final = 17
DOWNLOAD_TIMEOUT_S: Final = 600
_POM: Final = Path(__file__).with_name("kafka-pom.xml")
_PROPERTIES: Final = Path(__file__).with_name("kafka.properties")
_LOGGING: Final = Path(__file__).with_name("kafka-log4j2.xml")
# A broker for one machine: little heap, and a quick start matters more than the last tenth of throughput.
_JVM_OPTIONS: Final = ("-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")


class KafkaBroker:
    """Keeps its topics under `directory`, so that they outlive a restart; jars are kept beside and downloaded once."""

    name = "kafka"
    idempotent_producer = True
    fetch_max_wait_ms = 500

    def __init__(self, directory: Path, *, jars: Path | None = None) -> None:
        self._directory = directory.absolute()
        self._jars = jars or _cached_jars()
        self._server = ServerProcess("kafka", self._directory)
        self._port: int | None = None

    @property
    def bootstrap_servers(self) -> str:
        assert self._port is not None, "the broker has not been started"
        return f"{LOOPBACK}:{self._port}"

    def unavailable(self) -> str | None:
        advice = "install it, or use the default broker (BROKER=tansu)."
        if shutil.which("java") is None or _java_major() < JAVA_MAJOR_MIN:
            return f"Apache Kafka needs Java {JAVA_MAJOR_MIN} or later: {advice}"
        if not self._jars.exists() and shutil.which("mvn") is None:
            return f"Apache Kafka's jars are fetched by Maven (mvn), which is missing: {advice}"
        return None

    def start(self) -> None:
        reason = self.unavailable()
        if reason:
            raise BrokerUnavailable(reason)
        self._directory.mkdir(parents=True, exist_ok=True)
        self._server.end_orphan()
        self._download()
        self._port = self._port or free_port()
        configuration = self._configure(self._port, free_port())
        if not (self._data / "meta.properties").exists():
            self._format(configuration)
        logging = f"-Dlog4j2.configurationFile={_LOGGING.as_uri()}"
        self._server.start(self._java(logging, "kafka.Kafka", str(configuration)), port=self._port)

    def stop(self) -> None:
        self._server.stop()

    def kill(self) -> None:
        self._server.stop(grace_s=0)

    def wipe(self) -> None:
        self.kill()
        shutil.rmtree(self._data)

    def send(self, signal_number: int) -> None:
        self._server.send(signal_number)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def _data(self) -> Path:
        return self._directory / "data"

    def _java(self, *arguments: str) -> list[str]:
        return ["java", *_JVM_OPTIONS, "-cp", f"{self._jars}/*", *arguments]

    def _download(self) -> None:
        if self._jars.exists():
            return
        # Into a folder of its own and then renamed: an interrupted download is never taken for a whole one.
        unfinished = self._jars.with_name(f"{self._jars.name}.{os.getpid()}")
        command = ["mvn", "-q", "-B", "-f", str(_POM), "dependency:copy-dependencies"]
        options = ["-DincludeScope=runtime", f"-DoutputDirectory={unfinished}"]
        try:
            subprocess.run([*command, *options], check=True, capture_output=True, timeout=DOWNLOAD_TIMEOUT_S)
        except subprocess.CalledProcessError as error:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise BrokerUnavailable(f"Maven could not fetch Apache Kafka: {error.stdout.decode()[-2000:]}") from error
        if not self._jars.exists():
            unfinished.rename(self._jars)

    def _configure(self, port: int, controller_port: int) -> Path:
        client, controller = f"PLAINTEXT://{LOOPBACK}:{port}", f"CONTROLLER://{LOOPBACK}:{controller_port}"
        addresses = (
            f"listeners={client},{controller}",
            f"advertised.listeners={client}",
            f"controller.quorum.voters=1@{LOOPBACK}:{controller_port}",
            f"log.dirs={self._data}",
        )
        configuration = self._directory / "server.properties"
        configuration.write_text(_PROPERTIES.read_text() + "\n".join(addresses) + "\n")
        return configuration

    def _format(self, configuration: Path) -> None:
        tool = self._java("kafka.tools.StorageTool", "format", "--ignore-formatted")
        subprocess.run([*tool, "-t", _cluster_id(), "-c", str(configuration)], check=True, capture_output=True)


def _cluster_id() -> str:
    """As Kafka makes them: never with a dash in front, which its tool would take for an option."""
    while True:
        made = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not made.startswith("-"):
            return made


def _cached_jars() -> Path:
    """One folder of jars per machine and per content of the POM."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "puhui" / f"kafka-{hashlib.sha256(_POM.read_bytes()).hexdigest()[:12]}"


def _java_major() -> int:
    version = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', version)
    return int(found.group(1)) if found else 0
