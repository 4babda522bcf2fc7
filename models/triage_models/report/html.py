"""The report: one HTML page that needs nothing but itself."""

from html import escape
from pathlib import Path
from typing import Any

from triage_models.metrics import confusions, cost
from triage_models.metrics.measure import Evaluation
from triage_models.report import charts, tables
from triage_models.report import comparison as beside
from triage_models.report.narrative import REASONS, dollars, headline, percent, span, verdict
from triage_models.report.style import CSS

PAIRS, EXAMPLES = 12, 5
WORTH_A_SLICE = 5


def page(evaluation: Evaluation, result: dict[str, Any]) -> str:
    """The whole page.

    Args:
        evaluation: rows and what became of them.
        result: its figures, and the bundle, data and speed that they were measured with.
    """
    bundle = f"{result['bundle']['name']} {result['bundle']['version']}"
    body = "".join(
        [
            _top(result, bundle),
            _pictures(evaluation, result),
            _mistakes(evaluation),
            _kinds(result),
            _price(evaluation, result),
            beside.section(result["llm"]) if "llm" in result else "",
            _numbers(result),
            _how(result, bundle),
        ]
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>How far {escape(bundle)} can be trusted</title><style>{CSS}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


def _top(result: dict[str, Any], bundle: str) -> str:
    kind, why = verdict(result)
    tiles = [
        (percent(result["all_traffic_coverage"]), "handled without help", result["all_traffic_coverage_ci"]),
        (
            percent(result["all_traffic_selective_accuracy"]),
            "of that is right",
            result["all_traffic_selective_accuracy_ci"],
        ),
        (percent(result["accuracy"]), "right if it answered everything", result["accuracy_ci"]),
    ]
    if result["out_of_scope_rows"]:
        tiles.append(
            (
                percent(result["false_acceptance_rate"]),
                "of foreign messages acted on",
                result["false_acceptance_rate_ci"],
            )
        )
    return (
        f"<header><h1>How far {escape(bundle)} can be trusted on {escape(Path(result['data']).name)}</h1>"
        f'<p class="headline">{escape(headline(result))}</p>'
        f'<p class="verdict {kind}">{escape(why)}</p></header><div class="tiles">'
        + "".join(
            f'<div class="tile"><b>{value}</b><span>{escape(name)}</span><span>{span(interval)}</span></div>'
            for value, name, interval in tiles
        )
        + '</div><p class="meta">Small figures are 95 % intervals: how far the number could be off, given how few '
        f"messages it was measured on ({result['rows']:,} here).</p>"
    )


def _pictures(evaluation: Evaluation, result: dict[str, Any]) -> str:
    foreign = "; foreign ones are among the wrong" if result["out_of_scope_rows"] else ""
    threes = "".join(
        f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>"
        for caption, picture in charts.histograms(evaluation.outcomes, result["threshold"])
    )
    return (
        "<h2>Does it know when it is wrong?</h2>"
        "<p>A classifier is useful when its mistakes are the answers it was unsure of: then a threshold keeps them "
        "back.</p>"
        '<div class="charts"><figure><h3>The more it handles, the more of it is wrong</h3>'
        f"{charts.risk_coverage(result)}<figcaption>Each point is a threshold, strict on the left. The bundle chose "
        "its own when it was trained; the dot may lie beside the curve: it also asks for familiarity.</figcaption>"
        "</figure>"
        f"<figure><h3>A confidence of 90 % should be right nine times in ten</h3>{charts.reliability(result)}"
        "<figcaption>On the dashed line it is. Below it the bundle is too sure of itself, above it too modest. "
        f"Larger dots are more messages{foreign}.</figcaption></figure></div>"
        f'<h2>How sure it was</h2><div class="charts three">{threes}</div>'
    )


def _mistakes(evaluation: Evaluation) -> str:
    outcomes = evaluation.outcomes
    if outcomes.foreign.all() and not outcomes.accepted.any():
        return ""
    found = confusions.worst(evaluation.rows, outcomes, pairs=PAIRS, examples=EXAMPLES)
    matrix = (
        ""
        if outcomes.foreign.all()
        else f"<h2>What is taken for what</h2>{tables.matrix(outcomes)}"
        '<p class="meta">Counts of all messages that have an intent, handled or not. Colour is the share of the row.'
        "</p>"
    )
    if not found:
        return f"{matrix}<h2>The worst mistakes</h2><p>There are no mistakes in this data.</p>"
    return (
        f"{matrix}<h2>The worst mistakes</h2>"
        "<p>Those that would have been acted on come first, and the surest of them on top: these are what to train on "
        f"next, or labels whose border should be drawn again.</p>{tables.pairs(found)}"
    )


def _kinds(result: dict[str, Any]) -> str:
    parts = ""
    shown = [one for one in result["by_slice"] if one["rows"] >= WORTH_A_SLICE]
    if shown:
        parts += f"<h2>By kind of message</h2>{tables.slices(shown, bool(result['out_of_scope_rows']))}"
    if result["by_label"]:
        opened, intents = (" open" if len(result["by_label"]) <= tables.MOST_CLASSES else ""), len(result["by_label"])
        parts += (
            f"<h2>By intent</h2><details{opened}><summary>{intents} intents, the hardest first</summary>"
            f"{tables.labels(result['by_label'])}</details>"
        )
    if result["unknown_labels"]:
        names = ", ".join(f"{escape(name)} ({rows:,})" for name, rows in result["unknown_labels"].items())
        parts += f"<p>The bundle does not know these labels of the data, so their messages count as wrong: {names}.</p>"
    return parts


def _price(evaluation: Evaluation, result: dict[str, Any]) -> str:
    outcomes = evaluation.outcomes
    refused = ~outcomes.accepted
    right, wrong = int((refused & outcomes.right).sum()), int((refused & ~outcomes.right & ~outcomes.foreign).sum())
    foreign = int((refused & outcomes.foreign).sum())
    held = [f"{wrong:,} wrong answers", *([f"{foreign:,} foreign messages"] if result["out_of_scope_rows"] else [])]
    reasons = ", ".join(
        f"{rows:,} {REASONS[reason]}" for reason, rows in sorted(result["refusals"].items(), key=lambda item: -item[1])
    )
    own, llm = result["dollars_per_1000"], cost.llm_dollars_per_1000()
    both = own + float(refused.mean()) * llm
    return (
        f"<h2>What it costs</h2><p><b>Caution:</b> {int(refused.sum()):,} of {len(outcomes):,} messages go to a larger "
        f"model or a person. That held back {' and '.join(held)}, and {right:,} answers that would have been right."
        + (f" Why they were refused: {escape(reasons)}." if reasons else "")
        + f"</p><p><b>Money:</b> {result['messages_per_second']:,.0f} messages a second in this run, on "
        f"{result['threads']} {'core' if result['threads'] == 1 else 'cores'}: {dollars(own)} for 1,000 messages on a "
        f"machine at {dollars(cost.MACHINE_DOLLARS_PER_HOUR)} an hour that is kept busy. {cost.LLM} at list price is "
        f"{dollars(llm)} for 1,000 ({cost.LLM_TOKENS_IN} tokens in, {cost.LLM_TOKENS_OUT} out, each); asking it only "
        f"for what is refused here makes {dollars(both)}.</p>"
    )


def _numbers(result: dict[str, Any]) -> str:
    return (
        "<h2>All figures</h2><p>Plain names are over messages that have an intent; “all traffic” includes foreign ones."
        f"</p><details><summary>Show them, with intervals and meanings</summary>{tables.figures(result)}</details>"
    )


def _how(result: dict[str, Any], bundle: str) -> str:
    guarantee = result["guarantee"]
    return (
        f'<footer class="meta"><p>{escape(bundle)} on {escape(result["data"])}: {result["in_scope_rows"]:,} messages '
        f"with an intent, {result['out_of_scope_rows']:,} out of scope; measured {escape(result['measured_at'])}. "
        f"Accepted at confidence {result['threshold']:.3f} or more. Promise: {escape(guarantee['method'])}, at "
        f"{percent(guarantee['confidence'])} confidence, for messages like those it was calibrated on. Intervals by "
        "bootstrap over messages; a share of nothing or all has an exact one. Several right labels count as right "
        "when one of them is given.</p></footer>"
    )
