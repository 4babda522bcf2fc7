"""The worker as a process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.classifier import Classifier
from worker.assembly import assemble
from worker.metrics import Metrics
from worker.parts import Parts
from worker.process import serve
from worker.settings import Settings

TOPICS = ("input_topic", "output_topic", "fallback_topic", "dead_letter_topic")


def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code.

    Raises:
        TriageError, ModelError: the worker cannot start; says what to change.
    """
    return asyncio.run(serve(settings, TOPICS, _opened))


@asynccontextmanager
async def _opened(settings: Settings, metrics: Metrics) -> AsyncIterator[Parts]:
    classifier = await asyncio.to_thread(
        Classifier.open, settings.bundle, device=settings.device, threads=settings.threads or None
    )
    yield assemble(settings, classifier, metrics)
