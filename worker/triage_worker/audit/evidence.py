"""What people's answers say about everything that one bundle accepts. Pure: events in, a report and changes out."""

from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from triage_models.audit.allowance import Allowance
from triage_models.audit.confidence_sequence import Bound, IntentBounds
from triage_models.audit.controller import ThresholdChange, ThresholdController, threshold_grid
from triage_models.audit.detector import Alarm, Detector, Kind
from triage_models.audit.events import AuditedEvent, AuditedEvents
from triage_models.audit.expected_errors import confidence_drift, count_confidences, expected_error_share
from triage_models.bundle.accepted_rows import expand
from triage_models.bundle.manifest import Manifest
from triage_schemas.events import LabelEvent, ModelRef, ReviewEvent, ThresholdEvent

CHUNK = 25
"""Answers after which the threshold is looked at again; more at once is faster, and decides later."""

REFERENCE = 500
"""So many of the first requests show which confidences are usual in this traffic."""

LEAST_REFERENCE = 100
"""Below this it is not known which threshold accepts how much, so none is chosen; and fewer calibration rows
say as little."""

LEAST_ERRORS = 10
"""With fewer errors among its calibration rows, a bundle does not say how errors depend on the confidence."""

RECENT = 2_000
"""Requests that the expected errors and the drift are computed of."""

EARLIEST = datetime.min.replace(tzinfo=UTC)
"""Before every answer."""

REMEMBERED = 100_000
"""Requests that are recognised when they are read again, such as after `later` in the review."""


