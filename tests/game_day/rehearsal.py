"""Rehearses one scenario: healthy traffic, the fault, the alerts, the runbook, the repair, and the accounts."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.game_day.accounts import Accounts
from tests.game_day.alert_log import AlertLog, Firing
from tests.game_day.installation import Installation, traffic
from tests.game_day.monitoring import alerts
from tests.game_day.scenario import Scenario, Step

BASELINE_S = 60.0
POLL_S = 2.0
READY_S = 900.0
RESOLVED_S = 1_300.0
"""Alerts about what happened within a quarter of an hour need that long."""

SETTLED_S = 420.0


@dataclass
class Rehearsal:
    """The result of a scenario; times are in seconds, from the fault or from the repair.

    Attributes:
        name: of the scenario.
        title: of the scenario.
        must_ring: the alerts that had to fire.
        alarms_before: alerts that fired before the fault.
        fired: name, subject and seconds after the fault of each alert.
        resolved: name, subject and seconds after the repair; None if it still fired in the end.
        missing: alerts that had to fire and did not.
        unexpected: alerts that fired and follow neither from the fault nor from the repair.
        steps: what the runbook said, and what was seen.
        cause_found: whether the cause was in what was seen.
        exits: exit codes of pods that ended by themselves.
        repaired_after_s: seconds from the fault to the repair.
        ready_after_s: from the repair until all pods were ready.
        accounts: of all messages in the end.
    """

    name: str
    title: str
    must_ring: list[str]
    alarms_before: list[str] = field(default_factory=list)
    fired: list[tuple[str, str, float]] = field(default_factory=list)
    resolved: list[tuple[str, str, float | None]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    cause_found: bool = False
    exits: dict[str, list[int]] = field(default_factory=dict)
    repaired_after_s: float = 0.0
    ready_after_s: float | None = None
    accounts: Accounts | None = None

    @property
    def passed(self) -> bool:
        """Whether all required alerts fired, all pods came back, and no message was lost or answered twice."""
        return not self.missing and self.ready_after_s is not None and self.accounts is not None and self.accounts.clean

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {**asdict(self), "passed": self.passed}


async def rehearse(scenario: Scenario, folder: Path) -> Rehearsal:
    """Rehearse a scenario.

    Args:
        scenario: what to break.
        folder: for logs and data.
    """
    result = Rehearsal(scenario.name, scenario.title, sorted(scenario.must_ring))
    log = AlertLog()
    async with scenario.open(folder) as site:
        async with traffic(site), _noting(site, log):
            say(scenario, "all pods are ready, messages flow")
            await asyncio.sleep(BASELINE_S)
            await scenario.before(site)
            result.alarms_before = sorted(log.fired_names())
            began = time.monotonic()
            await scenario.fault(site)
            say(scenario, "the fault is there")
            await _until(lambda: scenario.must_ring <= log.fired_names(), scenario.patience_s)
            await asyncio.sleep(scenario.listens_s)
            result.missing = sorted(scenario.must_ring - log.fired_names())
            result.steps = list(await scenario.diagnose(site))
            result.cause_found = any(re.search(scenario.cause, step.saw) for step in result.steps)
            say(scenario, f"fired: {sorted(log.fired_names())}; the cause was found: {result.cause_found}")
            repaired = time.monotonic()
            result.repaired_after_s = round(repaired - began, 1)
            await scenario.repair(site)
            await site.pods.until_ready(timeout_s=READY_S)
            result.ready_after_s = round(time.monotonic() - repaired, 1)
            say(scenario, f"ready {result.ready_after_s} s after the repair")
            await _until(lambda: not log.unresolved(), RESOLVED_S)
        result.accounts = await _settled(site)
        result.exits = {pod.name: pod.exit_codes for pod in site.pods.all if pod.exit_codes}
    _note_alerts(result, scenario, log, began, repaired)
    say(scenario, "passed" if result.passed else "FAILED")
    return result


def say(scenario: Scenario, what: str) -> None:
    """Report progress on the terminal."""
    print(f"{time.strftime('%H:%M:%S')} {scenario.name}: {what}", flush=True)


def _note_alerts(result: Rehearsal, scenario: Scenario, log: AlertLog, began: float, repaired: float) -> None:
    fired = [one for one in log.fired() if (one.fired_at or 0.0) >= began]
    result.fired = [(one.name, one.about, round((one.fired_at or 0.0) - began, 1)) for one in fired]
    result.resolved = [(one.name, one.about, _after(one, repaired)) for one in fired]
    result.unexpected = sorted({one.name for one in fired} - scenario.must_ring - scenario.may_ring)


def _after(firing: Firing, repaired: float) -> float | None:
    return None if firing.resolved_at is None else round(firing.resolved_at - repaired, 1)


@asynccontextmanager
async def _noting(site: Installation, log: AlertLog) -> AsyncIterator[None]:
    async def note() -> None:
        while True:
            found = await alerts(site.session)
            if found is not None:
                log.note(time.monotonic(), found)
            await asyncio.sleep(POLL_S)

    task = asyncio.create_task(note())
    try:
        yield
    finally:
        task.cancel()


async def _until(condition: Callable[[], bool], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:  # noqa: ASYNC110 (the alerts are polled, too)
        await asyncio.sleep(POLL_S)


async def _settled(site: Installation) -> Accounts | None:
    """Account for all messages, once everything was answered and routed or that takes too long."""
    deadline = time.monotonic() + SETTLED_S
    found: Accounts | None = None
    while time.monotonic() < deadline:
        with suppress(AssertionError):  # a topic could not be read to its end within half a minute
            found = await site.account()
            if found.complete and found.conserved:
                break
        await asyncio.sleep(5)
    return found
