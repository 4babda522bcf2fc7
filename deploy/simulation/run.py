"""Compares scaling policies: the table and the plot of docs/scaling.md.

Run `python -m deploy.simulation.run` to print the table and to draw the plot.
"""

import sys
from pathlib import Path

from deploy.simulation.model import Cluster, Day, Policy, Traffic, simulate
from deploy.simulation.plot import draw

PLOT = Path(__file__).parents[2] / "docs" / "scaling.svg"
SLOW = {"down_window_s": 600, "down_period_s": 120}
TRAFFIC, CLUSTER = Traffic(), Cluster()
CHOSEN = "lag of 60 s, and CPU at 70 %"
POLICIES = (
    Policy("all pods, always", lag=None, least=24),
    Policy("KEDA's default (lag of 10)", lag=10.0),
    *(Policy(f"lag of {drain} s", lag=CLUSTER.pod_rate * drain, **SLOW) for drain in (10, 60, 300)),
    Policy("CPU at 70 %", lag=None, utilization=0.7, **SLOW),
    Policy(CHOSEN, lag=CLUSTER.pod_rate * 60, utilization=0.7, **SLOW),
    Policy("the same, without delay when scaling down", lag=CLUSTER.pod_rate * 60, utilization=0.7, down_window_s=15),
)


def table(days: dict[str, Day]) -> str:
    """Return the comparison as a Markdown table."""
    lines = [
        "| scaled by | pod-hours | longest wait | wait, 99 % of the time | half of the time | rebalances |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, day in days.items():
        shown = f"**{name}**" if name == CHOSEN else name
        waits = " | ".join(f"{wait:.0f} s" for wait in (day.worst_s, day.wait_s(0.99), day.wait_s(0.5)))
        lines.append(f"| {shown} | {day.pod_hours:.0f} | {waits} | {day.rebalances} |")
    return "\n".join(lines)


def days() -> dict[str, Day]:
    """Simulate a day with each policy."""
    return {policy.name: simulate(TRAFFIC, CLUSTER, policy) for policy in POLICIES}


def plot(days: dict[str, Day]) -> str:
    """Return the plot of docs/scaling.md as SVG."""
    return draw(list(TRAFFIC.arrivals()), {name: days[name] for name in ("lag of 60 s", CHOSEN)})


def main() -> None:
    """Run the simulation and write the picture."""
    found = days()
    sys.stdout.write(table(found) + "\n")
    PLOT.write_text(plot(found), encoding="utf-8")


if __name__ == "__main__":
    main()
