"""What a worker is made of, put together from the settings."""

from triage_models.serving.classifier import Classifier
from triage_schemas.input.message import InputShape
from triage_schemas.records import IntentWriter

from triage_worker.classify.batching import Limits
from triage_worker.classify.inference import Observer
from triage_worker.classify.loaded_bundle import Serving, decided
from triage_worker.classify.processor import Pipeline
from triage_worker.config.settings import Settings
from triage_worker.observability.metrics import Metrics
from triage_worker.observability.tracing import Traces
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.wiring import Parts, connect

PADDING_TOKENS = {"cpu": 8, "cuda": 2_048}
"""What one more batch costs, as tokens of padding; measured on a CPU (see docs/worker.md), assumed on a GPU."""


def at_work(settings: Settings, classifier: Classifier, metrics: Metrics) -> Serving:
    """A bundle with what belongs to it; the metrics say from now on that it decides."""
    bundle = classifier.bundle
    metrics.model(bundle.name, bundle.version, classifier.device)
    metrics.reference(bundle.manifest.thresholds.guarantee.coverage, bundle.manifest.intent_mix)
    writer = IntentWriter(
        name=bundle.name,
        version=bundle.version,
        threshold=bundle.threshold,
        descriptions=bundle.descriptions,
        include_text=settings.include_text,
    )
    return Serving(
        classifier,
        decided(writer, output_topic=settings.output_topic, fallback_topic=settings.fallback_topic),
        limits(settings, classifier),
    )


def limits(settings: Settings, classifier: Classifier) -> Limits:
    """How batches are cut for a bundle."""
    device = "cuda" if classifier.device == "cuda" else "cpu"
    return Limits(threads=classifier.threads, budget=settings.batch_tokens, padding=PADDING_TOKENS[device])


def assemble(
    settings: Settings,
    classifier: Classifier,
    metrics: Metrics,
    *,
    observe: Observer | None = None,
    traces: Traces | None = None,
) -> tuple[Pipeline, Parts]:
    """Put a worker together; nothing is started. The pipeline is one of the parts, their station."""
    dead_letters = DeadLetters(settings.dead_letter_topic)
    pipeline = Pipeline(
        at_work(settings, classifier, metrics),
        dead_letters,
        InputShape(
            settings.input_format,
            tuple(settings.text_field.split(".")),
            tuple(settings.conversation_field.split(".")),
            settings.max_message_bytes,
            settings.max_text_bytes,
        ),
        lambda outputs: parts.delivery.publish(outputs),  # noqa: PLW0108 (made below, from the pipeline)
        metrics=metrics,
        observe=observe,
        traces=traces,
    )
    parts = connect(
        settings, "worker", settings.input_topic, pipeline, dead_letters, metrics, max_in_flight=settings.max_in_flight
    )
    return pipeline, parts
