"""The pictures of a report."""

from typing import Any

import numpy as np

from triage_models.metrics.outcomes import Flags, Outcomes
from triage_models.report.narrative import percent
from triage_models.report.svg import Plot

HISTOGRAM_BINS = 20
SMALL = (320, 190)
QUARTERS = [(place / 4, f"{25 * place} %") for place in range(5)]


def risk_coverage(result: dict[str, Any]) -> str:
    """Error rate among the accepted for each share of messages accepted, the promise, and the bundle's own point."""
    points = [(point["coverage"], point["risk"]) for point in result["all_traffic_risk_coverage"]]
    allowed = result["guarantee"]["risk"]
    chosen = None
    if result["all_traffic_selective_accuracy"] is not None:
        chosen = (result["all_traffic_coverage"], 1 - result["all_traffic_selective_accuracy"])
    # The first few rows jump about: one mistake in three is no rate worth a picture's height.
    steady = [risk for coverage, risk in points if coverage >= 0.1]
    top, step = _scale(max([*steady, allowed * 1.3, chosen[1] * 1.2 if chosen else 0]))
    told = (
        f"At {percent(chosen[0])} handled, {percent(chosen[1])} of it is wrong." if chosen else "Nothing is accepted."
    )
    plot = Plot(
        "Mistakes against coverage", told, ("share handled without help", "share of it that is wrong"), (1, top)
    )
    plot.ticks(QUARTERS, [(step * place, percent(step * place)) for place in range(round(top / step) + 1)])
    plot.line([(0, allowed), (1, allowed)], "limit")
    plot.note(0, allowed, f"allowed: {percent(allowed)}", "limit", shift=4)
    plot.line([(x, min(y, top)) for x, y in points], "main")
    if chosen:
        plot.dot(*chosen, 6, "chosen", told)
        plot.note(
            *chosen,
            "chosen",
            "chosen",
            anchor="end" if chosen[0] > 0.5 else "start",
            shift=-8 if chosen[0] > 0.5 else 8,
        )
    return plot.render()


def reliability(result: dict[str, Any]) -> str:
    """Share right against confidence, a dot for each step of confidence, larger for more messages."""
    bins = result["all_traffic_reliability"]
    most = max((one["rows"] for one in bins), default=1)
    told = f"Expected calibration error {result['all_traffic_ece']:.3f}; on the diagonal, confidence keeps its word."
    plot = Plot("Confidence against being right", told, ("confidence", "share that is right"), (1, 1))
    plot.ticks(QUARTERS, QUARTERS)
    plot.line([(0, 0), (1, 1)], "limit")
    plot.line([(one["confidence"], one["right"]) for one in bins], "main")
    for one in bins:
        tip = f"{one['rows']:,} messages at confidence {percent(one['confidence'])}: {percent(one['right'])} right"
        plot.dot(one["confidence"], one["right"], 3 + 8 * (one["rows"] / most) ** 0.5, "main", tip)
    return plot.render()


def histograms(outcomes: Outcomes, threshold: float) -> list[tuple[str, str]]:
    """How sure the bundle was of its right answers, of its wrong ones, and of foreign messages: captions, pictures."""
    foreign = outcomes.foreign
    kinds = (
        ("right", "Right answers", outcomes.right),
        ("wrong", "Wrong answers", ~outcomes.right & ~foreign),
        ("foreign", "Out of scope", foreign),
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
    above = percent(float(outcomes.accepted[rows].mean()))
    plot = Plot(name, f"{above} of these are accepted.", ("confidence", "messages"), (1, top * 1.08), size=SMALL)
    plot.ticks(QUARTERS, [(0, "0"), (top, f"{top:,}")])
    for place, count in enumerate(counts):
        if count:
            low, high = place / HISTOGRAM_BINS, (place + 1) / HISTOGRAM_BINS
            plot.bar(low, high, int(count), kind, f"{count:,} at confidence {low:.2f} to {high:.2f}")
    plot.line([(threshold, 0), (threshold, top * 1.08)], "limit")
    side = threshold > 0.5
    plot.note(threshold, top * 0.98, "accepted from here", "limit", "end" if side else "start", -4 if side else 4)
    return plot.render()


def _scale(most: float) -> tuple[float, float]:
    """The top of an axis and a round step that divides it into two to five parts."""
    step = next(step for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.25) if most / step <= 4 or step == 0.25)
    return min(1.0, step * float(np.ceil(most / step))), step
