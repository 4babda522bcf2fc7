"""Requests of an audit, and people's answers to them."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from aiokafka.structs import TopicPartition
from triage_models import DEFAULT_BUNDLE
from triage_models.bundle.accepted_rows import RowArrays, summarize, write_cells
from triage_models.bundle.bundle import Bundle
from triage_models.bundle.manifest import ACCEPTED_ROWS, Manifest
from triage_schemas.events import AuditedDecision, LabelEvent, ModelRef, ReviewEvent, SourceRef
from triage_worker.audit.answers import Answer

SHIPPED = Bundle.open(Path(DEFAULT_BUNDLE), verify=False).manifest
PROMISE = SHIPPED.thresholds.guarantee.model_copy(update={"risk": 0.05, "certified": True})
MANIFEST = SHIPPED.model_copy(
    update={
        "metrics": {name: value for name, value in SHIPPED.metrics.items() if name != ACCEPTED_ROWS},
        "thresholds": SHIPPED.thresholds.model_copy(update={"guarantee": PROMISE}),
    }
)
"""Of a bundle that promises 5 %, and has not the rows that it was calibrated on, like those of earlier versions."""
FLOOR = MANIFEST.thresholds.confidence
BUNDLE = ModelRef(name=MANIFEST.name, version=MANIFEST.version)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def calibrated(confidence: list[float], wrong: list[bool]) -> Manifest:
    """Of a bundle that was calibrated on such accepted rows, all of them predicted as WISMO."""
    at = MANIFEST.labels.index("WISMO")
    rows = RowArrays(np.array(confidence), np.full(len(confidence), at), np.array(wrong, dtype=np.bool_))
    metrics = MANIFEST.metrics | {ACCEPTED_ROWS: write_cells(summarize(rows), MANIFEST.labels)}
    return MANIFEST.model_copy(update={"metrics": metrics})


def request(number: int, confidence: float, model: ModelRef = BUNDLE, *, is_audit: bool = True) -> ReviewEvent:
    """Make a request about message ``number``, which was accepted as WISMO."""
    return ReviewEvent(
        message_id=f"m-{number}",
        conversation_id=None,
        customer_id=None,
        channel=None,
        source=SourceRef(topic="in", partition=0, offset=number),
        intent="WISMO",
        confidence=confidence,
        scores={"WISMO": confidence},
        decided_by="model",
        threshold=FLOOR,
        model=model,
        classified_at=NOON + timedelta(seconds=number),
        review_reason="audit",
        text="where is it",
        labels=dict.fromkeys(MANIFEST.labels, ""),
        audit=is_audit,
        audit_probability=0.1,
        audit_weight=1.0,
    )


def answer(
    number: int,
    confidence: float,
    *,
    wrong: bool,
    model: ModelRef = BUNDLE,
    decided_by: str = "human",
    version: int = 0,
) -> LabelEvent:
    """Make a person's answer to the request about message ``number``, a second after that to the one before."""
    return LabelEvent.model_validate(
        {
            "message_id": f"m-{number}",
            "conversation_id": None,
            "customer_id": None,
            "channel": None,
            "source": SourceRef(topic="in", partition=0, offset=number),
            "text": "where is it",
            "label": "OTHER" if wrong else "WISMO",
            "decided_by": decided_by,
            "audited": AuditedDecision(
                intent="WISMO",
                confidence=confidence,
                agreed=not wrong,
                accepted=True,
                probability=0.1,
                weight=1.0,
                threshold=FLOOR,
                threshold_version=version,
                model=model,
            ),
            "labelled_at": NOON + timedelta(seconds=number),
        }
    )


def answers(error_rates: Iterable[float], seed: int = 7) -> Iterator[LabelEvent]:
    """Make answers to events of random confidence above the floor, each wrong with its probability."""
    random = np.random.default_rng(seed)
    for number, rate in enumerate(error_rates):
        confidence = FLOOR + (1 - FLOOR) * float(random.uniform(0, 0.999))
        yield answer(number, confidence, wrong=bool(random.uniform() < rate))


def placed(labels: Iterable[LabelEvent], partition: int = 0) -> list[Answer]:
    """Put answers on a partition of the labels topic, each at the number of its message."""
    place = TopicPartition("labels", partition)
    return [Answer(label, place, label.source.offset, label.labelled_at) for label in labels]
