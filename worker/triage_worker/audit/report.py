"""The report of an audit, as a value and as one JSON object."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from triage_models.audit.confidence_sequence import Bound
from triage_models.audit.controller import ThresholdChange
from triage_models.audit.detector import Alarm, Kind
from triage_schemas.events import ModelRef


@dataclass(frozen=True)
class IntentLimit:
    """The error rate that an intent with a limit of its own may have, 0 to 1, and whether the bundle guarantees it."""

    max_error: float
    certified: bool


@dataclass(frozen=True)
class Report:
    """What is known now.

    Attributes:
        bundle: whose decisions are audited.
        promised: the largest share of accepted events that may be wrong, 0 to 1.
        certified: whether the bundle guarantees that; otherwise it is only an aim.
        own_limits: of the intents that have a stricter limit of their own. No alarm watches them.
        floor: the bundle's own threshold.
        threshold: the one in force, from which bounds and alarms count.
        version: of the threshold in force.
        requests: messages that people were asked about.
        answers: of people about this bundle, whatever their confidence.
        repeats: answers about a message that was answered before; the first one counts.
        other_bundles: answers about other bundles.
        overall: the error rate of what is accepted, since the threshold in force was decided.
        by_intent: the same for each intent.
        alarms: raised since then.
        evidence: of each test; 1 raises its alarm.
        expected_error_share: what the confidences of recent requests expect to be wrong; None without requests that
            reach the threshold.
        confidence_drift: of recent requests, 0 to 1, from the rows that the bundle was calibrated on, or if it does not
            have them, from the first requests; None while there are too few.
        last_change: the last change of the threshold, or advice to change it, in this run.
    """

    bundle: ModelRef
    promised: float
    certified: bool
    own_limits: Mapping[str, IntentLimit]
    floor: float
    threshold: float
    version: int
    requests: int
    answers: int
    repeats: int
    other_bundles: int
    overall: Bound
    by_intent: Mapping[str, Bound]
    alarms: Sequence[Alarm]
    evidence: Mapping[Kind, float]
    expected_error_share: float | None
    confidence_drift: float | None
    last_change: ThresholdChange | None


def as_json(report: Report) -> dict[str, Any]:
    """Return the report with names in lower case, and shares from 0 to 1."""
    change = report.last_change
    return {
        "bundle": report.bundle.name,
        "bundle_version": report.bundle.version,
        "promised_error": report.promised,
        "promise_certified": report.certified,
        "threshold": report.threshold,
        "threshold_version": report.version,
        "threshold_floor": report.floor,
        "requests": report.requests,
        "answers": report.answers,
        "repeated_answers": report.repeats,
        "answers_about_other_bundles": report.other_bundles,
        "overall": _bound(report.overall),
        "intents": {
            intent: _bound(bound) | _own_limit(report.own_limits.get(intent))
            for intent, bound in report.by_intent.items()
        },
        "alarms": [asdict(alarm) for alarm in report.alarms],
        "expected_error": report.expected_error_share,
        "confidence_drift": report.confidence_drift,
        "advice": None
        if change is None
        else {"threshold": change.threshold, "reason": change.reason, "answers": change.answers},
    }


def _own_limit(limit: IntentLimit | None) -> dict[str, Any]:
    return {} if limit is None else {"max_error": limit.max_error, "max_error_certified": limit.certified}


def _bound(bound: Bound) -> dict[str, Any]:
    return {
        "answers": bound.answers,
        "wrong": bound.errors,
        "error": bound.estimate,
        "error_lower": bound.lower,
        "error_upper": bound.upper,
        "confidence": bound.confidence,
    }
