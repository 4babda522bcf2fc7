"""Remembers when each alert began to fire and when it was resolved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Firing:
    """One alert, of one service or pod.

    Attributes:
        name: of the alert.
        about: the service, pod or role that it is about.
        pending_at: when it was first seen as pending or firing, in seconds of the clock that `AlertLog.note` is given.
        fired_at: when it was first seen firing; None if it never was.
        resolved_at: when it was first not seen any more.
    """

    name: str
    about: str
    pending_at: float
    fired_at: float | None = None
    resolved_at: float | None = None


ABOUT = ("pod", "job", "role", "instance", "source")
"""Labels that say what an alert is about; the first one that it has counts."""


@dataclass
class AlertLog:
    """The alerts of one rehearsal, in the order in which they were first seen."""

    seen: list[Firing] = field(default_factory=list)

    def note(self, now: float, alerts: Iterable[Mapping[str, Any]]) -> None:
        """Take note of the alerts that Prometheus reports.

        Args:
            now: in seconds of any clock.
            alerts: as ``/api/v1/alerts`` lists them.
        """
        current = {(one["labels"]["alertname"], _about(one["labels"])): one["state"] for one in alerts}
        for (name, about), state in current.items():
            firing = self._open(name, about)
            if firing is None:
                firing = Firing(name, about, now)
                self.seen.append(firing)
            if state == "firing" and firing.fired_at is None:
                firing.fired_at = now
        for firing in self.seen:
            if firing.resolved_at is None and (firing.name, firing.about) not in current:
                firing.resolved_at = now

    def fired(self) -> list[Firing]:
        """The alerts that fired."""
        return [one for one in self.seen if one.fired_at is not None]

    def fired_names(self) -> set[str]:
        """Their names."""
        return {one.name for one in self.fired()}

    def unresolved(self) -> list[Firing]:
        """The alerts that fire now."""
        return [one for one in self.fired() if one.resolved_at is None]

    def _open(self, name: str, about: str) -> Firing | None:
        return next(
            (one for one in self.seen if (one.name, one.about) == (name, about) and one.resolved_at is None), None
        )


def _about(labels: Mapping[str, str]) -> str:
    return next((str(labels[name]) for name in ABOUT if name in labels), "")
