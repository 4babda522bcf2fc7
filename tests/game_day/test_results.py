"""The logic of the rehearsals: when an alert fired, what became of the messages, the back-off, and the report."""

from pathlib import Path
from typing import Any

import pytest

from tests.game_day import report
from tests.game_day.accounts import Accounts, count
from tests.game_day.alert_log import AlertLog, Firing
from tests.game_day.pods import back_off_s
from tests.game_day.rehearsal import Rehearsal
from tests.game_day.scenario import Step

CLEAN = Accounts(10, 6, 3, 1, 0, 0, 0, 0, 0, 0)


def alert(name: str, state: str, **labels: str) -> dict[str, Any]:
    return {"labels": {"alertname": name, **labels}, "state": state}


def test_an_alert_fires_after_it_was_pending_and_is_resolved_when_it_is_gone() -> None:
    log = AlertLog()
    log.note(1, [alert("TriageDown", "pending", job="triage-router")])
    assert log.fired() == []
    log.note(
        2, [alert("TriageDown", "firing", job="triage-router"), alert("TriageLag", "pending", job="triage-worker")]
    )
    log.note(3, [alert("TriageDown", "firing", job="triage-router")])
    assert [one.name for one in log.unresolved()] == ["TriageDown"]
    log.note(4, [])
    assert log.fired() == [Firing("TriageDown", "triage-router", 1, 2, 4)]
    assert log.unresolved() == []
    log.note(5, [alert("TriageDown", "firing", job="triage-router")])
    assert [one.fired_at for one in log.fired()] == [2, 5]


def test_alerts_of_different_pods_are_different() -> None:
    log = AlertLog()
    log.note(1, [alert("TriagePodMissing", "firing", job="triage-worker", pod=pod) for pod in ("a", "b")])
    log.note(2, [alert("TriagePodMissing", "firing", job="triage-worker", pod="b")])
    assert [(one.about, one.resolved_at) for one in log.seen] == [("a", 2), ("b", None)]


def test_every_message_with_one_answer_and_every_intent_with_a_ticket_is_clean() -> None:
    found = count(
        messages=[(0, 0), (0, 1), (1, 0)],
        accepted={(0, 0): 1},
        requests={(0, 1): 1},
        dead={(1, 0): 1},
        decided={(0, 1): 1},
        routed={"chat-1": 2},
        tickets=[{"conversation_id": "chat-1", "messages": 2}],
    )
    assert found.clean
    assert (found.messages, found.accepted, found.fallback, found.dead_letters) == (3, 1, 1, 1)


def test_what_is_missing_and_what_came_twice_is_counted_by_service() -> None:
    found = count(
        messages=[(0, 0), (0, 1), (0, 2), (0, 3)],
        accepted={(0, 0): 2},
        requests={(0, 1): 1, (0, 2): 1},
        dead={},
        decided={(0, 1): 2},
        routed={"chat-1": 3, "chat-2": 1},
        tickets=[{"conversation_id": "chat-1", "messages": 1}, {"conversation_id": "chat-2", "messages": 2}],
    )
    assert (found.lost, found.twice) == (1, 1)
    assert (found.requests_lost, found.requests_twice) == (1, 1)
    assert (found.routed_lost, found.routed_twice) == (2, 1)
    assert not found.clean


@pytest.mark.parametrize(("exits", "seconds"), [(1, 0.0), (2, 10.0), (6, 160.0), (7, 300.0), (20, 300.0)])
def test_the_wait_before_a_restart_doubles_up_to_five_minutes(exits: int, seconds: float) -> None:
    assert back_off_s(exits) == seconds


def result(**changes: Any) -> Rehearsal:
    usual: dict[str, Any] = {
        "fired": [("TriageDown", "triage-router", 131.2)],
        "resolved": [("TriageDown", "triage-router", 30.4)],
        "cause_found": True,
        "repaired_after_s": 180.0,
        "ready_after_s": 12.0,
        "accounts": CLEAN,
    }
    return Rehearsal("node-lost", "a node lost", ["TriageDown"], **usual | changes)


def test_a_rehearsal_fails_without_its_alert_without_its_pods_and_with_a_lost_message() -> None:
    assert result().passed
    assert not result(missing=["TriageDown"]).passed
    assert not result(ready_after_s=None).passed
    assert not result(accounts=None).passed
    assert not result(accounts=Accounts(10, 6, 3, 0, 1, 0, 0, 0, 0, 0)).passed


def test_the_row_says_what_rang_when_and_what_was_lost() -> None:
    assert report.row(result()) == "| a node lost | TriageDown (triage-router): 131 | yes | 180, 12, 30 | 0 | 0 |"
    silent = report.row(result(fired=[], resolved=[], missing=["TriageDown"], accounts=None))
    assert "none; missing: TriageDown" in silent
    assert silent.endswith("| ? | ? |")
    assert "still firing" in report.row(result(resolved=[("TriageDown", "triage-router", None)]))


def test_reports_are_written_in_both_formats(tmp_path: Path) -> None:
    report.write(tmp_path / "runs", [result(steps=[Step("TriageDown", "kubectl get pods", "router-1 Unknown")])])
    assert '"passed": true' in (tmp_path / "runs" / "game_day.json").read_text()
    assert "router-1 Unknown" in (tmp_path / "runs" / "game_day.md").read_text()
