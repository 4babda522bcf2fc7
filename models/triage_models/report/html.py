"""Renders the report as one HTML page without external resources."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from triage_models.labelling.suspects import Suspect
from triage_models.metrics import confusions, cost
from triage_models.metrics.evaluation import Evaluation
from triage_models.report import charts, llm_comparison, suspect_labels, tables
from triage_models.report.narrative import REASONS, dollars, headline, percent, percent_interval, verdict
from triage_models.report.style import CSS

PAIRS, EXAMPLES = 12, 5
MIN_SLICE_ROWS = 5
"""Smaller slices are not shown."""


def render_page(evaluation: Evaluation, result: dict[str, Any], suspects: Sequence[Suspect] = ()) -> str:
    """Render the report.

    Args:
        evaluation: the rows and their outcomes.
        result: the metrics, and the bundle, data and speed that they were measured with.
        suspects: rows whose label looks wrong.
    """
    bundle = f"{result['bundle']['name']} {result['bundle']['version']}"
    body = "".join(
        [
            _summary(result, bundle),
            _charts(evaluation, result),
            _errors(evaluation),
            suspect_labels.render_section(suspects),
            _breakdowns(result),
            _costs(evaluation, result),
            llm_comparison.render_section(result["llm"]) if "llm" in result else "",
            _all_metrics(result),
            _footer(result, bundle),
        ]
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>How far {escape(bundle)} can be trusted</title><style>{CSS}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


def _summary(result: dict[str, Any], bundle: str) -> str:
    kind, reason = verdict(result)
    tiles = [
        ("all_traffic_coverage", "of messages accepted"),
        ("all_traffic_selective_accuracy", "of those correct"),
        ("accuracy", "correct if every message were answered"),
        *([("false_acceptance_rate", "of out-of-scope messages accepted")] if result["out_of_scope_rows"] else []),
    ]
    return (
        f"<header><h1>How far {escape(bundle)} can be trusted on {escape(Path(result['data']).name)}</h1>"
        f'<p class="headline">{escape(headline(result))}</p>'
        f'<p class="verdict {kind}">{escape(reason)}</p></header><div class="tiles">'
        + "".join(
            f'<div class="tile"><b>{percent(result[name])}</b><span>{escape(title)}</span>'
            f"<span>{percent_interval(result[f'{name}_ci'])}</span></div>"
            for name, title in tiles
        )
        + '</div><p class="meta">The small numbers are 95 % intervals: how far a number could be off, because it was '
        f"measured on {result['rows']:,} messages only.</p>"
    )


def _charts(evaluation: Evaluation, result: dict[str, Any]) -> str:
    oos_note = "; out-of-scope messages count as wrong" if result["out_of_scope_rows"] else ""
    histograms = "".join(
        f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>"
        for caption, picture in charts.confidence_histograms(evaluation.outcomes, result["threshold"])
    )
    return (
        "<h2>Does it know when it is wrong?</h2>"
        "<p>A classifier is useful when its errors have low confidence: a threshold then refuses them.</p>"
        '<div class="charts"><figure><h3>The more it accepts, the more of it is wrong</h3>'
        f"{charts.risk_coverage_chart(result)}<figcaption>Each point is a threshold, strict on the left. The dot is "
        "the bundle's own threshold, chosen when it was trained. It may lie off the curve because the bundle also "
        "requires familiarity.</figcaption></figure>"
        f"<figure><h3>A confidence of 90 % should be correct nine times in ten</h3>{charts.reliability_chart(result)}"
        "<figcaption>On the dashed line it is. Below the line the bundle is overconfident, above it underconfident. "
        f"Larger dots are more messages{oos_note}.</figcaption></figure></div>"
        f'<h2>Confidence of its answers</h2><div class="charts three">{histograms}</div>'
    )


def _errors(evaluation: Evaluation) -> str:
    outcomes = evaluation.outcomes
    if outcomes.out_of_scope.all() and not outcomes.accepted.any():
        return ""
    found = confusions.worst_confusions(evaluation.rows, outcomes, pairs=PAIRS, examples=EXAMPLES)
    matrix = (
        ""
        if outcomes.out_of_scope.all()
        else f"<h2>Confusion matrix</h2>{tables.matrix_table(outcomes)}"
        '<p class="meta">Counts of all messages that have an intent, accepted or not. The colour is the share of the '
        "row.</p>"
    )
    if not found:
        return f"{matrix}<h2>The worst errors</h2><p>There are no errors in this data.</p>"
    return (
        f"{matrix}<h2>The worst errors</h2>"
        "<p>Errors that were accepted come first, the most confident at the top. Train on messages like these next, or "
        f"redraw the border between the two labels.</p>{tables.confusion_cards(found)}"
    )


def _breakdowns(result: dict[str, Any]) -> str:
    parts = ""
    shown = [one for one in result["by_slice"] if one["rows"] >= MIN_SLICE_ROWS]
    if shown:
        parts += f"<h2>By kind of message</h2>{tables.slice_table(shown, bool(result['out_of_scope_rows']))}"
    if result["by_label"]:
        intents = len(result["by_label"])
        opened = " open" if intents <= tables.MAX_CLASSES else ""
        parts += (
            f"<h2>By intent</h2><details{opened}><summary>{intents} intents, the lowest F1 first</summary>"
            f"{tables.label_table(result['by_label'])}</details>"
        )
    if result["labels_not_judged"]:
        unjudged = escape(", ".join(result["labels_not_judged"]))
        parts += f"<p>When the bundle was trained, no message of these labels could be judged: {unjudged}.</p>"
    if result["unknown_labels"]:
        names = ", ".join(f"{escape(name)} ({rows:,})" for name, rows in result["unknown_labels"].items())
        parts += f"<p>The bundle does not know these labels of the data, so their messages count as wrong: {names}.</p>"
    return parts


def _costs(evaluation: Evaluation, result: dict[str, Any]) -> str:
    outcomes = evaluation.outcomes
    refused, correct, oos = ~outcomes.accepted, outcomes.correct, outcomes.out_of_scope
    held_back = [f"{int((refused & ~correct & ~oos).sum()):,} wrong answers"]
    if result["out_of_scope_rows"]:
        held_back.append(f"{int((refused & oos).sum()):,} out-of-scope messages")
    reasons = ", ".join(
        f"{rows:,} {REASONS[reason]}" for reason, rows in sorted(result["refusals"].items(), key=lambda item: -item[1])
    )
    own, llm, tokens = result["dollars_per_1000"], cost.llm_dollars_per_1000(), cost.LLM_TOKENS
    cascade = own + float(refused.mean()) * llm
    return (
        f"<h2>Costs</h2><p><b>Refusals:</b> {int(refused.sum()):,} of {len(outcomes):,} messages go to a larger model "
        f"or a person. Among them are {' and '.join(held_back)}, and {int((refused & correct).sum()):,} answers that "
        "would have been correct."
        + (f" Refused were {escape(reasons)}." if reasons else "")
        + f"</p><p><b>Money:</b> {result['messages_per_second']:,.0f} messages per second in this run, on "
        f"{result['threads']} {'core' if result['threads'] == 1 else 'cores'}: {dollars(own)} per 1,000 messages on a "
        f"machine that costs {dollars(cost.MACHINE_DOLLARS_PER_HOUR)} per hour and is always busy. {cost.LLM} at list "
        f"price costs {dollars(llm)} per 1,000 ({tokens.prompt} tokens in, {tokens.answer} out, each). "
        f"The bundle with that model for its refusals costs {dollars(cascade)}.</p>"
    )


def _all_metrics(result: dict[str, Any]) -> str:
    return (
        "<h2>All metrics</h2><p>Metrics are over messages that have an intent; “all traffic” includes out-of-scope "
        f"messages.</p><details><summary>Show all, with intervals and meanings</summary>{tables.metric_table(result)}"
        "</details>"
    )


def _footer(result: dict[str, Any], bundle: str) -> str:
    guarantee = result["guarantee"]
    notes = "".join(f"<p>{escape(note)}</p>" for note in result.get("notes", []))
    return (
        f'<footer class="meta">{notes}'
        f"<p>{escape(bundle)} on {escape(result['data'])}: {result['in_scope_rows']:,} messages "
        f"with an intent, {result['out_of_scope_rows']:,} out of scope; measured {escape(result['measured_at'])}. "
        f"Accepted at confidence {result['threshold']:.3f} or more. Guarantee: {escape(guarantee['method'])}, at "
        f"{percent(guarantee['confidence'])} confidence, for messages like those it was calibrated on. Intervals by "
        "bootstrap over messages; a share of 0 or 1 has an exact interval. If several labels are correct, any of them "
        "counts.</p></footer>"
    )
