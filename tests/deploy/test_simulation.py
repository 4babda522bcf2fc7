"""The simulation conserves messages, and docs/scaling.md has its results."""

import pytest

from deploy.simulation import run
from deploy.simulation.model import Cluster, Policy, Traffic, simulate
from tests.deploy.manifests import parse
from tests.deploy.tools import CHART, ROOT

CALM = Traffic(night=500, day=500, sale=1)


def test_enough_pods_wait_for_nothing() -> None:
    day = simulate(CALM, Cluster(), Policy("fixed", lag=None, least=4))
    assert (day.worst_s, day.rebalances, day.pod_hours) == (0, 0, 96)


def test_too_few_pods_fall_behind_by_what_is_missing() -> None:
    """One pod of 400 a second leaves a fifth of 500 unanswered: after a day, a fifth of the day."""
    day = simulate(CALM, Cluster(partitions=1, pod_rate=400.0), Policy("one", lag=None, least=1))
    assert day.waits_s[-1] == pytest.approx(86_400 / 5, rel=0.01)


def test_scaling_by_lag_alone_keeps_a_lag() -> None:
    day = simulate(Traffic(night=3_000, day=3_000, sale=1), Cluster(), Policy("lag", lag=800 * 60, down_window_s=600))
    assert day.wait_s(0.9) > 10


def test_never_more_pods_than_allowed() -> None:
    day = simulate(Traffic(sale=50), Cluster(), Policy("lag", lag=400.0, most=6))
    assert max(day.pods) == 6


def test_the_document_says_what_the_simulation_says() -> None:
    document = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    assert run.table(run.days()) in document, "run: python -m deploy.simulation.run"


def test_the_plot_is_of_these_days() -> None:
    assert run.plot(run.days()) == run.PLOT.read_text(encoding="utf-8"), "run: python -m deploy.simulation.run"


def test_the_chart_has_the_numbers_that_were_chosen() -> None:
    scaling = parse((CHART / "values.yaml").read_text(encoding="utf-8"))[0]["worker"]["autoscaling"]
    chosen = next(policy for policy in run.POLICIES if policy.name == run.CHOSEN)
    assert scaling["messagesPerSecondPerPod"] == run.CLUSTER.pod_rate
    assert scaling["messagesPerSecondPerPod"] * scaling["drainSeconds"] == chosen.lag
    assert scaling["cpuUtilization"] == round(100 * (chosen.utilization or 0))
    assert (scaling["pollingInterval"], scaling["minReplicas"]) == (chosen.poll_s, chosen.least)
    assert scaling["scaleUp"] == {"pods": chosen.up, "periodSeconds": chosen.up_period_s}
    down = {"pods": 1, "periodSeconds": chosen.down_period_s, "stabilizationSeconds": chosen.down_window_s}
    assert scaling["scaleDown"] == down
