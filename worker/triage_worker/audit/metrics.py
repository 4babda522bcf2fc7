"""Prometheus metrics of the audit. Label values are the bundle's intents, and the kinds of alarms."""

from prometheus_client import CollectorRegistry, Gauge
from triage_models.audit.confidence_sequence import Bound
from triage_models.audit.detector import FALSE_ALARM_SHARES

from triage_worker.audit.report import Report

OVERALL = ""
"""The value of the label ``intent`` for all intents together."""


class AuditMetrics:
    """Shows the newest report."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def by_intent(name: str, documentation: str) -> Gauge:
            return Gauge(f"triage_audit_{name}", documentation, ["intent"], registry=registry)

        def single(name: str, documentation: str) -> Gauge:
            return Gauge(f"triage_audit_{name}", documentation, registry=registry)

        self._lower = by_intent("error_lower_ratio", "At least this share of what is accepted is wrong.")
        self._upper = by_intent("error_upper_ratio", "At most this share of what is accepted is wrong.")
        self._answers = by_intent("answers", "People's answers that the bounds stand on.")
        self._wrong = by_intent("wrong_answers", "Those of them that contradict the model.")
        self._requests = single("requests", "Messages that people were asked about.")
        self._answered = single("answered", "Those of them that a person has answered.")
        self._promised = single(
            "promised_error_ratio", "The share of accepted messages that may be wrong, guaranteed or aimed at."
        )
        self._expected = single("expected_error_ratio", "What the confidences of recent requests expect to be wrong.")
        self._drift = single("confidence_drift", "How far confidences have moved from the usual ones, 0 to 1.")
        self._threshold = single("threshold", "The threshold in force.")
        self._floor = single("threshold_floor", "The bundle's own threshold.")
        self._version = single("threshold_version", "Version of the threshold in force; 0: the bundle's own.")
        self._alarm = Gauge(
            "triage_audit_alarm", "1 after an alarm or notice of this kind.", ["kind"], registry=registry
        )

    def show(self, report: Report) -> None:
        """Show a report."""
        for gauge in (self._lower, self._upper, self._answers, self._wrong):
            gauge.clear()  # another bundle may have other intents
        self._show_bound(OVERALL, report.overall)
        for intent, bound in report.by_intent.items():
            self._show_bound(intent, bound)
        self._requests.set(report.requests)
        self._answered.set(report.answers)
        self._promised.set(report.promised)
        self._expected.set(float("nan") if report.expected_error_share is None else report.expected_error_share)
        self._drift.set(float("nan") if report.confidence_drift is None else report.confidence_drift)
        self._threshold.set(report.threshold)
        self._floor.set(report.floor)
        self._version.set(report.version)
        raised = {alarm.kind for alarm in report.alarms}
        for kind in FALSE_ALARM_SHARES:
            self._alarm.labels(kind).set(kind in raised)

    def _show_bound(self, intent: str, bound: Bound) -> None:
        self._lower.labels(intent).set(bound.lower)
        self._upper.labels(intent).set(bound.upper)
        self._answers.labels(intent).set(bound.answers)
        self._wrong.labels(intent).set(bound.errors)
