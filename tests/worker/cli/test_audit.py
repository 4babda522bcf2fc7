"""``triage audit`` on a terminal and as JSON."""

import json
from collections.abc import Callable

import pytest
from triage_models.bundle.manifest import IntentThreshold, Manifest
from triage_schemas.events import LabelEvent, ThresholdEvent
from triage_worker.audit import service
from triage_worker.audit.evidence import Evidence
from triage_worker.cli.app import app
from typer.testing import CliRunner, Result

from tests.worker.audit.streams import BUNDLE, FLOOR, MANIFEST, answer, answers, calibrated, placed

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    def run(
        *arguments: str,
        labels: list[LabelEvent],
        manifest: Manifest = MANIFEST,
        in_force: ThresholdEvent | None = None,
    ) -> Result:
        evidence = Evidence(manifest, in_force, advise_only=True)
        evidence.add_answers(placed(labels))
        monkeypatch.setattr(service, "run_once", lambda settings: evidence.report())
        return CliRunner().invoke(app, ["audit", *arguments], env={"COLUMNS": "200"})

    return run


def test_it_prints_the_bounds_and_how_many_answers_they_stand_on(run: Run) -> None:
    done = run(labels=[*answers([0.0] * 99), answer(500, 0.99, wrong=True)])
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0].startswith(f"{BUNDLE.name} {BUNDLE.version}: accepts from ")
    assert "100 messages audited, 100 answered. Promised: at most 5.0% wrong." in lines[0]
    assert [line.split()[:4] for line in lines[2:4]] == [["all", "100", "1", "1.0%"], ["WISMO", "100", "1", "1.0%"]]
    assert "OTHER" not in done.output, "an intent without answers"
    assert "No alarm." in lines
    assert "raised" not in done.output


def test_it_says_that_the_threshold_is_raised_since_no_alarm_tells_so_any_more(run: Run) -> None:
    labels = list(answers([0.03] * 300 + [0.5] * 200))
    raised = Evidence(MANIFEST, None, advise_only=False).add_answers(placed(labels))[-1]
    done = run(labels=labels, in_force=raised)
    assert f"raised from the bundle's own {FLOOR:.3f}" in done.output


def test_it_prints_alarms_and_advice_and_exits_with_1(run: Run) -> None:
    done = run(labels=list(answers([0.03] * 300 + [0.5] * 200)))
    assert done.exit_code == 1
    assert "Alarm: promise, false only if each accepted event was wrong with at most the promised" in done.output
    assert "Advice: accept from 0." in done.output


def limited(*, certified: bool) -> Manifest:
    """Of a bundle where two intents have limits of their own; all its limits are guaranteed, or only aims."""
    thresholds = MANIFEST.thresholds
    guarantee = thresholds.guarantee.model_copy(update={"certified": certified})
    own = {
        intent: IntentThreshold(confidence=0.9, guarantee=guarantee.model_copy(update={"risk": 0.01}))
        for intent in ("CANCEL_ORDER", "WISMO")
    }
    return MANIFEST.model_copy(
        update={"thresholds": thresholds.model_copy(update={"guarantee": guarantee, "by_intent": own})}
    )


def test_a_limit_that_is_not_certified_is_called_an_aim(run: Run) -> None:
    labels = list(answers([0.03] * 300 + [0.5] * 200))
    done = run(labels=labels, manifest=limited(certified=False))
    assert "Aim (not certified): at most 5.0% wrong." in done.output
    assert "Promised" not in done.output
    assert "The bundle promises nothing: this is about its aim." in done.output
    assert "1.0% (aim)" in done.output
    assert (
        json.loads(run("--json", labels=labels, manifest=limited(certified=False)).output)["promise_certified"] is False
    )
    assert "about its aim" not in run(labels=labels, manifest=limited(certified=True)).output


def test_intents_show_their_own_limit_and_no_alarm_watches_it(run: Run) -> None:
    within, above = [answer(number, 0.99, wrong=False) for number in range(300)], list(answers([0.04] * 1_000))
    done = run(labels=within, manifest=limited(certified=True))
    lines = [line.split() for line in done.output.splitlines()]
    assert next(line for line in lines if line[:1] == ["CANCEL_ORDER"])[:4] == ["CANCEL_ORDER", "0", "0", "–"]
    assert next(line for line in lines if line[:1] == ["WISMO"])[-1] == "1.0%"
    assert "own limit" in done.output
    assert "its own limit allows" not in done.output
    done = run(labels=above, manifest=limited(certified=True))
    assert "WISMO: for a time, more was wrong than its own limit allows." in done.output
    assert (done.exit_code, "No alarm." in done.output) == (0, True)
    assert "own limit" not in run(labels=above).output
    found = json.loads(run("--json", labels=above, manifest=limited(certified=True)).output)["intents"]
    assert (found["WISMO"]["max_error"], found["WISMO"]["max_error_certified"]) == (0.01, True)
    assert "max_error" not in found["OTHER"]


def test_a_notice_is_no_alarm(run: Run) -> None:
    confident = [answer(number, 0.995, wrong=number % 40 == 0) for number in range(1_500)]
    done = run(labels=confident, manifest=calibrated([0.995] * 900 + [0.8] * 100, [False] * 900 + [True, False] * 50))
    assert done.exit_code == 0, done.output
    assert "Notice: confidence, false only if each accepted event was wrong with at most" in done.output
    assert "No alarm." in done.output
    assert "Alarm: " not in done.output


def test_json_has_the_whole_report(run: Run) -> None:
    done = run("--json", labels=list(answers([0.03] * 300 + [0.5] * 200)))
    assert done.exit_code == 1
    report = json.loads(done.output)
    assert (report["bundle"], report["bundle_version"], report["answers"]) == (BUNDLE.name, BUNDLE.version, 500)
    assert report["overall"]["error_lower"] > report["promised_error"] == 0.05
    assert set(report["intents"]) == set(MANIFEST.labels)
    assert "promise" in {alarm["kind"] for alarm in report["alarms"]}
    assert report["advice"]["threshold"] > report["threshold"] == report["threshold_floor"]


@pytest.mark.parametrize("arguments", [["--act"], ["--follow", "--json"]])
def test_flags_that_do_not_fit_are_refused(arguments: list[str]) -> None:
    done = CliRunner().invoke(app, ["audit", *arguments])
    assert done.exit_code != 0
    assert "--follow" in str(done.exception)
