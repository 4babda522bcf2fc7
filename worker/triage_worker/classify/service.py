"""Runs the worker: consumes messages, classifies them, publishes intents and fallback requests."""

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from triage_models.serving.classifier import Classifier
from triage_schemas.encoding import JSON, EventEncoding

from triage_worker.classify.loading import load_for_serving
from triage_worker.classify.shadow import Shadow
from triage_worker.classify.thresholds import followed_decisions, follows
from triage_worker.classify.wiring import assemble
from triage_worker.config.input_topics import input_sources
from triage_worker.config.settings import Settings
from triage_worker.inference.bundle_metrics import BundleMetrics
from triage_worker.inference.bundle_watch import BundleWatch
from triage_worker.inference.serving_watches import Opened, ServingWatches
from triage_worker.kafka.schema_cache import opened_schemas
from triage_worker.kafka.topic_plan import required_operations
from triage_worker.observability import tracing
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming import process_end
from triage_worker.streaming.service import run_service
from triage_worker.streaming.wiring import ServiceComponents


def run(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code.

    Raises:
        TriageError, ModelError: the worker cannot start; says what to change.
    """
    return process_end.run(run_service(settings, needed_topics(settings), _open_components))


def needed_topics(settings: Settings) -> dict[str, str]:
    """The operations on topics without which the worker does not start: the audit's only if something is audited."""
    audit = {"review_topic": "Write"} if settings.audit_share > 0 else {}
    return required_operations("worker") | audit


@asynccontextmanager
async def _open_components(
    settings: Settings, metrics: Metrics, encoding: EventEncoding = JSON
) -> AsyncIterator[ServiceComponents]:
    bundle_metrics = BundleMetrics(metrics.registry)
    sources = input_sources(settings)
    serving = ServingWatches(settings, sources.bundles, bundle_metrics, Classifier.open)
    shadow = Shadow(settings.shadow_share, bundle_metrics)
    async with AsyncExitStack() as closing:
        traces = closing.enter_context(tracing.started("worker", settings.group("worker")))
        decisions = await closing.enter_async_context(followed_decisions(settings)) if follows(settings) else None
        schemas = await closing.enter_async_context(opened_schemas(settings, metrics.registry))
        # The first classifiers have no name here, which would keep them in memory after others have replaced them.
        processor, components = assemble(
            settings,
            await asyncio.to_thread(serving.open),
            metrics,
            sources=sources,
            observe=shadow.offer,
            traces=traces,
            decisions=decisions,
            schemas=schemas,
            encoding=encoding,
        )

        def use(opened: Sequence[Opened]) -> None:
            processor.use(
                *(
                    load_for_serving(settings, classifier, metrics, decisions, serves=serves, encoding=encoding)
                    for serves, classifier in opened
                )
            )

        serving.start(use)
        watches = [*serving.watches]
        if settings.shadow_bundle is not None:  # opened in the background: if it is broken, messages are still answered
            watches.append(_shadow_watch(settings, settings.shadow_bundle, bundle_metrics))
            watches[-1].start(shadow.use)
            shadow.start(lambda: processor.inference.spare)
        closing.callback(shadow.close)
        for watch in watches:
            closing.callback(watch.close)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _check_now, watches)
        yield components


def _check_now(watches: Sequence[BundleWatch]) -> None:
    for watch in watches:
        watch.check_now()


def _shadow_watch(settings: Settings, path: Path, metrics: BundleMetrics) -> BundleWatch:
    # The shadow gets texts only, without the language that the worker finds.
    return BundleWatch(
        partial(Classifier.open, detect_language=settings.detect_language, clean_email=settings.clean_email),
        path,
        device=settings.device,
        threads=settings.threads or None,
        role="shadow",
        poll_s=settings.bundle_poll_s,
        metrics=metrics,
    )
