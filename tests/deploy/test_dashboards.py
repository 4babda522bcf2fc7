"""Dashboards and alerts use only metrics that the services export."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry
from triage_worker.audit.metrics import AuditMetrics
from triage_worker.console.shared.readiness import ConsoleReadiness
from triage_worker.fallback.metrics import LlmMetrics
from triage_worker.helpdesk.metrics import HelpdeskMetrics
from triage_worker.inference.bundle_metrics import BundleMetrics
from triage_worker.intake.metrics import IntakeMetrics
from triage_worker.observability.http import readiness
from triage_worker.observability.metrics import Metrics
from triage_worker.router.metrics import RouterMetrics
from triage_worker.serve.metrics import ServeMetrics

from deploy.dashboards import build
from tests.deploy.tools import CHART, ROOT

BOARDS = sorted((CHART / "files" / "dashboards").glob("*.json"))
RULES = yaml.safe_load((CHART / "files" / "rules.yaml").read_text(encoding="utf-8"))
RECORDED = {rule["record"] for group in RULES["groups"] for rule in group["rules"] if "record" in rule}
NOT_OURS = {"up", "kube_pod_container_status_waiting_reason"}
"""Metrics of Prometheus and kube-state-metrics."""

WORDS = re.compile(
    r"\b(by|on|ignoring|without|group_left|group_right)\s*\([^)]*\)|\"[^\"]*\"|'[^']*'|\{[^}]*\}|\[[^\]]*\]|\$\w+"
)
NAMES = re.compile(r"[a-zA-Z_][a-zA-Z0-9_:]*(?!\s*\(|[a-zA-Z0-9_:])")
KEYWORDS = {"by", "on", "and", "or", "unless", "offset", "bool", "group_left", "m", "h", "d"}
LABELS = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^}]*)\}")


def _registries() -> Iterator[CollectorRegistry]:
    worker = Metrics()
    BundleMetrics(worker.registry)
    readiness(lambda: None, worker.registry)
    worker.threshold(lambda: (0.8, 0), lambda: True)
    yield worker.registry
    audit = CollectorRegistry()
    AuditMetrics(audit)
    yield audit
    fallback = Metrics()
    LlmMetrics(fallback.registry)
    yield fallback.registry
    yield RouterMetrics().registry
    yield HelpdeskMetrics().registry
    console = CollectorRegistry()
    ConsoleReadiness(asyncio.Event(), []).export(console)
    yield console
    for kind in (ServeMetrics, IntakeMetrics):
        registry = CollectorRegistry()
        kind(registry)
        yield registry


def _exported() -> dict[str, set[str]]:
    """Return the names of samples with the labels of each."""
    found: dict[str, set[str]] = {}
    for registry in _registries():
        for collector in list(registry._collector_to_names):
            names = registry._collector_to_names[collector]
            labels = set(getattr(collector, "_labelnames", ()))
            for name in names:
                if not name.endswith("_created"):
                    found[name] = labels | ({"le"} if name.endswith("_bucket") else set())
        # The process collector does not register its names.
        for family in registry.collect():
            for sample in family.samples:
                if not sample.name.endswith("_created"):
                    found.setdefault(sample.name, set(sample.labels))
    return found


EXPORTED = _exported()


def _queries() -> list[tuple[str, str]]:
    listed = [
        (f"{file.stem}: {panel['title']}", target["expr"])
        for file in BOARDS
        for panel in json.loads(file.read_text(encoding="utf-8"))["panels"]
        for target in panel.get("targets", ())
    ]
    listed += [
        (rule.get("alert", rule.get("record")), rule["expr"]) for group in RULES["groups"] for rule in group["rules"]
    ]
    return listed


def _metrics(query: str) -> set[str]:
    return set(NAMES.findall(WORDS.sub(" ", query))) - KEYWORDS


@pytest.mark.parametrize(("where", "query"), _queries(), ids=[where for where, _ in _queries()])
def test_every_query_uses_exported_metrics(where: str, query: str) -> None:
    used = _metrics(query)
    assert used
    unknown = used - set(EXPORTED) - RECORDED - NOT_OURS
    assert not unknown, f"{where} uses {sorted(unknown)}"
    for metric, matchers in LABELS.findall(query):
        asked = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers)) - {"namespace", "job", "instance"}
        if metric in EXPORTED and metric != "triage_model_info":
            assert asked <= EXPORTED[metric], f"{where} asks {metric} for {sorted(asked - EXPORTED[metric])}"


def test_every_metric_is_on_a_board_or_in_the_docs() -> None:
    families = {name for name in EXPORTED if name.startswith("triage_")}
    families = {re.sub(r"_(bucket|sum|count|total|info)$", "", name) for name in families}
    shown = "\n".join(query for _, query in _queries())
    shown += (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert [family for family in sorted(families) if not re.search(rf"\b{family}(_|\b)", shown)] == []


def test_units_are_in_the_names() -> None:
    timed = [name for name in EXPORTED if name.startswith("triage_") and name.endswith("_bucket")]
    assert all(name.removesuffix("_bucket").endswith(("_seconds", "_messages", "_tokens", "_texts")) for name in timed)


def test_the_committed_dashboards_equal_the_output_of_the_generator() -> None:
    committed = {file.name: file.read_text(encoding="utf-8") for file in BOARDS}
    assert committed == build.render(), "run: python -m deploy.dashboards.build"


@pytest.mark.parametrize("file", BOARDS, ids=lambda file: file.stem)
def test_a_board_says_what_it_needs_as_grafana_com_asks(file: Path) -> None:
    board = json.loads(file.read_text(encoding="utf-8"))
    assert board["id"] is None
    assert board["__inputs"] == []
    assert board["description"].endswith(".")
    needed = {(item["type"], item["id"]) for item in board["__requires"]}
    panels = {("panel", panel["type"]) for panel in board["panels"] if panel["type"] != "row"}
    assert needed == panels | {("grafana", "grafana"), ("datasource", "prometheus")}
    assert all(item["name"] and "version" in item for item in board["__requires"])


@pytest.mark.parametrize("file", BOARDS, ids=lambda file: file.stem)
def test_panels_are_large_enough_and_do_not_overlap(file: Path) -> None:
    taken: set[tuple[int, int]] = set()
    panels = json.loads(file.read_text(encoding="utf-8"))["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= build.WIDTH
        assert not cells & taken, panel["title"]
        taken |= cells
