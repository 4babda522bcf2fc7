"""Figures in words, for a reader who has never heard of a risk-coverage curve."""

from typing import Any

FIGURES = {
    "accuracy": ("Accuracy", "share of messages whose intent is right if every one were answered"),
    "weighted_f1": ("Weighted F1", "precision and recall in one figure, averaged by how common each intent is"),
    "macro_f1": ("Macro F1", "the same, each intent counting alike: rare ones weigh as much as common ones"),
    "mcc": ("Matthews correlation", "agreement beyond chance: 1 is perfect, 0 is guessing"),
    "coverage": ("Coverage", "share of messages with an intent that are handled without help"),
    "selective_accuracy": ("Selective accuracy", "share of those that are right"),
    "best_coverage_at_guarantee": (
        "Best coverage in hindsight",
        "coverage of the best threshold for these very rows, at the promised error rate",
    ),
    "confidence_auroc": ("Confidence AUROC", "how often a right answer is surer than a wrong one: 1 is always"),
    "aurc": ("AURC", "error rate averaged over all thresholds, strict to lenient: lower is better"),
    "excess_aurc": ("Excess AURC", "the part of it that a better order of confidences would remove"),
    "ece": ("Calibration error (ECE)", "how far confidence is from the share that is right, in 15 equal steps"),
    "ece_equal_mass": ("ECE, equal mass", "the same, in 15 groups of equally many messages"),
    "brier": ("Brier score", "squared distance of confidence from right (1) or wrong (0): lower is better"),
    "oos_auroc": (
        "Out-of-scope AUROC",
        "how often a foreign message is less sure than one with an intent: 1 is always",
    ),
    "oos_fpr95": ("FPR95", "share of foreign messages kept by the threshold that keeps 95 % of the others"),
    "false_acceptance_rate": ("False acceptance", "share of foreign messages that are acted on all the same"),
    "all_traffic_accuracy": (
        "Accuracy over all traffic",
        "right means: an intent accepted and correct, or a foreign message refused",
    ),
    "all_traffic_mcc": ("Matthews correlation over all traffic", "the same agreement, with refusal as one more answer"),
    "all_traffic_coverage": ("Coverage over all traffic", "share of all messages that are handled without help"),
    "all_traffic_selective_accuracy": (
        "Right among all accepted",
        "share of accepted messages that are right, foreign ones among the wrong",
    ),
    "all_traffic_ece": ("ECE over all traffic", "calibration error with foreign messages among the wrong"),
    "all_traffic_aurc": ("AURC over all traffic", "AURC with foreign messages among the wrong"),
}
"""Title and plain meaning of each figure, in the order that a report lists them."""

SHARES = frozenset(
    {
        "accuracy",
        "coverage",
        "selective_accuracy",
        "best_coverage_at_guarantee",
        "oos_fpr95",
        "false_acceptance_rate",
        "all_traffic_accuracy",
        "all_traffic_coverage",
        "all_traffic_selective_accuracy",
    }
)
"""Figures that read best as percentages."""

PERCENT = "\N{NO-BREAK SPACE}%"

REASONS = {
    "low_confidence": "not sure enough",
    "unfamiliar": "unlike anything it was trained on",
    "ambiguous": "torn between two intents",
    "out_of_scope": "recognised as having no intent",
}


def percent(share: float | None) -> str:
    """0.973 as "97.3 %"; more digits where rounding would claim all or nothing; "–" for None."""
    if share is None:
        return "–"
    for digits in (1, 2, 3):
        text = f"{100 * share:.{digits}f}"
        if share in (0, 1) or float(text) not in (0, 100):
            return f"{text.rstrip('0').rstrip('.')}{PERCENT}"
    return f"{'under 0.001' if share < 0.5 else 'over 99.999'}{PERCENT}"


def span(interval: list[float] | None) -> str:
    """An interval as "95.9 to 98.1 %"."""
    if interval is None:
        return "–"
    low, high = (percent(end) for end in interval)
    return f"{low.removesuffix(PERCENT)} to {high}"


def decimal(value: float | None) -> str:
    """A figure with three decimals."""
    return "–" if value is None else f"{value:.3f}"


def figure(name: str, value: float | None) -> str:
    """A figure the way its kind is read."""
    return percent(value) if name in SHARES else decimal(value)


def figure_span(name: str, interval: list[float] | None) -> str:
    """Its interval in the same way."""
    if name in SHARES or interval is None:
        return span(interval)
    return f"{interval[0]:.3f} to {interval[1]:.3f}"


def dollars(amount: float) -> str:
    """An amount of dollars."""
    return f"${money(amount)}"


def money(amount: float) -> str:
    """An amount with two significant digits."""
    if amount == 0:
        return "0"
    return f"{amount:.2f}" if amount >= 0.095 else f"{amount:.2g}" if amount >= 0.0001 else f"{amount:.6f}"


def headline(result: dict[str, Any]) -> str:
    """What came out, in one or two sentences."""
    accepted, right = result["accepted_rows"], result["all_traffic_selective_accuracy"]
    if not accepted:
        return (
            f"It handled none of {result['rows']:,} messages by itself: every one goes to a larger model or a person."
        )
    share = percent(result["all_traffic_coverage"])
    foreign, acted_on = result["out_of_scope_rows"], percent(result["false_acceptance_rate"])
    tail = f" Of {foreign:,} messages that ask for nothing it knows, it acted on {acted_on}." if foreign else ""
    return f"It handles {share} of the messages by itself, and {percent(right)} of those rightly.{tail}"


def verdict(result: dict[str, Any]) -> tuple[str, str]:
    """Whether the promise was kept: "good", "fair", "bad" or "none", and why in a sentence."""
    guarantee, right = result["guarantee"], result["all_traffic_selective_accuracy"]
    allowed = percent(guarantee["risk"])
    if right is None:
        return "none", "Nothing was accepted, so there is nothing that the promise could be held to."
    wrong = percent(1 - right)
    low, high = result["all_traffic_selective_accuracy_ci"]
    interval = span([1 - high, 1 - low])
    aim = (
        f"The bundle promises that at most {allowed} of what it handles is wrong"
        if guarantee["certified"]
        else f"The bundle aims at {allowed} wrong at most, without a promise: it was calibrated on too few rows for one"
    )
    if not result["guarantee_kept"]:
        return "bad", f"{aim}. Here {wrong} was ({interval}): do not let it act alone on messages like these."
    if 1 - low > guarantee["risk"]:
        return (
            "fair",
            f"{aim}. Here {wrong} was, but the interval reaches past that ({interval}): measure on more rows.",
        )
    return "good", f"{aim}. Here {wrong} was ({interval})."
