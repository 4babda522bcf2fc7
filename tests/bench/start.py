"""Measures how long each service takes to become ready: ``python -m tests.bench.start [--starts N] [--image DIR]``.

The services are installed as in the image, next to a real Apache Kafka with 12 partitions per topic. The time is from
the creation of the process to the first 200 of /readyz. One service runs at a time, so its consumer group is empty when
it joins. Before a "cold" start the files of Python, of the environment and of the bundle are dropped from the page
cache; a "warm" start follows another one directly. Run it on an idle machine.
"""

import argparse
import http.client
import os
import statistics
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from triage_worker.bench.process_usage import cpu_seconds

from tests.deploy.image import Image, build
from tests.kafka import broker

PARTITIONS = 12
SERVICES: dict[str, dict[str, str]] = {
    "worker": {},
    "router": {},
    "fallback": {"TRIAGE_LLM_URL": "http://127.0.0.1:9/v1", "TRIAGE_LLM_MODEL": "away"},
    "helpdesk": {
        "TRIAGE_HELPDESK": "zendesk",
        "TRIAGE_HELPDESK_URL": "http://127.0.0.1:9",
        "TRIAGE_HELPDESK_USER": "somebody@example.com",
        "TRIAGE_HELPDESK_TOKEN": "none",
    },
}
POLL_S = 0.01
READY_S = 60.0
KAFKA_DELAY_MS = 3_000
"""Apache Kafka's default of group.initial.rebalance.delay.ms."""


@dataclass(frozen=True)
class Start:
    """One start: seconds until ready, CPU seconds until then, and seconds to stop after SIGTERM."""

    ready_s: float
    cpu_s: float
    stopped_s: float


def start(image: Image, bootstrap: str, service: str, folder: Path) -> Start:
    """Start a service, wait until it is ready, and stop it."""
    port = broker.free_ports(1)[0]
    variables = image.variables(bootstrap) | SERVICES[service]
    variables |= {"TRIAGE_HTTP_PORT": str(port), "TRIAGE_STATE_DIR": str(folder / "state")}
    with (folder / f"{service}.log").open("ab") as log:
        started = time.monotonic()
        process = subprocess.Popen([image.triage, service], env=variables, cwd=folder, stdout=log, stderr=log)
    try:
        while not is_ready(port):
            if process.poll() is not None or time.monotonic() - started > READY_S:
                raise SystemExit(f"{service} did not become ready:\n{(folder / f'{service}.log').read_text()[-2000:]}")
            time.sleep(POLL_S)
        ready_s, cpu_s = time.monotonic() - started, cpu_seconds(process.pid)
        assert cpu_s is not None  # the process is there, and this is Linux
    finally:
        ending = time.monotonic()
        process.terminate()
        process.wait(60)
    return Start(ready_s, cpu_s, time.monotonic() - ending)


def is_ready(port: int) -> bool:
    """Whether /readyz answers 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def drop_from_cache(folders: Iterable[Path]) -> None:
    """Drop all files of these folders from the page cache, except those that another process maps."""
    os.sync()
    for folder in folders:
        for file in folder.rglob("*"):
            if file.is_file() and not file.is_symlink():
                descriptor = os.open(file, os.O_RDONLY)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(descriptor)


def measure(image: Image, folder: Path, starts: int, delay_ms: int) -> None:
    """Print one line per service."""
    node = broker.cluster(folder / "kafka", settings={"group.initial.rebalance.delay.ms": str(delay_ms)})[0]
    node.start()
    try:
        node.wait()
        topics: list[str | Path] = [image.triage, "topics", "create", "--partitions", str(PARTITIONS)]
        subprocess.run(topics, env=image.variables(node.bootstrap), check=True, stdout=subprocess.DEVNULL)
        standard = Path(sysconfig.get_path("stdlib"))
        print(f"group.initial.rebalance.delay.ms={delay_ms}, {starts} starts each: median (longest), seconds")
        for service in SERVICES:
            start(image, node.bootstrap, service, folder)  # the router creates its internal topics in its first start
            cold = []
            for _ in range(starts):
                drop_from_cache((standard, image.environment, image.bundle))
                cold.append(start(image, node.bootstrap, service, folder))
            warm = [start(image, node.bootstrap, service, folder) for _ in range(starts)]
            shown = [
                f"{name} {statistics.median(times):.2f} ({max(times):.2f})"
                for name, times in (
                    ("cold", [one.ready_s for one in cold]),
                    ("warm", [one.ready_s for one in warm]),
                    ("processor", [one.cpu_s for one in warm]),
                    ("stop", [one.stopped_s for one in warm]),
                )
            ]
            print(f"{service:<9} {', '.join(shown)}", flush=True)
    finally:
        node.stop()


def main() -> None:
    """Measure all services."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=5, help="cold and warm starts of each service")
    parser.add_argument("--image", type=Path, help="folder of the installed services; created if missing")
    parser.add_argument(
        "--delay-ms",
        type=int,
        default=0,
        help=f"rebalance delay of an empty group; Kafka's default is {KAFKA_DELAY_MS}",
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.image or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        existing = Image(folder / "triage", folder / "bundle")
        image = existing if existing.triage.exists() else build(folder)
        measure(image, Path(temporary), arguments.starts, arguments.delay_ms)


if __name__ == "__main__":
    main()
