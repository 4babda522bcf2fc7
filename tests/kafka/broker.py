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
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
JARS = HERE / ".jars"
ARCHIVE = JARS / "kafka.jsa"
"""An archive of Kafka's loaded classes, which halves the time that a broker takes to start."""

LOGGING = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true")
JVM = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", *LOGGING)
START_S = 180.0


class UnavailableError(Exception):
    """This machine cannot run Kafka."""


def install() -> None:
    """Fetch the jars and archive their classes, unless both are there.

    Raises:
        UnavailableError: Java or Maven is missing, or Maven cannot fetch them.
    """
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise UnavailableError(f"{program} is not installed")
    if not all(any(JARS.glob(jar)) for jar in ("kafka_2.13-4.3.1.jar", "slf4j-simple-*.jar")):
        command = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies"]
        done = subprocess.run([*command, f"-DoutputDirectory={JARS}"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise UnavailableError(f"Maven cannot fetch Kafka: {(done.stdout + done.stderr).strip()[-500:]}")
    if not ARCHIVE.is_file():
        _archive_classes()


def _archive_classes() -> None:
    """Start a broker once, and let its JVM archive the classes that it loaded."""
    with TemporaryDirectory(dir=JARS) as folder:
        (node,) = cluster(Path(folder))
        archive = Path(folder) / ARCHIVE.name
        node.start(f"-XX:ArchiveClassesAtExit={archive}")
        try:
            node.wait()
        finally:
            node.stop(signal.SIGTERM)
        if archive.is_file():  # not every JVM can write one
            archive.replace(ARCHIVE)


def free_ports(count: int) -> list[int]:
    """Return different ports that are free at this moment.

    They lie below the ports of outgoing connections. Otherwise a client that retries while its broker is down could get
    the broker's own port, and the broker could not start again.
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
    """One node, which is a broker and a controller.

    Attributes:
        folder: for its files.
        node_id: its number in the cluster.
        port: of the listener without encryption and login.
        voters: all controllers, as Kafka's setting lists them.
        controller_port: of its own controller.
        cluster_id: the same for all nodes.
        settings: replace the defaults of `format`.
        listeners: further listeners, each with its port and protocol.
        scram: users who may log in by SCRAM, each with the password.
        host: the address that it listens on and advertises.
        prefix: a command that runs its process in another network namespace; empty for this one.
        process: the running broker; None before the first start.
    """

    folder: Path
    node_id: int
    port: int
    voters: str
    controller_port: int
    cluster_id: str
    settings: Mapping[str, str] = field(default_factory=dict)
    listeners: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    scram: Mapping[str, str] = field(default_factory=dict)
    host: str = "127.0.0.1"
    prefix: Sequence[str] = ()
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def bootstrap(self) -> str:
        """The address for clients."""
        return f"{self.host}:{self.port}"

    def format(self) -> None:
        """Write the properties and format the log folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        listeners = {"PLAINTEXT": (self.port, "PLAINTEXT"), **self.listeners}
        listeners["CONTROLLER"] = (self.controller_port, "PLAINTEXT")
        properties = {
            "process.roles": "broker,controller",
            "node.id": str(self.node_id),
            "controller.quorum.voters": self.voters,
            "controller.listener.names": "CONTROLLER",
            "listeners": ",".join(f"{name}://{self.host}:{port}" for name, (port, _) in listeners.items()),
            "listener.security.protocol.map": ",".join(
                f"{name}:{protocol}" for name, (_, protocol) in listeners.items()
            ),
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
        """Start the process; ``options`` are the JVM's."""
        command = [*self.prefix, *self._java[:1], *options, *self._java[1:], "kafka.Kafka", str(self._properties)]
        with (self.folder / "broker.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def wait(self) -> None:
        """Wait until it accepts connections."""
        deadline = time.monotonic() + START_S
        while not self._listens():
            if not self.running or time.monotonic() > deadline:
                log = (self.folder / "broker.log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"Kafka did not start: {log}")
            time.sleep(0.05)

    @property
    def running(self) -> bool:
        """Whether its process exists, also if it is stopped by SIGSTOP."""
        return self.process is not None and self.process.poll() is None

    def stop(self, number: int = signal.SIGKILL) -> None:
        """Send a signal and wait for the end; SIGTERM shuts it down gracefully."""
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
            return probe.connect_ex((self.host, self.port)) == 0


def cluster(
    folder: Path,
    nodes: int = 1,
    settings: Mapping[str, str] | None = None,
    *,
    listeners: Mapping[str, str] | None = None,
    scram: Mapping[str, str] | None = None,
    hosts: Sequence[str] = (),
) -> list[Broker]:
    """Make the formatted nodes of a cluster, not started.

    Args:
        folder: for the files of all nodes.
        nodes: how many.
        settings: replace the defaults of `Broker.format`.
        listeners: further listeners, each with its protocol.
        scram: users who may log in by SCRAM, each with the password.
        hosts: the address of each node; none of them means this machine's own.
    """
    further = listeners or {}
    ports = iter(free_ports((2 + len(further)) * nodes))
    controllers = [next(ports) for _ in range(nodes)]
    addresses = list(hosts) or ["127.0.0.1"] * nodes
    voters = ",".join(
        f"{node}@{host}:{port}" for node, (host, port) in enumerate(zip(addresses, controllers, strict=True), 1)
    )
    cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    brokers = [
        Broker(
            folder=folder / f"node-{node}",
            node_id=node,
            port=next(ports),
            voters=voters,
            controller_port=controller,
            cluster_id=cluster_id,
            settings=settings or {},
            listeners={name: (next(ports), protocol) for name, protocol in further.items()},
            scram=scram or {},
            host=host,
        )
        for node, (host, controller) in enumerate(zip(addresses, controllers, strict=True), 1)
    ]
    for broker in brokers:
        broker.format()
    return brokers
