"""Alerts: promtool accepts them, each has a test in which it fires, and each links to the runbook."""

import re
from typing import Any

import pytest
import yaml

from tests.deploy.tools import CHART, DEPLOY, ROOT, call

RULES = CHART / "files" / "rules.yaml"
TESTS = sorted((DEPLOY / "alerts").glob("*_test.yaml"))
RUNBOOK = ROOT / "docs" / "runbook.md"
PARSED = yaml.safe_load(RULES.read_text(encoding="utf-8"))
ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for group in PARSED["groups"] for rule in group["rules"] if "alert" in rule
}


def test_promtool_accepts_the_rules() -> None:
    call("bin/promtool", "check", "rules", "--lint=all", "--lint-fatal", RULES)


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_alerts_fire_when_they_should_and_not_before(file: Any) -> None:
    call("bin/promtool", "test", "rules", file)


def test_every_alert_is_tested_firing_and_silent() -> None:
    fired, silent = set[str](), set[str]()
    for file in TESTS:
        for test in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]:
            for case in test["alert_rule_test"]:
                (fired if case["exp_alerts"] else silent).add(case["alertname"])
    assert fired == set(ALERTS)
    assert silent == set(ALERTS)


@pytest.mark.parametrize("name", sorted(ALERTS))
def test_every_alert_has_a_severity_and_a_link_to_the_runbook(name: str) -> None:
    alert = ALERTS[name]
    assert alert["labels"]["severity"] in ("warning", "critical")
    page, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    assert page == "docs/runbook.md"
    headings = re.findall(r"^## (\w+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor in [heading.lower() for heading in headings]


def test_the_runbook_has_no_entry_without_an_alert() -> None:
    headings = re.findall(r"^## (Triage\w+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)
    anchors = {alert["annotations"]["runbook_url"].partition("#")[2] for alert in ALERTS.values()}
    assert {heading.lower() for heading in headings} == anchors
