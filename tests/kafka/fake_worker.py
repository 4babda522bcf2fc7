"""Runs the worker as a process with a fake model: ``python -m tests.kafka.fake_worker``.

FAKE_DELAY_S: seconds that a batch takes; FAKE_SLOW_S: seconds that it takes while the file FAKE_SLOW_FILE exists.
FAKE_POISON: the model fails on texts that contain this word.
FAKE_ASSIGNOR: ``roundrobin``, as earlier versions have it, or ``sticky``; all partitions are revoked at each rebalance.
FAKE_HEARTBEAT_MS: the time between two heartbeats.
"""

import os
import select
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from triage_models.serving.engine import Encoded, Outputs
from triage_worker.classify import service
from triage_worker.config import settings as settings_module
from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings
from triage_worker.kafka import clients
from triage_worker.observability import logs

from tests.worker.fakes import FakeModel


class FakeClassifier(FakeModel):
    """The part of `triage_models.Classifier` that the worker uses."""

    device = "cpu"
    bundle = SimpleNamespace(
        name="fake",
        version="1",
        threshold=0.5,
        intent_thresholds={},
        language_thresholds={},
        descriptions={"WISMO": "where is my order"},
        manifest=SimpleNamespace(
            thresholds=SimpleNamespace(guarantee=SimpleNamespace(coverage=0.5)),
            intent_mix={"WISMO": 1.0},
            suggestion=None,
            languages=None,
        ),
    )

    def __init__(self, threads: int) -> None:
        poison = os.environ.get("FAKE_POISON", "")
        super().__init__(lambda texts: bool(poison) and any(poison in text for text in texts))
        self.threads = threads
        self._delay_s = float(os.environ.get("FAKE_DELAY_S", "0"))
        self._slow_s = float(os.environ.get("FAKE_SLOW_S", "0"))
        self._slow_file = Path(os.environ.get("FAKE_SLOW_FILE", os.devnull))

    @classmethod
    def open(cls, *_: Any, threads: int | None, **__: Any) -> "FakeClassifier":
        return cls(threads or 2)

    def infer(self, batch: Sequence[Encoded]) -> Outputs:
        # `time.sleep` fails under libfaketime.
        select.select([], [], [], self._slow_s if self._slow_file.is_file() else self._delay_s)
        outputs = super().infer(batch)
        self.batches.clear()
        return outputs


ASSIGNORS = {"roundrobin": RoundRobinPartitionAssignor, "sticky": StickyPartitionAssignor}


def vary_the_group() -> None:
    """Rebalance as the variables say."""
    if name := os.environ.get("FAKE_ASSIGNOR"):
        setattr(clients, "cooperative_strategy", lambda: (ASSIGNORS[name],))  # noqa: B010 (imported there, not exported)
    if interval_ms := os.environ.get("FAKE_HEARTBEAT_MS"):
        settings_module.HEARTBEAT_MS = int(interval_ms)


if __name__ == "__main__":
    service.Classifier = FakeClassifier  # type: ignore[assignment,attr-defined]
    vary_the_group()
    try:
        loaded = Settings.load()
        logs.configure(loaded)
        sys.exit(service.run(loaded))
    except TriageError as problem:
        print(problem, file=sys.stderr)
        sys.exit(2)
