"""The model card of a bundle: ``README.md``, written from what ``triage.json`` records."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from triage_models.bundle.bundle import GPU_MODEL
from triage_models.bundle.manifest import Guarantee, Manifest, show_rate

CARD = "README.md"
GENERATED = "<!-- Written by `triage train`. If you replace this card with your own, the next training keeps yours. -->"
"""Marks a card that the next training may overwrite."""

FEW_ROWS = 10
"""A label with fewer training rows is listed among the limitations."""

MAX_LISTED = 8
_MARKDOWN = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "`": "&#96;", "[": "&#91;", "]": "&#93;", "*": "&#42;"}
)


def write_card(folder: Path, manifest: Manifest, replaced: Path) -> bool:
    """Write the card, unless the bundle that is replaced has a card that somebody edited: that one is copied.

    Args:
        folder: the folder of the new bundle.
        manifest: its manifest.
        replaced: the folder of the bundle that is replaced, if there is one.

    Returns:
        Whether an edited card was copied, so that somebody should check its figures.
    """
    previous = replaced / CARD
    text = previous.read_text(encoding="utf-8") if previous.is_file() else GENERATED
    edited = not _is_generated(text)
    (folder / CARD).write_text(text if edited else render_card(manifest), encoding="utf-8")
    return edited


def render_card(manifest: Manifest) -> str:
    """Return the card as Markdown, with the front matter that the Hugging Face hub reads."""
    training, labels = manifest.training, len(manifest.labels)
    parts = [
        f"---\npipeline_tag: text-classification\n---\n{GENERATED}\n\n# {manifest.name}\n",
        f"Classifies messages into {labels} labels, or as out of scope. Version {manifest.version}. "
        f"{training['base']}, fine-tuned and exported to ONNX: {_kinds(manifest)}. `triage.json` contains "
        "all figures; `triage bundle inspect` prints them.\n",
        "## Training data\n",
        f"`{training['data']}` (SHA-256 `{training['data_sha256'][:12]}…`): {training['rows']:,} rows, "
        f"seed {training['seed']}, trained in {max(1, round(training['seconds'] / 60))} min.\n",
        *_calibrated(training),
        _table(("label", "rows", "meaning"), _label_rows(manifest)),
        "## Evaluation\n",
        _evaluation(manifest),
        "## Limitations\n",
        "\n".join(f"- {line}" for line in _limitations(manifest)) + "\n",
    ]
    return "\n".join(parts)


def _is_generated(card: str) -> bool:
    return "<!-- Written by `triage train`." in card


def _label_rows(manifest: Manifest) -> list[tuple[str, ...]]:
    rows = manifest.training["rows_by_label"]
    oos_label = manifest.out_of_scope_label
    listed = [(label, str(rows.get(label, 0)), manifest.descriptions.get(label, "")) for label in manifest.labels]
    return [*listed, *([(oos_label, str(rows.get(oos_label, 0)), "none of these: out of scope")] if oos_label else [])]


def _evaluation(manifest: Manifest) -> str:
    metrics = manifest.metrics
    accuracy = metrics["accuracy_in_scope"]
    answered = "" if accuracy is None else f" {accuracy:.1%} of the messages with a label are predicted correctly."
    promises = [_guarantee(manifest.thresholds.guarantee), *_intents(manifest), *_suggestion(manifest)]
    return (
        f"On {metrics['rows_in_scope']:,} messages with a label and {metrics['rows_out_of_scope']:,} without "
        f"({metrics['measured_on']}), by models that were not trained on them.{answered}\n\n"
        + "\n\n".join(promises)
        + "\n"
    )


def _kinds(manifest: Manifest) -> str:
    return "int8 for CPUs, fp16 for GPUs" if GPU_MODEL in manifest.files else "int8 for CPUs"


def _calibrated(training: dict[str, Any]) -> list[str]:
    """Say what the bundle was calibrated to, if that was done after training."""
    found = training.get("calibrated")
    if found is None:
        return []
    return [
        f"Confidence and thresholds were then fitted to `{found['data']}` (SHA-256 `{found['data_sha256'][:12]}…`), "
        f"{found['rows']:,} rows, by `triage calibrate`, from version {found['from']['version']}. The network is the "
        "same.\n"
    ]


def _intents(manifest: Manifest) -> list[str]:
    """Say what is promised of intents that have a threshold of their own."""
    lines = []
    for label, own in (manifest.thresholds.by_intent or {}).items():
        of, promise = own.guarantee, "guaranteed" if own.guarantee.certified else "an aim, not guaranteed"
        lines.append(
            f"- {_plain(label)} needs a confidence of {own.confidence:.3f}: of its {of.accepted_rows:,} accepted "
            f"messages {of.errors:,} are wrong. At most {show_rate(of.risk)} is {promise}."
        )
    return ["\n".join(lines)] if lines else []


def _suggestion(manifest: Manifest) -> list[str]:
    """Say what is promised of suggestions, if the bundle makes any."""
    found = manifest.suggestion
    if found is None or found.confidence >= manifest.thresholds.confidence:
        return []
    of, promise = found.guarantee, "At most" if found.guarantee.certified else "By estimate, at most"
    return [
        f"From a confidence of {found.confidence:.3f} on, a message that is not accepted is marked as a suggestion. "
        f"{promise} {show_rate(of.risk)} of all messages from there on is wrong, accepted ones included."
    ]


def _guarantee(guarantee: Guarantee) -> str:
    accepted = (
        f"At the chosen threshold, {guarantee.accepted_rows:,} of {guarantee.calibration_rows:,} messages are accepted,"
        f" {guarantee.errors:,} of them wrongly; {guarantee.coverage:.0%} of the messages with a label are accepted."
    )
    if guarantee.certified:
        return (
            f"{accepted} **At most {show_rate(guarantee.risk)} of accepted messages are wrong, at "
            f"{guarantee.confidence:.0%} confidence, for traffic like these messages.** For other traffic there is no "
            "guarantee: run `triage evaluate` on your own messages."
        )
    return (
        f"{accepted} **There is no guaranteed error rate**: there were too few messages, or too many errors, to "
        f"certify {show_rate(guarantee.risk)}. {_chosen(guarantee)}"
    )


def _chosen(guarantee: Guarantee) -> str:
    if guarantee.method.startswith("estimate"):
        return "The threshold is the one that the bundle had before, or a stricter one."
    return "The threshold is the one with the most correct decisions."


def _limitations(manifest: Manifest) -> list[str]:
    """List the known weaknesses, the worst first, then what was not tested."""
    confusions = [
        f"{truth} predicted as {predicted} ({times})" for truth, predicted, times in manifest.metrics["confusions"]
    ]
    unjudged = manifest.metrics.get("labels_not_judged", [])
    rows = manifest.training["rows_by_label"]
    few = [f"{label} ({rows[label]})" for label in manifest.labels if rows.get(label, 0) < FEW_ROWS]
    return [
        *([f"Most frequent confusions among the messages above: {_listed(confusions)}."] if confusions else []),
        *([f"Labels of which no message could be judged: {_listed(unjudged)}."] if unjudged else []),
        *([f"Labels with fewer than {FEW_ROWS} training rows: {_listed(few)}."] if few else []),
        "Languages and kinds of message that the training data lacks were not tested.",
        f"A message of more than {manifest.max_length} tokens is read in windows; it is accepted only if they agree.",
        "A message with two intents gets one label.",
    ]


def _listed(items: Sequence[str]) -> str:
    rest = len(items) - MAX_LISTED
    return ", ".join(map(_plain, items[:MAX_LISTED])) + (f", and {rest} more" if rest > 0 else "")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_plain, line))} |" for line in lines) + "\n"


def _plain(text: str) -> str:
    """Return a text of the data so that Markdown shows it as it is: on one line, no HTML, no link, no cell border."""
    return " ".join(text.split()).translate(_MARKDOWN)
