"""What is wrong at present, and what to do about it, in a sentence each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from triage_worker.console.queries.audit_bound import LiveBound
from triage_worker.console.queries.now import Account, Queue, Surge
from triage_worker.console.shared.live import WorkerAccount, lags, llm, worker_account
from triage_worker.console.shared.scraping import Look

Level = Literal["problem", "warning"]

SLOW_S = 60.0
OLD_REVIEW_MS = 4 * 3_600_000
FEW = 3
"""Looks in a row with a difference before it counts: counters are not read at the same moment."""


@dataclass(frozen=True)
class Alert:
    """Something that a person should know.

    Attributes:
        level: problem or warning.
        what: the sentence.
        advice: what to do.
        runbook: section of docs/runbook.md; empty if there is none.
    """

    level: Level
    what: str
    advice: str
    runbook: str = ""


def alerts(
    looks: Sequence[Look], account: Account, queue: Queue, surges: Sequence[Surge], bound: LiveBound, now: int
) -> list[Alert]:
    """Return what is wrong, problems first."""
    found = [
        *_services(looks),
        *_account(looks, account),
        *_llm(looks),
        *_audit(looks, bound),
        *(
            Alert(
                "warning",
                f"{surge.intent} is asked for {surge.count:,} times, and {surge.usual:,.0f} times is usual.",
                "Look at its tickets: something may have happened that many customers ask about.",
            )
            for surge in surges
        ),
    ]
    if queue.oldest is not None and now - queue.oldest > OLD_REVIEW_MS:
        hours = (now - queue.oldest) // 3_600_000
        advice = "Answer some under Review, or ask more people to."
        found.append(Alert("warning", f"A message has waited for a person for {hours} hours.", advice))
    return sorted(found, key=lambda alert: alert.level != "problem")


def _services(looks: Sequence[Look]) -> list[Alert]:
    if not looks:
        return []
    found = []
    for service in looks[-1].services:
        if service.problem is not None:
            advice = "See whether it runs, and whether the console can reach this address."
            found.append(Alert("problem", f"{service.url} {service.problem}.", advice, "TriageDown"))
        elif service.total("triage_ready") == 0:
            advice = "Its /readyz says why."
            found.append(Alert("problem", f"The service at {service.url} is not ready.", advice, "TriageNotReady"))
    for lag in lags(looks[-1]):
        if lag.seconds is not None and lag.seconds > SLOW_S:
            what = f"{lag.messages:,} messages wait on {lag.topic}, the oldest for {lag.seconds:.0f} s."
            found.append(Alert("warning", what, "If this does not fall, add workers.", "TriageLag"))
    return found


def _account(looks: Sequence[Look], account: Account) -> list[Alert]:
    latest = [worker_account(look) for look in list(looks)[-FEW:]]
    differences = [one.difference for one in latest if isinstance(one, WorkerAccount)]
    found = []
    if len(differences) == FEW and min(differences) > 0:
        what = f"{min(differences):,} messages are read and not accounted for."
        found.append(Alert("problem", what, "A message may be lost: keep the logs.", "TriageUnaccounted"))
    if not account.holds:
        what = "The counts of this console do not add up."
        found.append(Alert("warning", what, "Delete the console's state: it is read from the topics again."))
    return found


def _llm(looks: Sequence[Look]) -> list[Alert]:
    cost = llm(looks)
    if cost is None or not cost.breaker_open:
        return []
    advice = "Refused messages go to people meanwhile. See whether its address answers, and what its provider says."
    return [Alert("problem", "The LLM is not asked: too many calls failed.", advice, "TriageLlmBreakerOpen")]


def _audit(looks: Sequence[Look], bound: LiveBound) -> list[Alert]:
    found = []
    raised = {labels["kind"] for one in (looks[-1].services if looks else ())
              for labels, value in one.values("triage_audit_alarm") if value > 0}  # fmt: skip
    if "promise" in raised:
        what = "More of what is accepted is wrong than the bundle promises."
        found.append(Alert("problem", what, "Raise the threshold, or learn from the answers.", "TriagePromiseBroken"))
    if "change" in raised:
        what = "More is wrong than before, or with more confidence."
        found.append(Alert("warning", what, "Look at the latest answers of the audit.", "TriageErrorsChanged"))
    if bound.waiting > 200:
        what = f"{bound.waiting:,} messages of the audit wait for an answer."
        found.append(
            Alert("warning", what, "Answer some under Review: they are among the others.", "TriageAuditUnanswered")
        )
    return found
