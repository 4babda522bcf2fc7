"""A real schema registry, Apicurio, run from its Maven archive; Confluent's serializers, in their own environment."""

import json
import os
import shutil
import signal
import subprocess
import time
import venv
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

from aiokafka.structs import ConsumerRecord

from tests.kafka.broker import HERE, LOGGING, UnavailableError, free_ports
from tests.kafka.harness import Record

FOLDER = HERE / ".registry"
VERSION = "3.0.9"
"""The last one that runs on Java 17."""

ARCHIVE = f"io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"
JVM = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *LOGGING)
START_S = 180.0
SERIALIZERS = "confluent-kafka[avro,json,protobuf]==2.16.1"
PYTHON = FOLDER / "serializers" / "bin" / "python"


class ReadEvent(NamedTuple):
    """An event as Confluent's deserializer read it.

    Attributes:
        topic: of its record.
        event: its fields; times as text.
        same: whether Confluent's serializer writes it as the record was: all bytes of Avro, the frame of JSON.
    """

    topic: str
    event: dict[str, Any]
    same: bool


def install() -> None:
    """Fetch the registry and Confluent's serializers, unless both are there.

    Raises:
        UnavailableError: Java or Maven is missing, or something cannot be fetched.
    """
    for program in ("java", "mvn", "tar"):
        if shutil.which(program) is None:
            raise UnavailableError(f"{program} is not installed")
    FOLDER.mkdir(exist_ok=True)
    if not any(FOLDER.glob("app/*-runner.jar")):
        copy = ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={ARCHIVE}", f"-DoutputDirectory={FOLDER}"]
        _run(copy)
        (archive,) = FOLDER.glob("*.tar.gz")
        (FOLDER / "app").mkdir(exist_ok=True)
        _run(["tar", "xzf", str(archive), "-C", str(FOLDER / "app")])
        archive.unlink()
    if not PYTHON.exists():
        venv.create(PYTHON.parents[1], with_pip=True, clear=True)
        try:
            _run([str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check", SERIALIZERS])
        except UnavailableError:
            shutil.rmtree(PYTHON.parents[1])
            raise


@dataclass
class SchemaRegistry:
    """One node.

    Attributes:
        log: where it writes.
        database: the file that keeps its schemas; None: in memory, so it has none after a restart.
        port: its port.
        process: the running registry; None before the first start.
    """

    log: Path
    database: Path | None = None
    port: int = field(default_factory=lambda: free_ports(1)[0])
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def root(self) -> str:
        """The address without the path of an API."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def confluent(self) -> str:
        """The address of the API that is like Confluent's."""
        return f"{self.root}/apis/ccompat/v7"

    @property
    def apicurio(self) -> str:
        """The address of Apicurio's own API."""
        return f"{self.root}/apis/registry/v3"

    def start(self) -> None:
        """Start it and wait until it answers."""
        app = FOLDER / "app"
        (jar,) = app.glob("*-runner.jar")
        properties = ["-Dquarkus.http.host=127.0.0.1", f"-Dquarkus.http.port={self.port}"]
        if self.database is not None:
            properties.append(f"-Dapicurio.datasource.url=jdbc:h2:file:{self.database}")
        path = f"{jar}:{app / 'lib' / '*'}"
        command = ["java", *JVM, *properties, "-cp", path, "io.quarkus.runner.GeneratedMain"]
        with self.log.open("ab") as stream:
            self.process = subprocess.Popen(command, stdout=stream, stderr=stream, start_new_session=True)
        deadline = time.monotonic() + START_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the registry did not start: {self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)

    def signal(self, number: int) -> None:
        """Send a signal, such as SIGSTOP and SIGCONT."""
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self, number: int | None = None) -> None:
        """End it by a signal, by default SIGKILL."""
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGKILL if number is None else number)
            self.process.wait(timeout=30)

    def serialized(self, script: str, *arguments: str) -> list[Record]:
        """Run a script with Confluent's serializers; it prints a JSON line for each record, see `record_of`."""
        command = [str(PYTHON), str(HERE / script), self.confluent, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        return [record_of(json.loads(line)) for line in done.stdout.splitlines()]

    def events(self, output_format: str, records: Sequence[ConsumerRecord]) -> list[ReadEvent]:
        """Read records with Confluent's deserializers."""
        lines = [{"topic": one.topic, "value": b64encode(one.value or b"").decode()} for one in records]
        command = [str(PYTHON), str(HERE / "confluent_events.py"), self.confluent, output_format]
        given = "".join(f"{json.dumps(line)}\n" for line in lines)
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        found = map(json.loads, done.stdout.splitlines())
        return [ReadEvent(one.topic, read["event"], read["same"]) for one, read in zip(records, found, strict=True)]

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.apicurio}/system/info", timeout=2) as response:
                return bool(response.status == 200)
        except (URLError, OSError):
            return False


@contextmanager
def running(folder: Path, *, keeps: bool = False) -> Iterator[SchemaRegistry]:
    """Run a registry.

    Args:
        folder: for its files.
        keeps: whether it still has its schemas after a restart.
    """
    registry = SchemaRegistry(folder / "registry.log", folder / "schemas" if keeps else None)
    try:
        registry.start()
        yield registry
    finally:
        registry.stop()


def record_of(line: dict[str, str]) -> Record:
    """Make a record of what a script with serializers prints: key, value in base64, and perhaps headers."""
    headers = [(name, b64decode(value)) for name, value in json.loads(line.get("headers", "{}")).items()]
    return line["key"].encode(), b64decode(line["value"]), headers


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    if done.returncode != 0:
        raise UnavailableError(f"{command[0]} fails: {(done.stdout + done.stderr).strip()[-500:]}")
