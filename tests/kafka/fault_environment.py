"""Prepares what a fault needs: brokers of its own, a small disk, or a clock that can be moved."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kafka import broker
from tests.kafka.scenario import POISON

DISK_MIB = 128
REPLICATED = {
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "min.insync.replicas": "2",
    "default.replication.factor": "3",
    # How often the controller elects preferred leaders. The default is 5 minutes.
    "leader.imbalance.check.interval.seconds": "1",
    # A dead broker's partitions have no leader until its session ends. The default is 9 s.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}
"""The settings of a cluster of three brokers that survives the loss of one."""

LIBFAKETIME = "/usr/lib/*/faketime/libfaketimeMT.so.1"


@contextmanager
def prepare(fault: str, folder: Path, bootstrap: str) -> Iterator[tuple[str, Sequence[broker.Broker], dict[str, str]]]:
    """Prepare a fault of the matrix; yields bootstrap servers, the fault's own brokers, and the workers' variables.

    Args:
        fault: its name.
        folder: for files.
        bootstrap: the shared broker, for faults that need no broker of their own.
    """
    variables = {"FAKE_POISON": POISON}
    if fault == "slow":
        variables |= {"FAKE_SLOW_FILE": str(folder / "slow"), "FAKE_SLOW_S": "4", "max_poll_interval_ms": "2000"}
    if fault == "clock":
        variables |= fake_clock(folder)
    if fault in ("bounce", "leaders"):
        with running_cluster(folder / "kafka", 3, REPLICATED) as brokers:
            yield ",".join(node.bootstrap for node in brokers), brokers, variables
    elif fault == "disk":
        with small_disk(folder / "kafka"), running_cluster(folder / "kafka", 1, {}) as brokers:
            yield brokers[0].bootstrap, brokers, variables
    else:
        yield bootstrap, (), variables


@contextmanager
def running_cluster(folder: Path, count: int, settings: Mapping[str, str]) -> Iterator[Sequence[broker.Broker]]:
    """Run a cluster within the context."""
    brokers = broker.cluster(folder, count, settings)
    try:
        for node in brokers:
            node.start()
        for node in brokers:
            node.wait()
        yield brokers
    finally:
        for node in brokers:
            node.stop()


def fake_clock(folder: Path) -> dict[str, str]:
    """Return variables with which a file sets a process's wall clock; its monotonic clock stays right."""
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
def small_disk(folder: Path, mib: int = DISK_MIB) -> Iterator[None]:
    """Mount a file system of some MiB at a folder, within the context."""
    folder.mkdir(parents=True)
    size = f"size={mib}m"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", size, "triage-torture", str(folder)], check=False)
    if mounted.returncode != 0:
        pytest.skip("needs the right to mount a small file system (root)")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
