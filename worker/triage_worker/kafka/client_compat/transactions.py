"""What aiokafka's transactional producers need besides: their haste, their patience, and what they leave unsaid."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import IllegalOperation, KafkaError

from triage_worker.kafka.client_compat.broker_errors import SENDER

RETRY_BACKOFF_MS = 5
"""The first record of a transaction is often refused with a retriable error while the broker verifies the transaction;
aiokafka's 100 ms would add half to every transaction."""

PATIENT_BACKOFF_MS = 100
PATIENT_AFTER_S = 1.0
"""A transaction that takes longer meets another trouble, such as a broker that is away: no use in hurrying then."""


_patient: set[object] = set()
"""The senders of transactions that take longer than they should."""


def keep_verification_out_of_logs() -> None:
    """Leave out a warning that a healthy broker causes in every other transaction, see `RETRY_BACKOFF_MS`.

    While a transaction takes long it is told, for then replicas may really be missing.
    """
    SENDER.filters.insert(0, _worth_telling)  # before those who listen


@contextmanager
def telling_why(producer: AIOKafkaProducer) -> Iterator[None]:
    """Raise what ended a transaction where aiokafka only says that none is open, or fails an assertion about it."""
    try:
        yield
    except (IllegalOperation, AssertionError) as error:
        ended = producer._txn_manager.wait_for_transaction_end()
        reason = ended.exception() if ended is not None and ended.done() else None
        raise (reason if isinstance(reason, KafkaError) else KafkaError(repr(error))) from error


@contextmanager
def growing_patient(producer: AIOKafkaProducer) -> Iterator[None]:
    """Lengthen the producer's back-off while a transaction takes longer than it should."""
    sender = producer._sender  # aiokafka has no other way to change it once the producer is made
    patient = asyncio.get_running_loop().call_later(PATIENT_AFTER_S, _grow_patient, sender)
    try:
        yield
    finally:
        patient.cancel()
        _patient.discard(sender)
        sender._retry_backoff = RETRY_BACKOFF_MS / 1e3


def _grow_patient(sender: Any) -> None:
    _patient.add(sender)
    sender._retry_backoff = PATIENT_BACKOFF_MS / 1e3


def _worth_telling(line: logging.LogRecord) -> bool:
    return bool(_patient) or not any(name in line.getMessage() for name in ("NotEnoughReplicas", "NOT_ENOUGH_REPLICAS"))
