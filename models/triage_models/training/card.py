"""The model card of a bundle: ``README.md``, in words for people, from what ``triage.json`` says."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from triage_models.bundle.manifest import Guarantee, Manifest

CARD = "README.md"
MARK = "<!-- Written by `triage train`. Write a card of your own in its place, and the next training keeps it. -->"
THIN = 10
"""Training rows below which a label is named as thin."""

MOST_NAMED = 8


def write_card(folder: Path, manifest: Manifest, replaced: Path) -> bool:
    """Write the card into ``folder``, unless somebody wrote their own for the bundle that is replaced: then keep that.

    Returns:
        Whether the card is theirs, so that somebody should look over its figures.
    """
    theirs = replaced / CARD
    own = theirs.read_text(encoding="utf-8") if theirs.is_file() else MARK
    (folder / CARD).write_text(card(manifest) if MARK in own else own, encoding="utf-8")
    return MARK not in own


def card(manifest: Manifest) -> str:
    """The card as Markdown, with the front matter that Hugging Face's hub reads."""
    training, labels = manifest.training, len(manifest.labels)
    parts = [
        f"---\npipeline_tag: text-classification\n---\n{MARK}\n\n# {manifest.name}\n",
        f"Sorts messages into {labels} labels, or says that a message has none of them. Version {manifest.version}. "
        f"{training['base']}, fine-tuned and exported to ONNX: int8 for CPUs, fp16 for GPUs. `triage.json` holds all "
        "figures, `triage bundle inspect` prints them.\n",
        "## Trained on\n",
        f"`{training['data']}` (SHA-256 `{training['data_sha256'][:12]}…`): {training['rows']:,} rows, "
        f"seed {training['seed']}, in {max(1, round(training['seconds'] / 60))} min.\n",
        _table(("label", "rows", "what it means"), _label_rows(manifest)),
        "## Measured\n",
        _measured(manifest),
        "## Where it fails\n",
        "\n".join(f"- {line}" for line in _failures(manifest)) + "\n",
    ]
    return "\n".join(parts)


def _label_rows(manifest: Manifest) -> list[tuple[str, ...]]:
    rows = manifest.training["rows_by_label"]
    scope = manifest.out_of_scope_label
    listed = [(label, str(rows.get(label, 0)), manifest.descriptions.get(label, "")) for label in manifest.labels]
    return [*listed, *([(scope, str(rows.get(scope, 0)), "none of these: out of scope")] if scope else [])]


def _measured(manifest: Manifest) -> str:
    told, guarantee = manifest.metrics, manifest.thresholds.guarantee
    accuracy = told["accuracy_in_scope"]
    right = "" if accuracy is None else f" {accuracy:.1%} of those with a label would be answered rightly."
    return (
        f"On {told['rows_in_scope']:,} messages with a label and {told['rows_out_of_scope']:,} without "
        f"({told['measured_on']}), by models that had not seen them.{right}\n\n{_promise(guarantee)}\n"
    )


def _promise(told: Guarantee) -> str:
    accepted = (
        f"At the chosen threshold {told.accepted_rows:,} of {told.calibration_rows:,} were accepted, "
        f"{told.errors:,} of them wrongly; of those with a label, {told.coverage:.0%} were accepted."
    )
    if told.certified:
        return (
            f"{accepted} **At most {told.risk:.0%} of what is accepted is wrong, at {told.confidence:.0%} confidence, "
            "for traffic like these messages.** Nobody can promise it for other traffic: `triage evaluate` on your own."
        )
    return (
        f"{accepted} **No error rate is promised**: there were too few messages, or too many of them wrong, to certify "
        f"{told.risk:.0%}. The threshold is the one that got most of them right."
    )


def _failures(manifest: Manifest) -> list[str]:
    """What is known to go wrong, the worst first, then what nobody looked at."""
    mixed = [f"{truth}, taken for {taken} ({times})" for truth, taken, times in manifest.metrics["confusions"]]
    rows = manifest.training["rows_by_label"]
    thin = [f"{label} ({rows[label]})" for label in manifest.labels if rows.get(label, 0) < THIN]
    return [
        *([f"Mixed up most, of the messages above: {_named(mixed)}."] if mixed else []),
        *([f"Labels with fewer than {THIN} rows to learn from: {_named(thin)}."] if thin else []),
        "Languages and kinds of message that the training rows lack were not tried.",
        f"Of a longer message, only the first {manifest.max_length} tokens are read; `truncated` says so.",
        "A message with two wishes gets one label.",
    ]


def _named(items: Sequence[str]) -> str:
    rest = len(items) - MOST_NAMED
    return ", ".join(items[:MOST_NAMED]) + (f", and {rest} more" if rest > 0 else "")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines) + "\n"
