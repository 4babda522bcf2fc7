"""What aiokafka's transactional producers need besides: their haste, their patience, and what they leave unsaid."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka import AIOKafkaProducer
from aiokafka.errors import IllegalOperation, KafkaError

RETRY_BACKOFF_MS = 5
"""The first record of a transaction is often refused with a retriable error while the broker verifies the transaction;
aiokafka's 100 ms would add half to every transaction."""

PATIENT_BACKOFF_MS = 100
PATIENT_AFTER_S = 1.0
"""A transaction that takes longer meets another trouble, such as a broker that is away: no use in hurrying then."""


def keep_verification_out_of_logs() -> None:
    """Leave out a warning that a healthy broker causes in every other transaction, see `RETRY_BACKOFF_MS`.

    Where replicas really are missing, readiness says so: outputs are not taken.
    """
    logging.getLogger("aiokafka.producer.sender").addFilter(
        lambda line: "NotEnoughReplicas" not in line.getMessage() and "NOT_ENOUGH_REPLICAS" not in line.getMessage()
    )


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
    patient = asyncio.get_running_loop().call_later(
        PATIENT_AFTER_S, setattr, sender, "_retry_backoff", PATIENT_BACKOFF_MS / 1e3
    )
    try:
        yield
    finally:
        patient.cancel()
        sender._retry_backoff = RETRY_BACKOFF_MS / 1e3