@dataclass(frozen=True)
class Report:
    """What is known now.

    Attributes:
        bundle: whose decisions are audited.
        promised: the largest share of accepted events that may be wrong, 0 to 1.
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


class Evidence:
    """Collects requests and answers about one bundle.

    Bounds and alarms begin anew with each version of the threshold, since what is accepted is then another set. They
    count what reaches the threshold in force. Whether it can come down is decided by everything from the floor on.

    A bundle without the rows that it was calibrated on, or with few, does not say which errors its confidences allow.
    Then there is no notice, and the first requests show which confidences are usual.

    Args:
        manifest: of the bundle.
        in_force: the last change that was decided for it; None if there is none.
        advise_only: only advise changes.
    """

    def __init__(self, manifest: Manifest, in_force: ThresholdEvent | None, *, advise_only: bool) -> None:
        self._labels = manifest.labels
        self._model = ModelRef(name=manifest.name, version=manifest.version)
        self._promised = manifest.thresholds.guarantee.risk
        self._floor = manifest.thresholds.confidence
        self._advise_only = advise_only
        calibration = expand(manifest.accepted_rows or ())
        known = len(calibration.confidence) >= LEAST_REFERENCE
        self._calibrated = count_confidences(calibration.confidence) if known else None
        self._allowance = None
        if calibration.wrong.sum() >= LEAST_ERRORS:
            self._allowance = Allowance.fit(*calibration, self._labels, max_error=self._promised)
        self._requests: OrderedDict[str, None] = OrderedDict()
        self._request_count = 0
        self._reference: list[float] = []
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._answered: set[str] = set()
        self._answers = self._repeats = self._other_bundles = 0
        self._last_change: ThresholdChange | None = None
        self._begin(in_force)

    @property
    def version(self) -> int:
        """The version of the threshold in force; 0 is the bundle's own."""
        return self._version

    def stands_on(self, decided: ThresholdEvent | None) -> bool:
        """Whether the evidence counts from this decision on; None: from none.

        Versions do not tell: two processes may decide the same one, each by the answers that it has.
        """
        return _meaning(decided) == _meaning(self._in_force)

    def add_requests(self, requests: Sequence[ReviewEvent]) -> None:
        """Add events of the review topic; those that are no audit of this bundle are ignored."""
        for request in requests:
            if request.audit and request.model == self._model:
                self._see(request.message_id, request.confidence)

    def add_answers(self, labels: Sequence[LabelEvent]) -> list[ThresholdEvent]:
        """Add events of the labels topic, in the order of their answers, and return the changes that follow.

        Those that are no person's answer to this audit are ignored. With ``advise_only``, no change is returned.
        """
        changes = []
        counted = [label for label in labels if self._counts(label)]
        for start in range(0, len(counted), CHUNK):
            change = self._add(counted[start : start + CHUNK])
            if change is not None:
                changes.append(change)
        return changes

    def report(self) -> Report:
        """Return what is known now."""
        accepted = np.array([one for one in self._recent if one >= self._threshold])
        return Report(
            bundle=self._model,
            promised=self._promised,
            floor=self._floor,
            threshold=self._threshold,
            version=self._version,
            requests=self._request_count,
            answers=self._answers,
            repeats=self._repeats,
            other_bundles=self._other_bundles,
            overall=self._bounds.overall(),
            by_intent=self._bounds.by_intent(),
            alarms=list(self._detector.alarms.values()),
            evidence=self._detector.evidence,
            expected_error_share=expected_error_share(accepted),
            confidence_drift=self._drift(),
            last_change=self._last_change,
        )

    def _begin(self, in_force: ThresholdEvent | None) -> None:
        """Begin with the version in force: nothing that was won against an earlier one says anything about it."""
        self._in_force = in_force
        self._threshold = self._floor if in_force is None else max(in_force.threshold, self._floor)
        self._version = 0 if in_force is None else in_force.version
        self._answered_until = EARLIEST if in_force is None else in_force.answered_until
        self._newest_answer = self._answered_until
        self._bounds = IntentBounds(self._labels)
        self._detector = Detector(self._labels, self._promised, self._allowance)
        self._controller: ThresholdController | None = None
        self._waiting: list[AuditedEvent] = []
        self._raised: list[Alarm] = []

    def _see(self, message_id: str, confidence: float) -> None:
        if message_id in self._requests:
            return
        self._requests[message_id] = None
        if len(self._requests) > REMEMBERED:
            self._requests.popitem(last=False)
        self._request_count += 1
        if len(self._reference) < REFERENCE:
            self._reference.append(confidence)
        self._recent.append(confidence)

    def _drift(self) -> float | None:
        usual = self._calibrated
        later = self._request_count - (REFERENCE if usual is None else 0)
        if later < LEAST_REFERENCE:
            return None
        if usual is None:
            usual = count_confidences(np.array(self._reference))
        return confidence_drift(usual, count_confidences(np.array(self._recent)[-later:]))

    def _counts(self, label: LabelEvent) -> bool:
        audited = label.audited
        if audited is None or label.decided_by != "human":
            return False
        if audited.model != self._model or audited.intent not in self._labels:
            self._other_bundles += 1
            return False
        if label.message_id in self._answered:
            self._repeats += 1
            return False
        self._answered.add(label.message_id)
        self._answers += 1
        self._see(label.message_id, audited.confidence)  # its request may have been deleted from the review topic
        return audited.confidence >= self._floor

    def _add(self, labels: Sequence[LabelEvent]) -> ThresholdEvent | None:
        labels = [one for one in labels if one.labelled_at > self._answered_until]
        events = [_audited_event(label) for label in labels]
        if not events:
            return None
        # The last answer need not be the newest: people answer on several machines.
        self._newest_answer = max(self._newest_answer, *(one.labelled_at for one in labels))
        accepted = AuditedEvents.of([one for one in events if one.confidence >= self._threshold], self._labels)
        if len(accepted):
            self._bounds.extend(accepted)
            self._raised += self._detector.extend(accepted)
        self._waiting += events
        if self._controller is None:
            self._controller = self._make_controller()
        if self._controller is None:
            return None
        waiting, raised = AuditedEvents.of(self._waiting, self._labels), self._raised
        self._waiting, self._raised = [], []
        change = self._controller.update(waiting, raised, self._newest_answer.timestamp())
        return None if change is None else self._apply(change)

    def _make_controller(self) -> ThresholdController | None:
        if len(self._reference) < LEAST_REFERENCE:
            return None
        grid = threshold_grid(self._floor, np.array(self._reference))
        return ThresholdController(
            np.unique(np.append(grid, self._threshold)),
            self._promised,
            advise_only=self._advise_only,
            threshold=self._threshold,
            version=self._version,
        )

    def _apply(self, change: ThresholdChange) -> ThresholdEvent | None:
        self._last_change = change
        if self._advise_only:
            return None
        bound = self._bounds.overall()
        event = ThresholdEvent(
            model=self._model,
            version=change.version,
            threshold=change.threshold,
            previous=change.previous,
            reason=change.reason,
            alarm=None if change.alarm == "confidence" else change.alarm,
            estimate=None if change.estimate is None else min(change.estimate, 1.0),
            lower=bound.lower,
            upper=bound.upper,
            answers=change.answers,
            answered_until=self._newest_answer,
            decided_at=datetime.now(UTC),
        )
        self._begin(event)
        return event


def _meaning(decided: ThresholdEvent | None) -> tuple[int, float, datetime] | None:
    return None if decided is None else (decided.version, decided.threshold, decided.answered_until)


def _audited_event(label: LabelEvent) -> AuditedEvent:
    audited = label.audited
    assert audited is not None
    # Weights above 1 would come from an unequal selection, which no worker makes; the bets rely on that.
    return AuditedEvent(
        label.message_id, audited.confidence, audited.intent, not audited.agreed, min(audited.weight, 1.0)
    )
