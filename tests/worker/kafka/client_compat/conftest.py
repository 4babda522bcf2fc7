"""Fixtures: a scripted broker, aiokafka without the patches, and loggers without the filters of earlier tests."""

import gc
import logging
from collections.abc import AsyncIterator, Iterator

import pytest
from triage_worker.kafka.client_compat.broker_errors import SENDER_LOG

from tests.unpatched import undo_patches
from tests.worker.kafka.client_compat.scripted_broker import ScriptedBroker, scripted_broker


@pytest.fixture
def unpatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiokafka without the patches."""
    undo_patches(monkeypatch)


@pytest.fixture
async def broker() -> AsyncIterator[ScriptedBroker]:
    """A broker that accepts everything, until a test scripts it."""
    async with scripted_broker() as running:
        yield running


@pytest.fixture(autouse=True)
def sender_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """The logger of aiokafka's senders without what earlier tests of this process left on it; they get it back.

    A transactional producer and a service each leave a filter, and need it for as long as their process runs. Commands
    set levels.
    """
    monkeypatch.setattr(logging.root.manager, "disable", logging.NOTSET)
    monkeypatch.setattr(SENDER_LOG, "level", logging.WARNING)
    monkeypatch.setattr(SENDER_LOG, "filters", [])
    SENDER_LOG.manager._clear_cache()  # type: ignore[attr-defined]  # of the levels that are enabled


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Collect what a test leaves, such as futures that fail unseen: later, their log records disturb another test.

    Python 3.11 formats their tracebacks by parsing sources; within another `ast.parse` that ends in a `SystemError`.
    """
    yield
    gc.collect()
