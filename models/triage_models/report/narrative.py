"""Turns metrics into plain English, for readers who do not know the metrics by name."""

from typing import Any

METRICS = {
    "accuracy": (
        "Accuracy",
        "share of messages with an intent that is predicted correctly, if every one were answered",
    ),
    "weighted_f1": ("Weighted F1", "precision and recall in one number, averaged by how common each intent is"),
    "macro_f1": ("Macro F1", "the same with every intent counting alike, so that rare ones weigh as much"),
    "mcc": ("Matthews correlation", "agreement beyond chance: 1 is perfect, 0 is guessing"),
    "coverage": ("Coverage", "share of messages with an intent that are accepted"),
    "selective_accuracy": ("Selective accuracy", "share of those that are correct"),
    "selective_accuracy_at_80": (
        "Selective accuracy at 80 %",
        "share correct among the 80 % with the highest confidence, whatever the threshold",
    ),
    "best_coverage_at_guarantee": (
        "Best coverage in hindsight",
        "coverage of the best threshold for exactly these rows, at the guaranteed error rate",
    ),
    "confidence_auroc": (
        "Confidence AUROC",
        "how often a correct answer is more confident than a wrong one: 1 is always",
    ),
    "aurc": ("AURC", "error rate averaged over all thresholds: lower is better"),
    "excess_aurc": ("Excess AURC", "the part of AURC that a perfect order of confidences would remove"),
    "ece": ("Calibration error (ECE)", "distance between confidence and share correct, in 15 bins of equal width"),
    "ece_equal_mass": ("ECE, equal mass", "the same, in 15 bins of equally many messages"),
    "brier": ("Brier score", "squared distance of confidence from correct (1) or wrong (0): lower is better"),
    "oos_auroc": (
        "Out-of-scope AUROC",
        "how often an out-of-scope message is less confident than one with an intent: 1 is always",
    ),
    "oos_fpr95": ("FPR95", "share of out-of-scope messages above the threshold that 95 % of the others pass"),
    "false_acceptance_rate": ("False acceptance", "share of out-of-scope messages that are accepted"),
    "all_traffic_accuracy": (
        "Accuracy over all traffic",
        "correct means: an intent accepted and correct, or an out-of-scope message refused",
    ),
    "all_traffic_mcc": ("Matthews correlation over all traffic", "the same agreement, with refusal as one more answer"),
    "all_traffic_coverage": ("Coverage over all traffic", "share of all messages that are accepted"),
    "all_traffic_selective_accuracy": (
        "Selective accuracy over all traffic",
        "share of accepted messages that are correct; accepted out-of-scope messages are wrong",
    ),
    "all_traffic_ece": ("ECE over all traffic", "calibration error with out-of-scope messages counted as wrong"),
    "all_traffic_aurc": ("AURC over all traffic", "AURC with out-of-scope messages counted as wrong"),
}
"""Title and meaning of each metric, in the order in which a report lists them."""

SHARES = frozenset(
    {
        "accuracy",
        "coverage",
        "selective_accuracy",
        "selective_accuracy_at_80",
        "best_coverage_at_guarantee",
        "oos_fpr95",
        "false_acceptance_rate",
        "all_traffic_accuracy",
        "all_traffic_coverage",
        "all_traffic_selective_accuracy",
    }
)
"""Metrics that are shown as percentages."""

PERCENT = "\N{NO-BREAK SPACE}%"

REASONS = {
    "low_confidence": "with low confidence",
    "unfamiliar": "unlike the training data",
    "ambiguous": "ambiguous between two intents",
    "out_of_scope": "recognized as out of scope",
    "unsupported_language": "in a language that the bundle has not learned",
}
"""How a report names the reason of a refusal."""


def percent(share: float | None) -> str:
    """Format 0.973 as "97.3 %", with more digits where rounding would give 0 or 100; "–" for None."""
    if share is None:
        return "–"
    for digits in (1, 2, 3):
        text = f"{100 * share:.{digits}f}"
        if share in (0, 1) or float(text) not in (0, 100):
            return f"{text.rstrip('0').rstrip('.')}{PERCENT}"
    return f"{'under 0.001' if share < 0.5 else 'over 99.999'}{PERCENT}"


