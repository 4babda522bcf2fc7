"""The router's metrics say which rules are in force."""

from pathlib import Path

from prometheus_client import generate_latest
from triage_worker.router.metrics import RouterMetrics
from triage_worker.routing.routes_file import SHOWN_DIGITS, RoutesFile


def rules(metrics: RouterMetrics) -> list[str]:
    lines = generate_latest(metrics.registry).decode().splitlines()
    return [line for line in lines if line.startswith("triage_router_rules_info{")]


def test_the_rules_in_force_are_named_by_the_digest_of_their_file(tmp_path: Path) -> None:
    file = tmp_path / "routes.yaml"
    file.write_text("rules: []\n")
    loaded, metrics = RoutesFile(file), RouterMetrics()
    before = loaded.digest
    metrics.rules_in_force(loaded.digest)
    assert rules(metrics) == [f'triage_router_rules_info{{digest="{before[:SHOWN_DIGITS]}"}} 1.0']
    file.write_text("rules: [{}]\n")
    assert not loaded.refresh()
    assert loaded.digest == before, "rules that are not valid are not in force"
    file.write_text("defaults: {queue: new}\n")
    assert loaded.refresh()
    metrics.rules_in_force(loaded.digest)
    assert rules(metrics) == [f'triage_router_rules_info{{digest="{loaded.digest[:SHOWN_DIGITS]}"}} 1.0']
    assert loaded.digest != before
