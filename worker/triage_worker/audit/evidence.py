"""What people's answers say about everything that one bundle accepts. Pure: events in, a report and changes out."""

from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from aiokafka.structs import TopicPartition
from triage_models.audit.allowance import Allowance
from triage_models.audit.confidence_sequence import IntentBounds
from triage_models.audit.controller import ThresholdChange, ThresholdController, threshold_grid
from triage_models.audit.detector import Alarm, Detector
from triage_models.audit.events import AuditedEvent, AuditedEvents
from triage_models.audit.expected_errors import confidence_drift, count_confidences, expected_error_share
from triage_models.audit.selection import Floats
from triage_models.bundle.accepted_rows import expand
from triage_models.bundle.manifest import Manifest
from triage_schemas.events import LabelEvent, ModelRef, ReviewEvent, ThresholdEvent

from triage_worker.audit.answers import AfterDecision, Answer, Positions, audited_event
from triage_worker.audit.report import IntentLimit, Report

CHUNK = 25
"""Answers after which the threshold is looked at again; more at once is faster, and decides later."""

REFERENCE = 500
"""So many of the latest requests show which threshold accepts how much. If the bundle does not have the rows that it
was calibrated on, the drift of confidences is measured from so many of the first ones."""

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
        ends: the end of each partition of the labels topic, see `AfterDecision`.
    """

    def __init__(
        self,
        manifest: Manifest,
        in_force: ThresholdEvent | None,
        *,
        advise_only: bool,
        ends: Mapping[TopicPartition, int] | None = None,
    ) -> None:
        self._labels = manifest.labels
        self._model = ModelRef(name=manifest.name, version=manifest.version)
        self._promised = manifest.thresholds.guarantee.risk
        self._certified = manifest.thresholds.guarantee.certified
        own = manifest.thresholds.by_intent or {}
        self._own_limits = {
            intent: IntentLimit(one.guarantee.risk, one.guarantee.certified) for intent, one in own.items()
        }
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
        self._highest_version = 0
        self._last_change: ThresholdChange | None = None
        self._positions = Positions(in_force)
        self._begin(in_force, ends)

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

    def add_answers(self, answers: Sequence[Answer]) -> list[ThresholdEvent]:
        """Add events of the labels topic, and return the changes that follow.

        Those that are no person's answer to this audit are ignored. With ``advise_only``, no change is returned.

        Args:
            answers: in the order of `in_order`; of each partition, those that follow the ones before.
        """
        changes = []
        counted = [answer for answer in answers if self._counts(answer.event)]
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
            certified=self._certified,
            own_limits=self._own_limits,
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

    def _begin(self, in_force: ThresholdEvent | None, ends: Mapping[TopicPartition, int] | None = None) -> None:
        """Begin with the version in force: nothing that was won against an earlier one says anything about it."""
        self._in_force = in_force
        self._threshold = self._floor if in_force is None else max(in_force.threshold, self._floor)
        self._version = 0 if in_force is None else in_force.version
        self._after = AfterDecision(in_force, ends)
        self._newest_answer = EARLIEST if in_force is None else in_force.answered_until
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
        self._highest_version = max(self._highest_version, audited.threshold_version)
        self._answers += 1
        self._see(label.message_id, audited.confidence)  # its request may have been deleted from the review topic
        return audited.confidence >= self._floor

    def _add(self, answers: Sequence[Answer]) -> ThresholdEvent | None:
        self._positions.add(answers)
        labels = [answer.event for answer in answers if self._after.includes(answer)]
        events = [audited_event(label) for label in labels]
        if not events:
            return None
        # For those who do not know offsets. The last answer need not be the newest: people answer on several machines.
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
        if raised:
            self._controller.look_ahead(self._latest_confidences())
        change = self._controller.update(waiting, raised, self._newest_answer.timestamp())
        return None if change is None else self._apply(change)

    def _make_controller(self) -> ThresholdController | None:
        if len(self._recent) < LEAST_REFERENCE:
            return None
        recorded = None if self._in_force is None else self._in_force.may_fall_to
        grid = threshold_grid(self._floor, self._latest_confidences()) if recorded is None else np.array(recorded)
        return ThresholdController(
            np.unique(np.append(grid[grid > self._floor], [self._floor, self._threshold])),
            self._promised,
            advise_only=self._advise_only,
            threshold=self._threshold,
            version=self._version,
        )

    def _latest_confidences(self) -> Floats:
        return np.array(list(self._recent)[-REFERENCE:])

    def _apply(self, change: ThresholdChange) -> ThresholdEvent | None:
        self._last_change = change
        if self._advise_only:
            return None
        assert self._controller is not None
        bound, lower = self._bounds.overall(), self._controller.grid[self._controller.grid < change.threshold].tolist()
        event = ThresholdEvent(
            model=self._model,
            # After a decision was taken back, its version is not used again: events with it are about another one.
            version=max(change.version, self._highest_version + 1),
            threshold=change.threshold,
            previous=change.previous,
            reason=change.reason,
            alarm=None if change.alarm == "confidence" else change.alarm,
            estimate=None if change.estimate is None else min(change.estimate, 1.0),
            lower=bound.lower,
            upper=bound.upper,
            answers=change.answers,
            answered_until=self._newest_answer,
            answered_before=self._positions.as_references(),
            may_fall_to=lower,
            decided_at=datetime.now(UTC),
        )
        self._begin(event)
        return event


def _meaning(decided: ThresholdEvent | None) -> tuple[object, ...] | None:
    if decided is None:
        return None
    return decided.version, decided.threshold, decided.answered_until, decided.answered_before
