"""What a worker is made of, put together from the settings."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from models.classifier import Classifier
from schemas.message import InputShape
from schemas.records import IntentWriter
from worker.batching import Limits
from worker.connection import connection
from worker.consumer import Consumer
from worker.dead_letters import DeadLetters
from worker.delivery import MAX_BATCH_BYTES, MAX_REQUEST_BYTES, Delivery
from worker.lag import Lag
from worker.metrics import Metrics
from worker.outputs import decided
from worker.pipeline import Pipeline
from worker.publisher import AtLeastOnce
from worker.settings import Settings
from worker.transactions import RETRY_BACKOFF_MS, ExactlyOnce, Terms, keep_verification_out_of_logs

HEARTBEAT_MS = 3_000
PADDING_TOKENS = {"cpu": 8, "cuda": 2_048}
"""What one more batch costs, as tokens of padding; measured on a CPU (see docs/worker.md), assumed on a GPU."""

FETCH_MAX_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Parts:
    """What a worker is made of."""

    pipeline: Pipeline
    delivery: Delivery
    consumer: Consumer
    lag: Lag


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
        lambda outputs: delivery.publish(outputs),  # noqa: PLW0108 (it is made below, from the pipeline)
        limits=Limits(
            threads=classifier.threads,
            budget=settings.batch_tokens,
            padding=PADDING_TOKENS["cuda" if classifier.device == "cuda" else "cpu"],
        ),
        metrics=metrics,
    )
    delivery = _delivery(settings, pipeline, dead_letters, metrics)
    consumer = Consumer(
        partial(_consumer, settings),
        settings.input_topic,
        pipeline,
        delivery,
        max_in_flight=settings.max_in_flight,
        touch_s=settings.max_poll_interval_ms / 3_000,
        hand_over_s=min(settings.drain_timeout_s, settings.session_timeout_ms / 3_000),
        metrics=metrics,
    )
    return Parts(pipeline, delivery, consumer, Lag(consumer, pipeline.ledger, metrics))


def _delivery(settings: Settings, pipeline: Pipeline, dead_letters: DeadLetters, metrics: Metrics) -> Delivery:
    interval_s = settings.commit_interval_ms / 1_000
    if settings.delivery == "at_least_once":
        return AtLeastOnce(
            partial(_producer, settings, enable_idempotence=settings.idempotence),
            pipeline.ledger,
            dead_letters,
            pipeline.acknowledge,
            commit_interval_s=interval_s,
            metrics=metrics,
        )
    keep_verification_out_of_logs()
    terms = Terms(
        producer=lambda identity: _producer(settings, transactional_id=identity, retry_backoff_ms=RETRY_BACKOFF_MS),
        group=settings.group("worker"),
        prefix=settings.transactional_id_prefix,
        dead_letters=dead_letters,
        acknowledge=pipeline.acknowledge,
        interval_s=interval_s,
        rejoin_s=2 * _heartbeat_ms(settings) / 1_000,
        metrics=metrics,
    )
    return ExactlyOnce(terms, pipeline.ledger)


def _producer(settings: Settings, **more: Any) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        **connection(settings),
        acks="all",
        max_request_size=MAX_REQUEST_BYTES,
        max_batch_size=MAX_BATCH_BYTES,
        **more,
    )


def _consumer(settings: Settings) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        **connection(settings),
        group_id=settings.group("worker"),
        group_instance_id=settings.group_instance_id,
        auto_offset_reset=settings.auto_offset_reset,
        enable_auto_commit=False,
        isolation_level="read_committed",
        session_timeout_ms=settings.session_timeout_ms,
        heartbeat_interval_ms=_heartbeat_ms(settings),
        max_poll_interval_ms=settings.max_poll_interval_ms,
        fetch_max_bytes=FETCH_MAX_BYTES,
        fetch_max_wait_ms=settings.fetch_max_wait_ms,
    )


def _heartbeat_ms(settings: Settings) -> int:
    return min(HEARTBEAT_MS, settings.session_timeout_ms // 3)
