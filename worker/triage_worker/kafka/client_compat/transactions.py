"""Works around three gaps of aiokafka's transactional producers: their back-off, a needless warning, a lost error."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka import AIOKafkaProducer
from aiokafka.errors import IllegalOperation, KafkaError
from aiokafka.producer.sender import Sender

from triage_worker.kafka.client_compat.broker_errors import SENDER_LOG

RETRY_BACKOFF_MS = 5
"""The broker often refuses the first record of a transaction with a retriable error while it verifies the transaction.
aiokafka's default back-off of 100 ms would make every transaction half as long again."""

LONG_RETRY_BACKOFF_MS = 100
LONG_RETRY_AFTER_S = 1.0
"""A transaction that takes longer has another problem, such as a broker that is down: short back-offs do not help."""


_delayed_senders: set[Sender] = set()
"""The senders whose transaction takes longer than `LONG_RETRY_AFTER_S`."""


def hide_verification_warnings() -> None:
    """Drop a warning that a healthy broker causes in every other transaction, see `RETRY_BACKOFF_MS`.

    It is logged while any transaction takes long, since replicas may really be missing then. Calling this again changes
    nothing.
    """
    if _is_worth_logging not in SENDER_LOG.filters:
        SENDER_LOG.filters.insert(0, _is_worth_logging)  # before the filters that listen


@contextmanager
def raising_transaction_error(producer: AIOKafkaProducer) -> Iterator[None]:
    """Raise what ended a transaction where aiokafka only says that none is open, or fails an assertion about it.

    Raises:
        KafkaError: the error that ended the transaction.
    """
    try:
        yield
    except (IllegalOperation, AssertionError) as error:
        manager = producer._txn_manager
        ended = None if manager is None else manager.wait_for_transaction_end()
        reason = ended.exception() if ended is not None and ended.done() else None
        raise (reason if isinstance(reason, KafkaError) else KafkaError(repr(error))) from error


@contextmanager
def lengthening_backoff(producer: AIOKafkaProducer) -> Iterator[None]:
    """Lengthen the producer's retry back-off once a transaction takes longer than `LONG_RETRY_AFTER_S`."""
    sender = producer._sender  # aiokafka has no other way to change it once the producer is made
    timer = asyncio.get_running_loop().call_later(LONG_RETRY_AFTER_S, _lengthen_backoff, sender)
    try:
        yield
    finally:
        timer.cancel()
        _delayed_senders.discard(sender)
        sender._retry_backoff = RETRY_BACKOFF_MS / 1e3


def _lengthen_backoff(sender: Sender) -> None:
    _delayed_senders.add(sender)
    sender._retry_backoff = LONG_RETRY_BACKOFF_MS / 1e3


def _is_worth_logging(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    return bool(_delayed_senders) or not any(name in message for name in ("NotEnoughReplicas", "NOT_ENOUGH_REPLICAS"))
