"""The worker as a process."""

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from triage_models.serving.classifier import Classifier

from triage_worker.classify.bundle_metrics import BundleMetrics, Role
from triage_worker.classify.bundle_watch import BundleWatch
from triage_worker.classify.shadow import Shadow
from triage_worker.classify.wiring import assemble, at_work
from triage_worker.config.settings import Settings
from triage_worker.observability import tracing
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.service import serve
from triage_worker.streaming.wiring import Parts

TOPICS = {"input_topic": "Read", "output_topic": "Write", "fallback_topic": "Write", "dead_letter_topic": "Write"}


def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code.

    Raises:
        TriageError, ModelError: the worker cannot start; says what to change.
    """
    return asyncio.run(serve(settings, TOPICS, _opened))


@asynccontextmanager
async def _opened(settings: Settings, metrics: Metrics) -> AsyncIterator[Parts]:
    counts = BundleMetrics(metrics.registry)
    serving = _watch(settings, settings.bundle, "serving", counts)
    shadow = Shadow(settings.shadow_share, counts)
    with tracing.started("worker", settings.group("worker")) as traces, ExitStack() as ending:
        # The first bundle gets no name here: it would hold on to it when another has taken over.
        pipeline, parts = assemble(
            settings, await asyncio.to_thread(serving.open), metrics, observe=shadow.offer, traces=traces
        )
        serving.start(lambda classifier: pipeline.use(at_work(settings, classifier, metrics)))
        watches = [serving]
        if settings.shadow_bundle is not None:  # opened beside the work: whatever is wrong with it, messages go on
            watches.append(_watch(settings, settings.shadow_bundle, "shadow", counts))
            watches[-1].start(shadow.use)
            shadow.start(lambda: pipeline.inference.spare)
        ending.callback(shadow.close)
        for watch in watches:
            ending.callback(watch.close)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _look, watches)
        yield parts


def _look(watches: Sequence[BundleWatch]) -> None:
    for watch in watches:
        watch.look()


def _watch(settings: Settings, path: Path, role: Role, counts: BundleMetrics) -> BundleWatch:
    return BundleWatch(
        Classifier.open,
        path,
        device=settings.device,
        threads=settings.threads or None,
        role=role,
        poll_s=settings.bundle_poll_s,
        metrics=counts,
    )
