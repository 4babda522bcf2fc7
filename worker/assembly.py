"""What a worker is made of, put together from the settings."""

from models.classifier import Classifier
from schemas.message import InputShape
from schemas.records import IntentWriter
from worker.batching import Limits
from worker.dead_letters import DeadLetters
from worker.metrics import Metrics
from worker.outputs import decided
from worker.parts import Parts, connect
from worker.pipeline import Pipeline
from worker.settings import Settings

PADDING_TOKENS = {"cpu": 8, "cuda": 2_048}
"""What one more batch costs, as tokens of padding; measured on a CPU (see docs/worker.md), assumed on a GPU."""


def assemble(settings: Settings, classifier: Classifier, metrics: Metrics) -> Parts:
    """Put a worker together; nothing is started."""
    bundle = classifier.bundle
    metrics.model(bundle.name, bundle.version, classifier.device)
    writer = IntentWriter(
        name=bundle.name,
        version=bundle.version,
        threshold=bundle.threshold,
        descriptions=bundle.descriptions,
        include_text=settings.include_text,
    )
    dead_letters = DeadLetters(settings.dead_letter_topic)
    pipeline = Pipeline(
        classifier,
        decided(writer, output_topic=settings.output_topic, fallback_topic=settings.fallback_topic),
        dead_letters,
        InputShape(
            settings.input_format,
            tuple(settings.text_field.split(".")),
            settings.max_message_bytes,
            settings.max_text_bytes,
        ),
        lambda outputs: parts.delivery.publish(outputs),  # noqa: PLW0108 (made below, from the pipeline)
        limits=Limits(
            threads=classifier.threads,
            budget=settings.batch_tokens,
            padding=PADDING_TOKENS["cuda" if classifier.device == "cuda" else "cpu"],
        ),
        metrics=metrics,
    )
    parts = connect(
        settings, "worker", settings.input_topic, pipeline, dead_letters, metrics, max_in_flight=settings.max_in_flight
    )
    return parts
