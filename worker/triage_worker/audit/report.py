"""The report of an audit as one JSON object."""

from dataclasses import asdict
from typing import Any

from triage_models.audit.confidence_sequence import Bound

from triage_worker.audit.evidence import Report


def as_json(report: Report) -> dict[str, Any]:
    """Return the report with names in lower case, and shares from 0 to 1."""
    change = report.last_change
    return {
        "bundle": report.bundle.name,
        "bundle_version": report.bundle.version,
        "promised_error": report.promised,
        "threshold": report.threshold,
        "threshold_version": report.version,
        "threshold_floor": report.floor,
        "requests": report.requests,
        "answers": report.answers,
        "repeated_answers": report.repeats,
        "answers_about_other_bundles": report.other_bundles,
        "overall": _bound(report.overall),
        "intents": {intent: _bound(bound) for intent, bound in report.by_intent.items()},
        "alarms": [asdict(alarm) for alarm in report.alarms],
        "expected_error": report.expected_error_share,
        "confidence_drift": report.confidence_drift,
        "advice": None
        if change is None
        else {"threshold": change.threshold, "reason": change.reason, "answers": change.answers},
    }


def _bound(bound: Bound) -> dict[str, Any]:
    return {
        "answers": bound.answers,
        "wrong": bound.errors,
        "error": bound.estimate,
        "error_lower": bound.lower,
        "error_upper": bound.upper,
        "confidence": bound.confidence,
    }
