"""Puts a worker together from its settings."""

from collections.abc import Sequence

from triage_models.serving.mail.html import html_to_text
from triage_models.serving.mail.message import reader
from triage_schemas.encoding import JSON, EventEncoding
from triage_schemas.messages.message import InputShape
from triage_schemas.messages.placeholders import placeholder_forms

from triage_worker.classify.loading import load_for_serving
from triage_worker.classify.processor import ClassificationProcessor
from triage_worker.config.settings import Settings
from triage_worker.inference.inference_threads import Observer
from triage_worker.inference.message_languages import MessageLanguages
from triage_worker.inference.serving_bundles import ServingBundles
from triage_worker.inference.serving_watches import Opened
from triage_worker.kafka.control_topic import Decisions
from triage_worker.kafka.schema_cache import SchemaCache
from triage_worker.observability.metrics import Metrics
from triage_worker.observability.tracing import Traces
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages
from triage_worker.streaming.wiring import ServiceComponents, connect


def input_shape(settings: Settings) -> InputShape:
    """Return the format of the input topic's values, and their limits."""
    return InputShape(
        format=settings.input_format,
        text_path=tuple(settings.text_field.split(".")),
        conversation_path=tuple(settings.conversation_field.split(".")),
        subject_path=tuple(settings.subject_field.split(".")) if settings.subject_field else (),
        max_message_bytes=settings.max_message_bytes,
        max_text_bytes=settings.max_text_bytes,
        skip_unchanged=settings.skip_unchanged,
        placeholders=placeholder_forms(settings.text_placeholders.split(",")),
        html_to_text=html_to_text,
    )


def assemble(
    settings: Settings,
    opened: Sequence[Opened],
    metrics: Metrics,
    *,
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
        observe: called with each batch and its decisions.
        traces: makes the spans of messages; None makes none.
        decisions: of the control topic; None if it is not followed.
        schemas: those of the registry; None if there is no registry.
        encoding: writes the events.
    """
    dead_letters = DeadLetters(settings.dead_letter_topic)
    in_flight = InFlightMessages(metrics)
    processor = ClassificationProcessor(
        ServingBundles(
            *(
                load_for_serving(settings, classifier, metrics, decisions, serves=serves, encoding=encoding)
                for serves, classifier in opened
            )
        ),
        dead_letters,
        input_shape(settings),
        in_flight,
        metrics=metrics,
        observe=observe,
        traces=traces,
        languages=MessageLanguages.open(detect=settings.detect_language),
        read=reader(clean_email=settings.clean_email),
        schemas=schemas,
    )
    components = connect(
        settings,
        "worker",
        settings.input_topic,
        in_flight,
        processor,
        dead_letters,
        metrics,
        max_in_flight=settings.max_in_flight,
    )
    return processor, components
