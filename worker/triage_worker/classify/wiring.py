"""Puts a worker together from its settings."""

from triage_models.serving.classifier import Classifier
from triage_schemas.input.message import InputShape

from triage_worker.classify.inference import Observer
from triage_worker.classify.loaded_bundle import load_for_serving
from triage_worker.classify.processor import ClassificationProcessor
from triage_worker.config.settings import Settings
from triage_worker.observability.metrics import Metrics
from triage_worker.observability.tracing import Traces
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages
from triage_worker.streaming.wiring import ServiceComponents, connect


def assemble(
    settings: Settings,
    classifier: Classifier,
    metrics: Metrics,
    *,
    observe: Observer | None = None,
    traces: Traces | None = None,
) -> tuple[ClassificationProcessor, ServiceComponents]:
    """Put a worker together; nothing is started. The processor is one of the components."""
    dead_letters = DeadLetters(settings.dead_letter_topic)
    in_flight = InFlightMessages(metrics)
    processor = ClassificationProcessor(
        load_for_serving(settings, classifier, metrics),
        dead_letters,
        InputShape(
            settings.input_format,
            tuple(settings.text_field.split(".")),
            tuple(settings.conversation_field.split(".")),
            settings.max_message_bytes,
            settings.max_text_bytes,
        ),
        in_flight,
        metrics=metrics,
        observe=observe,
        traces=traces,
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
