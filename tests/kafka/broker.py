"""A real Apache Kafka 4.3.1 in KRaft mode, run from its Maven jars."""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
JARS = HERE / ".jars"
ARCHIVE = JARS / "kafka.jsa"
"""Kafka's classes as the JVM has them in memory, which halves the time that a broker takes to start."""

LOGGING = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true")
JVM = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", *LOGGING)
START_S = 180.0


class Unavailable(Exception):  # noqa: N818 (a reason to skip)
    """This machine cannot run Kafka."""


def install() -> None:
    """Fetch the jars, and archive their classes, once.

    Raises:
        Unavailable: Java or Maven is missing, or Maven cannot fetch them.
    """
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise Unavailable(f"{program} is not installed")
    if not all(any(JARS.glob(jar)) for jar in ("kafka_2.13-4.3.1.jar", "slf4j-simple-*.jar")):
        command = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies"]
        done = subprocess.run([*command, f"-DoutputDirectory={JARS}"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Unavailable(f"Maven cannot fetch Kafka: {(done.stdout + done.stderr).strip()[-500:]}")
    if not ARCHIVE.is_file():
        _archive()


def _archive() -> None:
    """Start a broker and have its JVM write down the classes that it loaded."""
    with TemporaryDirectory(dir=JARS) as folder:
        (node,) = cluster(Path(folder))
        made = Path(folder) / ARCHIVE.name
        node.start(f"-XX:ArchiveClassesAtExit={made}")
        try:
            node.wait()
        finally:
            node.stop(signal.SIGTERM)
        if made.is_file():  # not every JVM can
            made.replace(ARCHIVE)


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different.

    They lie below those that systems give to outgoing connections: a client that retries while its broker is down
    would sooner or later be given the broker's own port, and the broker could not come back.
    """
    ports: list[int] = []
    with ExitStack() as stack:
        while len(ports) < count:
            probe = stack.enter_context(socket.socket())
            port = random.randrange(15_000, 32_000)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                ports.append(port)
    return ports


@dataclass
class Broker:
    """One node, which is broker and controller.

    Attributes:
        ways_in: further listeners, each with its port and its protocol.
        scram: users who may log in by SCRAM, each with the password.
    """

    folder: Path
    node: int
    port: int
    voters: str
    controller_port: int
    cluster_id: str
    settings: Mapping[str, str] = field(default_factory=dict)
    ways_in: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    scram: Mapping[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def format(self) -> None:
        """Write the properties and make the log folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        listeners = {"PLAINTEXT": (self.port, "PLAINTEXT"), **self.ways_in}
        listeners["CONTROLLER"] = (self.controller_port, "PLAINTEXT")
        properties = {
            "process.roles": "broker,controller",
            "node.id": str(self.node),
            "controller.quorum.voters": self.voters,
            "controller.listener.names": "CONTROLLER",
            "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, (port, _) in listeners.items()),
            "listener.security.protocol.map": ",".join(f"{name}:{way}" for name, (_, way) in listeners.items()),
            "log.dirs": str(self.folder / "data"),
            "auto.create.topics.enable": "false",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "4",
            **self.settings,
        }
        lines = "".join(f"{name}={value}\n" for name, value in properties.items())
        self._properties.write_text(lines)
        command = [
            *self._java,
            "kafka.tools.StorageTool",
            "format",
            f"--cluster-id={self.cluster_id}",
            "-c",
            str(self._properties),
            *(
                f"--add-scram={mechanism}=[name={user},password={password}]"
                for user, password in self.scram.items()
                for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
            ),
        ]
        subprocess.run(command, check=True, capture_output=True)

    def start(self, *options: str) -> None:
        """Start; ``options`` are the JVM's."""
        command = [*self._java[:1], *options, *self._java[1:], "kafka.Kafka", str(self._properties)]
        with (self.folder / "broker.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def wait(self) -> None:
        """Wait until it takes requests."""
        deadline = time.monotonic() + START_S
        while not self._listens():
            if not self.running or time.monotonic() > deadline:
                said = (self.folder / "broker.log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"Kafka did not start: {said}")
            time.sleep(0.05)

    @property
    def running(self) -> bool:
        """Whether its process is there, frozen or not."""
        return self.process is not None and self.process.poll() is None

    def stop(self, number: int = signal.SIGKILL) -> None:
        """End it by a signal and wait; SIGTERM shuts it down in order."""
        if self.running:
            self.signal(number)
            assert self.process is not None
            self.process.wait(timeout=60)

    def signal(self, number: int) -> None:
        """Send a signal, such as SIGSTOP and SIGCONT."""
        assert self.process is not None
        self.process.send_signal(number)

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    @property
    def _java(self) -> list[str]:
        archived = [f"-XX:SharedArchiveFile={ARCHIVE}"] if ARCHIVE.is_file() else []
        return ["java", *JVM, *archived, "-cp", os.fspath(JARS / "*")]

    def _listens(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def cluster(
    folder: Path,
    nodes: int = 1,
    settings: Mapping[str, str] | None = None,
    *,
    ways_in: Mapping[str, str] | None = None,
    scram: Mapping[str, str] | None = None,
) -> list[Broker]:
    """Formatted nodes of one cluster, not started.

    Args:
        folder: of all nodes.
        nodes: how many.
        settings: beyond, or in place of, those of `Broker.format`.
        ways_in: further listeners, each with its protocol.
        scram: users who may log in by SCRAM, each with the password.
    """
    further = ways_in or {}
    ports = iter(free_ports((2 + len(further)) * nodes))
    controllers = [next(ports) for _ in range(nodes)]
    voters = ",".join(f"{node}@127.0.0.1:{port}" for node, port in enumerate(controllers, 1))
    cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    brokers = [
        Broker(
            folder=folder / f"node-{node}",
            node=node,
            port=next(ports),
            voters=voters,
            controller_port=controller,
            cluster_id=cluster_id,
            settings=settings or {},
            ways_in={name: (next(ports), protocol) for name, protocol in further.items()},
            scram=scram or {},
        )
        for node, controller in enumerate(controllers, 1)
    ]
    for broker in brokers:
        broker.format()
    return brokers
