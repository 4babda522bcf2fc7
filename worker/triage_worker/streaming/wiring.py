"""What every service that reads a topic is made of: a station, and what connects it to Kafka at both ends."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from triage_worker.config.settings import Service, Settings
from triage_worker.kafka.client_compat.patches import apply_patches
from triage_worker.kafka.client_compat.producer import set_hand_over_timeout
from triage_worker.kafka.client_compat.transactions import RETRY_BACKOFF_MS, hide_verification_warnings
from triage_worker.kafka.connection import connection
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.consumer import Consumer
from triage_worker.streaming.delivery.at_least_once import AtLeastOnce
from triage_worker.streaming.delivery.delivery import MAX_BATCH_BYTES, MAX_REQUEST_BYTES, Delivery
from triage_worker.streaming.delivery.exactly_once import ExactlyOnce
from triage_worker.streaming.delivery.partition_transactions import Terms
from triage_worker.streaming.lag import Lag
from triage_worker.streaming.processor import Station
from triage_worker.streaming.tracking.dead_letters import DeadLetters

METADATA_MS = 10_000
"""How soon a topic that was deleted and made again, or has more partitions, is noticed."""

REQUEST_TIMEOUT_MS = 15_000
"""A broker that stands still, or a network that drops its answers, costs so long, or twice that: the request under way,
and the question who leads now, if it goes to the same broker. aiokafka's own is 40 s."""

HAND_OVER_TIMEOUT_MS = 40_000
"""How long a producer's full queue may wait for a broker before the producer is replaced."""

FETCH_MAX_BYTES = 16 * 1024 * 1024

FETCH_PARTITION_BYTES = 128 * 1024
"""Of a backlog, partitions take turns of one fetch each, so this is how long they wait for one another: with a
mebibyte, as is usual, for thousands of messages each. A batch of records that is larger comes whole, when its partition
is first."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a service is made of."""

    station: Station
    delivery: Delivery
    consumer: Consumer
    lag: Lag


def connect(
    settings: Settings,
    service: Service,
    topic: str,
    station: Station,
    dead_letters: DeadLetters,
    metrics: Metrics,
    *,
    max_in_flight: int,
) -> Parts:
    """Put a consumer of ``topic`` before a station and a delivery behind it; nothing is started."""
    delivery = _delivery(settings, service, station, dead_letters, metrics)
    consumer = Consumer(
        partial(_consumer, settings, service),
        topic,
        station,
        delivery,
        max_in_flight=max_in_flight,
        touch_s=settings.max_poll_interval_ms / 3_000,
        hand_over_s=min(settings.drain_timeout_s, settings.session_timeout_ms / 3_000),
        metrics=metrics,
    )
    return Parts(station, delivery, consumer, Lag(consumer, station.ledger, metrics))


def _delivery(
    settings: Settings, service: Service, station: Station, dead_letters: DeadLetters, metrics: Metrics
) -> Delivery:
    interval_s = settings.commit_interval_ms / 1_000
    if settings.delivery == "at_least_once":
        return AtLeastOnce(
            partial(producer, settings, enable_idempotence=settings.idempotence),
            station.ledger,
            dead_letters,
            station.acknowledge,
            commit_interval_s=interval_s,
            metrics=metrics,
        )
    hide_verification_warnings()
    terms = Terms(
        producer=lambda identity: producer(settings, transactional_id=identity, retry_backoff_ms=RETRY_BACKOFF_MS),
        group=settings.group(service),
        prefix=settings.transactional_id_prefix,
        dead_letters=dead_letters,
        acknowledge=station.acknowledge,
        interval_s=interval_s,
        rejoin_s=2 * settings.heartbeat_ms / 1_000,
        metrics=metrics,
    )
    return ExactlyOnce(terms, station.ledger)


def producer(settings: Settings, **more: Any) -> AIOKafkaProducer:
    """A producer that waits for all replicas, not started; ``more`` are arguments of aiokafka's."""
    made = AIOKafkaProducer(
        **connection(settings),
        acks="all",
        max_request_size=MAX_REQUEST_BYTES,
        max_batch_size=MAX_BATCH_BYTES,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        **more,
    )
    set_hand_over_timeout(made, HAND_OVER_TIMEOUT_MS)
    return made


def _consumer(settings: Settings, service: Service) -> AIOKafkaConsumer:
    apply_patches()
    return AIOKafkaConsumer(
        **connection(settings),
        group_id=settings.group(service),
        group_instance_id=settings.group_instance_id,
        auto_offset_reset=settings.auto_offset_reset,
        enable_auto_commit=False,
        isolation_level="read_committed",
        session_timeout_ms=settings.session_timeout_ms,
        heartbeat_interval_ms=settings.heartbeat_ms,
        max_poll_interval_ms=settings.max_poll_interval_ms,
        fetch_max_bytes=FETCH_MAX_BYTES,
        max_partition_fetch_bytes=FETCH_PARTITION_BYTES,
        fetch_max_wait_ms=settings.fetch_max_wait_ms,
        metadata_max_age_ms=METADATA_MS,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
    )
