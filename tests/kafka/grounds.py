"""What a fault needs to happen: brokers of its own, a small disk, a clock that can be moved."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kafka import broker
from tests.kafka.scene import POISON

DISK_MIB = 128
REPLICATED = {
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "min.insync.replicas": "2",
    "default.replication.factor": "3",
    "leader.imbalance.check.interval.seconds": "1",  # how soon who is preferred to lead does; the default is 5 minutes
    # Until a dead broker's session ends nothing leads its partitions. The default is 9 s.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}
LIBFAKETIME = "/usr/lib/*/faketime/libfaketimeMT.so.1"


@contextmanager
def arranged(name: str, folder: Path, bootstrap: str) -> Iterator[tuple[str, Sequence[broker.Broker], dict[str, str]]]:
    """What a fault needs: the bootstrap servers, brokers of its own, and the workers' variables."""
    variables = {"FAKE_POISON": POISON}
    if name == "slow":
        variables |= {"FAKE_SLOW_FILE": str(folder / "slow"), "FAKE_SLOW_S": "4", "max_poll_interval_ms": "2000"}
    if name == "clock":
        variables |= shifted_clock(folder)
    if name in ("bounce", "leaders"):
        with started(folder / "kafka", 3, REPLICATED) as nodes:
            yield ",".join(node.bootstrap for node in nodes), nodes, variables
    elif name == "disk":
        with small_disk(folder / "kafka"), started(folder / "kafka", 1, {}) as nodes:
            yield nodes[0].bootstrap, nodes, variables
    else:
        yield bootstrap, (), variables


@contextmanager
def started(folder: Path, count: int, settings: Mapping[str, str]) -> Iterator[Sequence[broker.Broker]]:
    """A cluster that lasts as long as the block."""
    nodes = broker.cluster(folder, count, settings)
    try:
        for node in nodes:
            node.start()
        for node in nodes:
            node.wait()
        yield nodes
    finally:
        for node in nodes:
            node.stop()


def shifted_clock(folder: Path) -> dict[str, str]:
    """The variables that give a process a wall clock which a file moves; its monotonic clock stays right."""
    libraries = list(Path("/").glob(LIBFAKETIME.lstrip("/")))
    if not libraries:
        pytest.skip("needs libfaketime (Debian: apt-get install libfaketime)")
    offset = folder / "clock"
    offset.write_text("+0")
    return {
        "LD_PRELOAD": str(libraries[0]),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of a few MiB at a folder."""
    folder.mkdir(parents=True)
    size = f"size={DISK_MIB}m"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", size, "triage-torture", str(folder)], check=False)
    if mounted.returncode != 0:
        pytest.skip("needs the right to mount a small file system (root)")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
