"""The charts of a report, as SVG."""

from typing import Any

import numpy as np

from triage_models.metrics.outcomes import Flags, Outcomes
from triage_models.report.narrative import percent
from triage_models.report.svg import Plot

HISTOGRAM_BINS = 20
SMALL = (320, 190)
QUARTERS = [(quarter / 4, f"{25 * quarter} %") for quarter in range(5)]


def risk_coverage_chart(result: dict[str, Any]) -> str:
    """Plot the error rate among accepted messages against coverage, with the guarantee and the bundle's own point."""
    points = [(point["coverage"], point["risk"]) for point in result["all_traffic_risk_coverage"]]
    allowed = result["guarantee"]["risk"]
    chosen = None
    if result["all_traffic_selective_accuracy"] is not None:
        chosen = (result["all_traffic_coverage"], 1 - result["all_traffic_selective_accuracy"])
    # The rate of the first few rows varies wildly (one error in three), so it does not set the scale.
    steady = [risk for coverage, risk in points if coverage >= 0.1]
    top, step = _scale(max([*steady, allowed * 1.3, chosen[1] * 1.2 if chosen else 0]))
    description = (
        f"{percent(chosen[0])} of messages are accepted, {percent(chosen[1])} of these are wrong."
        if chosen
        else "Nothing is accepted."
    )
    plot = Plot(
        "Errors against coverage", description, ("share of messages accepted", "share of those that is wrong"), (1, top)
    )
    plot.ticks(QUARTERS, [(step * tick, percent(step * tick)) for tick in range(round(top / step) + 1)])
    plot.line([(0, allowed), (1, allowed)], "limit")
    plot.note(0, allowed, f"allowed: {percent(allowed)}", "limit", shift=4)
    plot.line([(x, min(y, top)) for x, y in points], "main")
    if chosen:
        anchor, shift = ("end", -8) if chosen[0] > 0.5 else ("start", 8)
        plot.dot(*chosen, 6, "chosen", description)
        plot.note(*chosen, "chosen", "chosen", anchor=anchor, shift=shift)
    return plot.render()


def reliability_chart(result: dict[str, Any]) -> str:
    """Plot the share of correct answers against confidence: one dot per bin, larger for more messages."""
    bins = result["all_traffic_reliability"]
    most = max((one["rows"] for one in bins), default=1)
    error = result["all_traffic_ece"]
    description = f"Expected calibration error {error:.3f}. Perfectly calibrated confidence lies on the diagonal."
    plot = Plot("Accuracy against confidence", description, ("confidence", "share that is correct"), (1, 1))
    plot.ticks(QUARTERS, QUARTERS)
    plot.line([(0, 0), (1, 1)], "limit")
    plot.line([(one["confidence"], one["right"]) for one in bins], "main")
    for one in bins:
        tooltip = (
            f"{one['rows']:,} messages at confidence {percent(one['confidence'])}: {percent(one['right'])} correct"
        )
        plot.dot(one["confidence"], one["right"], 3 + 8 * (one["rows"] / most) ** 0.5, "main", tooltip)
    return plot.render()


def confidence_histograms(outcomes: Outcomes, threshold: float) -> list[tuple[str, str]]:
    """Plot the confidence of correct answers, of wrong answers, and of out-of-scope messages.

    Returns:
        Caption and picture of each kind that occurs.
    """
    oos = outcomes.out_of_scope
    kinds = (
        ("correct", "Correct answers", outcomes.correct),
        ("wrong", "Wrong answers", ~outcomes.correct & ~oos),
        ("oos", "Out of scope", oos),
    )
    return [
        (
            f"{name}: {int(rows.sum()):,}, {percent(float(outcomes.accepted[rows].mean()))} accepted",
            _histogram(kind, name, outcomes, rows, threshold),
        )
        for kind, name, rows in kinds
        if rows.any()
    ]


def _histogram(kind: str, name: str, outcomes: Outcomes, rows: Flags, threshold: float) -> str:
    counts, _ = np.histogram(outcomes.confidence[rows], bins=HISTOGRAM_BINS, range=(0, 1))
    top = int(counts.max())
    accepted = percent(float(outcomes.accepted[rows].mean()))
    plot = Plot(name, f"{accepted} of these are accepted.", ("confidence", "messages"), (1, top * 1.08), size=SMALL)
    plot.ticks(QUARTERS, [(0, "0"), (top, f"{top:,}")])
    for bin_, count in enumerate(counts):
        if count:
            low, high = bin_ / HISTOGRAM_BINS, (bin_ + 1) / HISTOGRAM_BINS
            plot.bar(low, high, int(count), kind, f"{count:,} at confidence {low:.2f} to {high:.2f}")
    plot.line([(threshold, 0), (threshold, top * 1.08)], "limit")
    anchor, shift = ("end", -4) if threshold > 0.5 else ("start", 4)
    plot.note(threshold, top * 0.98, "accepted from here", "limit", anchor, shift)
    return plot.render()


def _scale(largest: float) -> tuple[float, float]:
    """Return the top of an axis, and a round step that divides it into two to five parts."""
    step = next(step for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.25) if largest / step <= 4 or step == 0.25)
    return min(1.0, step * float(np.ceil(largest / step))), step
