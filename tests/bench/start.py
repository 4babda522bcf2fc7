"""How long each service takes from its start to ready: ``python -m tests.bench.start [--starts N] [--image DIR]``.

The services are installed as the image has them, and a real Apache Kafka with 12 partitions a topic runs beside them.
By the clock, from the process being made to the first 200 of /readyz, one service at a time, so that each group is
empty when its only member comes. "Cold" starts find no file of Python, of the environment or of the bundle in the
page cache; "warm" ones come right after another. Needs a quiet machine.
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
"""Apache Kafka's own group.initial.rebalance.delay.ms."""


@dataclass(frozen=True)
class Start:
    """One start: seconds until ready by the clock, and of processor time by then; seconds to stop by SIGTERM."""

    ready_s: float
    worked_s: float
    stopped_s: float


def start(image: Image, bootstrap: str, service: str, folder: Path) -> Start:
    """Start a service, wait until it is ready, and stop it."""
    port = broker.free_ports(1)[0]
    variables = image.variables(bootstrap) | SERVICES[service]
    variables |= {"TRIAGE_HTTP_PORT": str(port), "TRIAGE_STATE_DIR": str(folder / "state")}
    with (folder / f"{service}.log").open("ab") as log:
        begun = time.monotonic()
        process = subprocess.Popen([image.triage, service], env=variables, cwd=folder, stdout=log, stderr=log)
    try:
        while not is_ready(port):
            if process.poll() is not None or time.monotonic() - begun > READY_S:
                raise SystemExit(f"{service} did not become ready:\n{(folder / f'{service}.log').read_text()[-2000:]}")
            time.sleep(POLL_S)
        ready_s, worked_s = time.monotonic() - begun, cpu_seconds(process.pid)
        assert worked_s is not None  # the process is there, and this is Linux
    finally:
        ending = time.monotonic()
        process.terminate()
        process.wait(60)
    return Start(ready_s, worked_s, time.monotonic() - ending)


def is_ready(port: int) -> bool:
    """Whether /readyz says so."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def forget(folders: Iterable[Path]) -> None:
    """Take all files of these folders out of the page cache; what another process maps stays."""
    os.sync()
    for folder in folders:
        for file in folder.rglob("*"):
            if file.is_file() and not file.is_symlink():
                descriptor = os.open(file, os.O_RDONLY)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(descriptor)


def measure(image: Image, folder: Path, starts: int, delay_ms: int) -> None:
    """Print each service's starts as a line."""
    node = broker.cluster(folder / "kafka", settings={"group.initial.rebalance.delay.ms": str(delay_ms)})[0]
    node.start()
    try:
        node.wait()
        topics: list[str | Path] = [image.triage, "topics", "create", "--partitions", str(PARTITIONS)]
        subprocess.run(topics, env=image.variables(node.bootstrap), check=True, stdout=subprocess.DEVNULL)
        standard = Path(sysconfig.get_path("stdlib"))
        print(f"group.initial.rebalance.delay.ms={delay_ms}, {starts} starts each: median (longest), seconds")
        for service in SERVICES:
            start(image, node.bootstrap, service, folder)  # the router makes its own topics once
            cold = []
            for _ in range(starts):
                forget((standard, image.environment, image.bundle))
                cold.append(start(image, node.bootstrap, service, folder))
            warm = [start(image, node.bootstrap, service, folder) for _ in range(starts)]
            shown = [
                f"{name} {statistics.median(times):.2f} ({max(times):.2f})"
                for name, times in (
                    ("cold", [one.ready_s for one in cold]),
                    ("warm", [one.ready_s for one in warm]),
                    ("processor", [one.worked_s for one in warm]),
                    ("stop", [one.stopped_s for one in warm]),
                )
            ]
            print(f"{service:<9} {', '.join(shown)}", flush=True)
    finally:
        node.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=5, help="starts of each service, cold ones and warm ones")
    parser.add_argument("--image", type=Path, help="a folder to keep the installed services in; made where missing")
    parser.add_argument("--delay-ms", type=int, default=0, help=f"of an empty group; Kafka's own is {KAFKA_DELAY_MS}")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.image or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        made = Image(folder / "triage", folder / "bundle")
        image = made if made.triage.exists() else build(folder)
        measure(image, Path(temporary), arguments.starts, arguments.delay_ms)


if __name__ == "__main__":
    main()
