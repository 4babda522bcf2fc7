"""What the console says about the topics that it follows."""

import asyncio
from types import SimpleNamespace
from typing import cast

from prometheus_client import CollectorRegistry
from triage_worker.console.shared.readiness import ConsoleReadiness
from triage_worker.console.state.reader import StateReader


def test_the_metric_says_whether_all_topics_are_followed() -> None:
    readers = [SimpleNamespace(down=None), SimpleNamespace(down=None)]
    registry = CollectorRegistry()
    ConsoleReadiness(asyncio.Event(), cast("list[StateReader]", readers)).export(registry)
    assert registry.get_sample_value("triage_console_follows") == 1
    readers[1].down = "the database or disk is full"
    assert registry.get_sample_value("triage_console_follows") == 0