def percent_interval(interval: list[float] | None) -> str:
    """Format an interval as "95.9 to 98.1 %"."""
    if interval is None:
        return "–"
    low, high = (percent(end) for end in interval)
    return f"{low.removesuffix(PERCENT)} to {high}"


def decimal(value: float | None) -> str:
    """Format a number with three decimals."""
    return "–" if value is None else f"{value:.3f}"


def metric(name: str, value: float | None) -> str:
    """Format a metric: shares as percentages, others as decimals."""
    return percent(value) if name in SHARES else decimal(value)


def metric_interval(name: str, interval: list[float] | None) -> str:
    """Format the interval of a metric in the same way."""
    if name in SHARES or interval is None:
        return percent_interval(interval)
    return f"{interval[0]:.3f} to {interval[1]:.3f}"


def metric_rows(name: str, result: dict[str, Any]) -> int:
    """Return how many messages a metric of an evaluation is about: those that its value is a share or a mean of.

    Args:
        name: one of `METRICS`.
        result: the evaluation.
    """
    inside: int = result["in_scope_rows"]
    rows: dict[str, int] = {
        "selective_accuracy": round((result["coverage"] or 0.0) * inside),
        "selective_accuracy_at_80": round(0.8 * inside),
        "oos_auroc": result["rows"],
        "oos_fpr95": result["out_of_scope_rows"],
        "false_acceptance_rate": result["out_of_scope_rows"],
        "all_traffic_selective_accuracy": result["accepted_rows"],
    }
    return rows.get(name, result["rows"] if name.startswith("all_traffic_") else inside)


def dollars(amount: float) -> str:
    """Format an amount of dollars."""
    return f"${money(amount)}"


def money(amount: float) -> str:
    """Format an amount with two significant digits."""
    if amount == 0:
        return "0"
    return f"{amount:.2f}" if amount >= 0.095 else f"{amount:.2g}" if amount >= 0.0001 else f"{amount:.6f}"


def headline(result: dict[str, Any]) -> str:
    """Summarize an evaluation in one or two sentences."""
    accepted, accuracy = result["accepted_rows"], result["all_traffic_selective_accuracy"]
    if not accepted:
        return f"The bundle accepted none of {result['rows']:,} messages: every one goes to a larger model or a person."
    coverage = percent(result["all_traffic_coverage"])
    outside, false_acceptances = result["out_of_scope_rows"], percent(result["false_acceptance_rate"])
    tail = f" It accepted {false_acceptances} of the {outside:,} out-of-scope messages." if outside else ""
    return f"The bundle accepts {coverage} of the messages, and {percent(accuracy)} of those are correct.{tail}"


def verdict(result: dict[str, Any]) -> tuple[str, str]:
    """Say whether the guarantee holds on this data.

    Returns:
        "good", "fair", "bad" or "none", and a sentence with the reason.
    """
    guarantee, accuracy = result["guarantee"], result["all_traffic_selective_accuracy"]
    allowed = percent(guarantee["risk"])
    if accuracy is None:
        return "none", "Nothing was accepted, so the guarantee cannot be checked."
    wrong = percent(1 - accuracy)
    low, high = result["all_traffic_selective_accuracy_ci"]
    interval = percent_interval([1 - high, 1 - low])
    aim = (
        f"The bundle guarantees that at most {allowed} of accepted messages are wrong"
        if guarantee["certified"]
        else f"The bundle aims at {allowed} wrong at most, without a guarantee, since it was calibrated on too few rows"
    )
    if not result["guarantee_kept"]:
        return (
            "bad",
            f"{aim}. Here {wrong} are wrong ({interval}): do not act on its decisions for messages like these.",
        )
    if 1 - low > guarantee["risk"]:
        return (
            "fair",
            f"{aim}. Here {wrong} are wrong, but the interval extends beyond that ({interval}): measure on more rows.",
        )
    return "good", f"{aim}. Here {wrong} are wrong ({interval})."
