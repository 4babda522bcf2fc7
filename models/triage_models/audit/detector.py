"""Raises alarms on a stream of audited events, each with its own guarantee.

There are two alarms, "promise" and "change", and one notice, "confidence". The alarms assume nothing about the
calibration of the bundle. If the promise is kept and nothing changes, the probability that any of them is ever raised
is at most 5 %, however long the stream is. The notice is as trustworthy as the allowance: on traffic unlike the rows
that the bundle was calibrated on, it may come although the promise is kept. It then says that confidences mean
something else there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from triage_models.audit.allowance import Allowance
from triage_models.audit.change import ChangeTest
from triage_models.audit.events import AuditedEvents
from triage_models.audit.promise import PromiseTest
from triage_models.audit.restarts import SCALE, RestartMixture
from triage_models.audit.selection import Floats
from triage_models.audit.stated_confidence import ConfidenceTest

Kind = Literal["promise", "confidence", "change"]

FALSE_ALARM_SHARES: Mapping[Kind, float] = {"promise": 0.2, "change": 0.8, "confidence": 1.0}
"""How the probability of a false alarm is divided between the two alarms; the notice has one of its own."""

GUARANTEES: Mapping[Kind, str] = {
    "promise": "false only if each accepted event was wrong with at most the promised probability",
    "change": "false only if nothing has changed since the audit began",
    "confidence": "false only if each accepted event was wrong with at most the probability that its confidence allows",
}


@dataclass(frozen=True)
class Alarm:
    """An alarm of one of the tests, or the notice.

    Attributes:
        kind: the test.
        event: the event that raised it, counted from 0.
        since: the event since which errors are more frequent, as an estimate.
        evidence: the capital that the bets have won; a false alarm with at least this has a probability of at most one
            divided by it.
    """

    kind: Kind
    event: int
    since: int
    evidence: float

    @property
    def is_notice(self) -> bool:
        """Whether it is only a notice, on which nothing acts by itself."""
        return self.kind == "confidence"


class Detector:
    """Watches audited events, and raises each kind of alarm at most once.

    Begin a new one with every new bundle, threshold, or way of auditing: what was won against the old one says nothing
    about the new one.

    Args:
        labels: the bundle's labels.
        max_error: the promised error rate, 0 to 1.
        allowance: the allowed error by confidence and intent; None for no notice.
        false_alarms: the probability, 0 to 1, that an alarm is ever raised although nothing is wrong; likewise for the
            notice.
        largest_weight: the weight that no event exceeds.
        scale: about how many events pass before a long good past makes detection slower (`RestartMixture`).
    """

    def __init__(
        self,
        labels: Sequence[str],
        max_error: float,
        allowance: Allowance | None,
        *,
        false_alarms: float = 0.05,
        largest_weight: float = 1.0,
        scale: float = SCALE,
    ) -> None:
        self._promise = PromiseTest(max_error, largest_weight, scale)
        self._confidence = None if allowance is None else ConfidenceTest(allowance, labels, scale)
        self._change = ChangeTest(labels, scale)
        self._limits = {kind: -float(np.log(false_alarms * share)) for kind, share in FALSE_ALARM_SHARES.items()}
        self._raised: dict[Kind, Alarm] = {}
        self._evidence: dict[Kind, float] = dict.fromkeys(FALSE_ALARM_SHARES, 0.0)
        self._events = 0

    @property
    def alarms(self) -> Mapping[Kind, Alarm]:
        """The alarms and notices raised so far."""
        return self._raised

    @property
    def evidence(self) -> Mapping[Kind, float]:
        """The log of the evidence of each test now, divided by the log that raises its alarm: 1 is an alarm."""
        return {kind: value / self._limits[kind] for kind, value in self._evidence.items()}

    def extend(self, events: AuditedEvents) -> list[Alarm]:
        """Add events and return the alarms and notices that they raise, the earliest first."""
        if not len(events):
            return []
        found = [self._check("promise", self._promise.extend(events), self._promise.mixture)]
        if self._confidence is not None:
            found.append(self._check("confidence", self._confidence.extend(events), self._confidence.mixture))
        overall, by_intent = self._change.extend(events)
        stronger = self._change.mixture if overall.max() >= by_intent.max() else self._change.intent_mixture
        # Two tests share the probability of this alarm, so each needs twice the evidence.
        found.append(self._check("change", np.maximum(overall, by_intent) - np.log(2.0), stronger))
        self._events += len(events)
        return sorted((alarm for alarm in found if alarm is not None), key=lambda alarm: alarm.event)

    def _check(self, kind: Kind, evidence: Floats, mixture: RestartMixture) -> Alarm | None:
        self._evidence[kind] = float(evidence[-1])
        reached = np.flatnonzero(evidence >= self._limits[kind])
        if not len(reached) or kind in self._raised:
            return None
        first = int(reached[0])
        won = float(np.exp(min(evidence[first], 300.0)))
        alarm = Alarm(kind, self._events + first, min(mixture.likely_start, self._events + first), won)
        self._raised[kind] = alarm
        return alarm
