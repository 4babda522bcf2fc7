"""The tables of a report, as HTML. Every word that comes from the data is escaped here."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from triage_models.metrics import confusions
from triage_models.metrics.confusions import Confusion
from triage_models.metrics.outcomes import Ints, Outcomes
from triage_models.report.narrative import FIGURES, decimal, figure, figure_span, percent, span

MOST_CLASSES = 20
READABLE = 15
"""Of more classes than MOST_CLASSES a matrix shows the READABLE most confused: 150 by 150 can be read by nobody."""

LONGEST = 240


def matrix(outcomes: Outcomes) -> str:
    """The confusion matrix as a heat map; right answers in one colour, wrong ones in another, by share of the row."""
    counts = confusions.matrix(outcomes)
    occurring = int(((counts.sum(axis=0) + counts.sum(axis=1)) > 0).sum())
    places = confusions.most_confused(counts, MOST_CLASSES if occurring <= MOST_CLASSES else READABLE)
    note = (
        f"<p>The {len(places)} intents with most mistakes, of {occurring}; "
        "“others” are the messages that were taken for, or belong to, the rest.</p>"
        if len(places) < occurring
        else ""
    )
    cells, rest = counts[places][:, places], len(places) < occurring
    names = [outcomes.classes[place] for place in places]
    head = "".join(
        f'<th scope="col"><span>{escape(name)}</span></th>' for name in [*names, *(["others"] if rest else [])]
    )
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>{_cells(cells[row], row, counts[place].sum(), rest)}</tr>'
        for row, (place, name) in enumerate(zip(places, names, strict=True))
    )
    return (
        f'{note}<div class="scroll" tabindex="0" role="region" aria-label="Confusion matrix"><table class="heat">'
        f'<thead><tr><th scope="col" class="soft">is ↓ · taken for →</th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def pairs(found: Sequence[Confusion]) -> str:
    """The worst confusions, each with texts."""
    return '<div class="pairs">' + "".join(_pair(one) for one in found) + "</div>"


def slices(table: Sequence[dict[str, Any]], foreign: bool) -> str:
    """Figures by kind of message."""
    heads = ["messages", "accuracy", "handled", "of it right", *(["foreign accepted"] if foreign else [])]
    names = ["accuracy", "coverage", "selective_accuracy", *(["false_acceptance_rate"] if foreign else [])]
    rows = [
        [
            f'<th scope="row">{escape(str(one["value"]))} <small class="soft">{escape(str(one["by"]))}</small></th>',
            _number(f"{one['rows']:,}"),
            *(_number(percent(one[name]), span(one[f"{name}_ci"])) for name in names),
        ]
        for one in table
    ]
    return _table(["kind", *heads], rows)


def labels(table: Sequence[dict[str, Any]]) -> str:
    """Figures by intent, the hardest first."""
    rows = [
        [
            f'<th scope="row">{escape(str(one["label"]))}</th>',
            _number(f"{one['rows']:,}"),
            *(
                _number(decimal(one[name]), figure_span(name, one[f"{name}_ci"]))
                for name in ("precision", "recall", "f1")
            ),
        ]
        for one in sorted(table, key=lambda one: one["f1"] if one["f1"] is not None else 2.0)
    ]
    return _table(["intent", "messages", "precision", "recall", "F1"], rows)


def figures(result: dict[str, Any]) -> str:
    """Every figure with its interval and what it means."""
    rows = [
        [
            f'<th scope="row">{escape(title)}</th>',
            _number(figure(name, result[name]), figure_span(name, result[f"{name}_ci"])),
            f"<td>{escape(meaning)}</td>",
        ]
        for name, (title, meaning) in FIGURES.items()
        if result[name] is not None
    ]
    return _table(["figure", "value", "what it is"], rows, numbers=(1,))


def _cells(row: Ints, own: int, total: int, rest: bool) -> str:
    """One row of the heat map."""
    values = [int(value) for value in row]
    if rest:
        values.append(int(total) - sum(values))
    return "".join(_cell(value, total, place == own) for place, value in enumerate(values))


def _cell(value: int, total: int, right: bool) -> str:
    share = value / total if total else 0.0
    # A single mistake among hundreds has to be seen: wrong cells start from a visible tint.
    tint = share if right or not value else min(1.0, 0.12 + 1.6 * share)
    kind = " ".join([*(["dark"] if tint > 0.55 else []), *([] if right else ["wrong"])])
    return f'<td class="{kind}" style="--v:{tint:.2f}" title="{percent(share)}">{value or ""}</td>'


def _pair(one: Confusion) -> str:
    harm = "none of them acted on" if not one.accepted else f"{one.accepted:,} of them acted on"
    if one.rows == 1:
        harm = "acted on" if one.accepted else "refused"
    texts = "".join(
        f"<li>{escape(_short(example.text))} "
        + (
            f'<small class="acted">acted on at {example.confidence:.2f}</small>'
            if example.accepted
            else f"<small>refused at {example.confidence:.2f}</small>"
        )
        + "</li>"
        for example in one.examples
    )
    size = f"{one.rows:,} {'message' if one.rows == 1 else 'messages'}"
    return (
        f'<section class="pair"><h3>{escape(one.truth)} taken for {escape(one.predicted)}</h3>'
        f'<p class="meta">{size}, {harm}</p><ul>{texts}</ul></section>'
    )


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST].rstrip() + "…"


def _number(text: str, below: str = "") -> str:
    return f'<td class="number">{text}{f"<small>{below}</small>" if below else ""}</td>'


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] | None = None) -> str:
    right = range(1, len(heads)) if numbers is None else numbers
    head = "".join(
        f'<th scope="col"{" class=number" if place in right else ""}>{escape(name)}</th>'
        for place, name in enumerate(heads)
    )
    body = "".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
