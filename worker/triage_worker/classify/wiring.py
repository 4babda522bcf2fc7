"""Puts a worker together from its settings."""

from collections.abc import Sequence

from triage_schemas.encoding import JSON, EventEncoding

from triage_worker.classify.loading import load_for_serving
from triage_worker.classify.message_sources import MessageSources
from triage_worker.classify.processor import ClassificationProcessor
from triage_worker.config.input_topics import InputSources
from triage_worker.config.settings import Settings
from triage_worker.inference.inference_threads import Observer
from triage_worker.inference.serving_bundles import ServingBundles
from triage_worker.inference.serving_watches import Opened
from triage_worker.kafka.control_topic import Decisions
from triage_worker.kafka.dead_letters import DeadLetterTopic
from triage_worker.kafka.schema_cache import SchemaCache
from triage_worker.observability.metrics import Metrics
from triage_worker.observability.tracing import Traces
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages
from triage_worker.streaming.wiring import ServiceComponents, connect


def assemble(
    settings: Settings,
    opened: Sequence[Opened],
    metrics: Metrics,
    *,
    sources: InputSources,
    observe: Observer | None = None,
    traces: Traces | None = None,
    decisions: Decisions | None = None,
    schemas: SchemaCache | None = None,
    encoding: EventEncoding = JSON,
) -> tuple[ClassificationProcessor, ServiceComponents]:
    """Put a worker together; nothing is started. The processor is one of the components.

    Args:
        settings: of the worker.
        opened: the bundles that serve, each with its languages.
        metrics: of the worker.
        sources: of messages.
        observe: called with each batch and its decisions.
        traces: makes the spans of messages; None makes none.
        decisions: of the control topic; None if it is not followed.
        schemas: those of the registry; None if there is no registry.
        encoding: writes the events.
    """
    dead_letters = DeadLetters(DeadLetterTopic.of(settings, "worker"))
    in_flight = InFlightMessages(metrics)
    processor = ClassificationProcessor(
        ServingBundles(
            *(
                load_for_serving(settings, classifier, metrics, decisions, serves=serves, encoding=encoding)
                for serves, classifier in opened
            )
        ),
        dead_letters,
        MessageSources.from_settings(sources),
        in_flight,
        metrics=metrics,
        observe=observe,
        traces=traces,
        schemas=schemas,
    )
    components = connect(
        settings,
        "worker",
        sources.selection,
        in_flight,
        processor,
        dead_letters,
        metrics,
        max_in_flight=settings.max_in_flight,
    )
    return processor, components
