"""The tables of a report, as HTML. Every text that comes from the data is escaped here."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from triage_models.metrics import confusions
from triage_models.metrics.confusions import Confusion
from triage_models.metrics.outcomes import Ints, Outcomes
from triage_models.report.narrative import (
    METRICS,
    decimal,
    metric,
    metric_interval,
    metric_rows,
    percent,
    percent_interval,
)

MAX_CLASSES = 20
READABLE_CLASSES = 15
"""With more classes than `MAX_CLASSES`, a matrix shows only so many, the most confused: nobody can read 150 by 150."""

MAX_TEXT = 240
"""Characters of a message that are shown."""


def matrix_table(outcomes: Outcomes) -> str:
    """Show the confusion matrix as a heat map, coloured by share of the row; errors have a colour of their own."""
    counts = confusions.confusion_matrix(outcomes)
    occurring = int(((counts.sum(axis=0) + counts.sum(axis=1)) > 0).sum())
    shown = confusions.most_confused(counts, MAX_CLASSES if occurring <= MAX_CLASSES else READABLE_CLASSES)
    truncated = len(shown) < occurring
    note = (
        f"<p>The {len(shown)} intents with the most errors, of {occurring}; "
        "“others” are messages of, or predicted as, the remaining intents.</p>"
        if truncated
        else ""
    )
    cells = counts[shown][:, shown]
    names = [outcomes.classes[position] for position in shown]
    head = "".join(
        f'<th scope="col"><span>{escape(name)}</span></th>' for name in [*names, *(["others"] if truncated else [])]
    )
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>{_matrix_row(cells[row], row, counts[position].sum(), truncated)}</tr>'
        for row, (position, name) in enumerate(zip(shown, names, strict=True))
    )
    return (
        f'{note}<div class="scroll" tabindex="0" role="region" aria-label="Confusion matrix"><table class="heat">'
        f'<thead><tr><th scope="col" class="soft">true ↓ · predicted →</th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def confusion_cards(found: Sequence[Confusion]) -> str:
    """Show the worst confusions, each with messages."""
    return '<div class="pairs">' + "".join(_confusion_card(one) for one in found) + "</div>"


def slice_table(table: Sequence[dict[str, Any]], with_oos: bool) -> str:
    """Show metrics by kind of message; ``with_oos`` adds a column for out-of-scope messages."""
    heads = ["messages", "accuracy", "accepted", "of those correct", *(["out of scope accepted"] if with_oos else [])]
    names = ["accuracy", "coverage", "selective_accuracy", *(["false_acceptance_rate"] if with_oos else [])]
    rows = [
        [
            f'<th scope="row">{escape(str(one["value"]))} <small class="soft">{escape(str(one["by"]))}</small></th>',
            _number(f"{one['rows']:,}"),
            *(_number(percent(one[name]), percent_interval(one[f"{name}_ci"])) for name in names),
        ]
        for one in table
    ]
    return _table(["kind", *heads], rows)


def label_table(table: Sequence[dict[str, Any]]) -> str:
    """Show metrics by intent, the lowest F1 first."""
    rows = [
        [
            f'<th scope="row">{escape(str(one["label"]))}</th>',
            _number(f"{one['rows']:,}"),
            *(
                _number(decimal(one[name]), metric_interval(name, one[f"{name}_ci"]))
                for name in ("precision", "recall", "f1")
            ),
        ]
        for one in sorted(table, key=lambda one: one["f1"] if one["f1"] is not None else 2.0)
    ]
    return _table(["intent", "messages", "precision", "recall", "F1"], rows)


def metric_table(result: dict[str, Any]) -> str:
    """Show every metric with its interval, the number of messages that it is about, and its meaning."""
    rows = [
        [
            f'<th scope="row">{escape(title)}</th>',
            _number(metric(name, result[name]), metric_interval(name, result[f"{name}_ci"])),
            _number(f"{metric_rows(name, result):,}"),
            f"<td>{escape(meaning)}</td>",
        ]
        for name, (title, meaning) in METRICS.items()
        if result[name] is not None
    ]
    return _table(["metric", "value", "messages", "meaning"], rows, numbers=(1, 2))


def _matrix_row(row: Ints, diagonal: int, total: int, truncated: bool) -> str:
    values = [int(value) for value in row]
    if truncated:
        values.append(int(total) - sum(values))
    return "".join(_matrix_cell(value, total, column == diagonal) for column, value in enumerate(values))


def _matrix_cell(value: int, total: int, correct: bool) -> str:
    share = value / total if total else 0.0
    # A single error among hundreds has to be visible, so the tint of wrong cells does not start at zero.
    tint = share if correct or not value else min(1.0, 0.12 + 1.6 * share)
    kind = " ".join([*(["dark"] if tint > 0.55 else []), *([] if correct else ["wrong"])])
    return f'<td class="{kind}" style="--v:{tint:.2f}" title="{percent(share)}">{value or ""}</td>'


def _confusion_card(one: Confusion) -> str:
    harm = "none of them accepted" if not one.accepted else f"{one.accepted:,} of them accepted"
    if one.rows == 1:
        harm = "accepted" if one.accepted else "refused"
    texts = "".join(
        f"<li>{escape(shorten(example.text))} "
        + (
            f'<small class="accepted">accepted at {example.confidence:.2f}</small>'
            if example.accepted
            else f"<small>refused at {example.confidence:.2f}</small>"
        )
        + "</li>"
        for example in one.examples
    )
    size = f"{one.rows:,} {'message' if one.rows == 1 else 'messages'}"
    return (
        f'<section class="pair"><h3>{escape(one.truth)} predicted as {escape(one.predicted)}</h3>'
        f'<p class="meta">{size}, {harm}</p><ul>{texts}</ul></section>'
    )


def shorten(text: str) -> str:
    """Cut a message to the length that is shown."""
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT].rstrip() + "…"


def _number(text: str, below: str = "") -> str:
    return f'<td class="number">{text}{f"<small>{below}</small>" if below else ""}</td>'


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] | None = None) -> str:
    """Render a table; ``numbers`` are the columns aligned to the right, by default all but the first."""
    right_aligned = range(1, len(heads)) if numbers is None else numbers
    head = "".join(
        f'<th scope="col"{" class=number" if column in right_aligned else ""}>{escape(name)}</th>'
        for column, name in enumerate(heads)
    )
    body = "".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
