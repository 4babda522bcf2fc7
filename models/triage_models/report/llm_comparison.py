"""Describes the comparison of a bundle with an LLM: the same table and sentences for the terminal and the report."""

from collections.abc import Iterator
from html import escape
from typing import Any

from triage_models.report.narrative import money, percent, percent_interval

STRATEGIES = {"llm": "LLM alone", "bundle": "bundle alone", "cascade": "bundle, then LLM"}

Cell = tuple[str, str]
"""A value and its 95 % interval, as text."""

ANSWERS = {
    "decided": "an accepted intent",
    "unsure": "an intent with low confidence",
    "none_of_these": "none of the intents",
    "unparsable": "not parsable",
    "not_a_label": "an intent that does not exist",
    "refused": "request refused",
    "unavailable": "no answer after all retries",
    "deadline": "no answer in time",
}

STOPS = {
    "max_money": "The run stopped at --max-money.",
    "no_answer": "The run stopped because the endpoint no longer answered.",
}


def comparison_rows(comparison: dict[str, Any]) -> Iterator[tuple[str, list[Cell]]]:
    """Yield the title of each metric and its value for each of `STRATEGIES`."""
    strategies = [comparison["ways"][name] for name in STRATEGIES]
    with_oos = any(one["false_acceptance_rate"] is not None for one in strategies)
    yield "correct, if every message were answered", [_share(one, "accuracy") for one in strategies]
    yield "difference to the LLM alone", [("", ""), *(_points(one) for one in strategies[1:])]
    yield "accepted, without a person", [_share(one, "all_traffic_coverage") for one in strategies]
    yield "of those correct", [_share(one, "all_traffic_selective_accuracy") for one in strategies]
    yield "accepted and wrong", [(f"{one['accepted_errors']:,} of {one['accepted_rows']:,}", "") for one in strategies]
    yield "left to a person", [_share(one, "review_share") for one in strategies]
    if with_oos:
        yield "out-of-scope messages accepted", [_share(one, "false_acceptance_rate") for one in strategies]
    yield "money per 1,000 messages", [_money(one) for one in strategies]


def comparison_notes(comparison: dict[str, Any]) -> Iterator[str]:
    """Yield the sentences that a reader of the table needs."""
    calls, answers = comparison["calls"], comparison["answers"]
    asked, wanted = comparison["rows"], comparison["rows_wanted"]
    planned = f" of the {wanted:,} planned" if asked < wanted else ""
    yield (
        f"{comparison['model']} at {comparison['url']} on {asked:,} messages{planned}, sampled with seed "
        f"{comparison['seed']} so that each label keeps its share; all three strategies saw the same messages."
    )
    if comparison["stopped"] is not None:
        yield STOPS[comparison["stopped"]]
    yield f"Answers of the LLM alone, without the bundle's guesses: {_tally(answers['llm'])}."
    if answers["cascade"]:
        yield f"Answers for messages that the bundle refused, with its guesses: {_tally(answers['cascade'])}."
    else:
        yield "The bundle refused no message that would go to an LLM, so “bundle, then LLM” equals the bundle alone."
    yield (
        f"An answer is accepted if the LLM gives it a confidence of {comparison['min_confidence']:g} or more. "
        "Other messages are left to a person, whose time is not included in the money."
    )
    if calls["answered"]:
        yield (
            f"Calls: {calls['answered']:,} answered, {calls['refused']:,} refused, {calls['unavailable']:,} failed. "
            f"Half of the answers took under {calls['latency_p50_s']:.3g} s and 95 % under "
            f"{calls['latency_p95_s']:.3g} s, with {calls['at_once']} calls in parallel."
        )
    yield _cost_note(comparison)


def render_section(comparison: dict[str, Any]) -> str:
    """Return the section of the HTML report."""
    head = "".join(f'<th scope="col" class="number">{escape(name)}</th>' for name in STRATEGIES.values())
    body = "".join(
        f'<tr><th scope="row">{escape(title)}</th>'
        + "".join(f'<td class="number">{escape(value)}<small>{escape(ends)}</small></td>' for value, ends in cells)
        + "</tr>"
        for title, cells in comparison_rows(comparison)
    )
    notes = "".join(f"<p>{escape(sentence)}</p>" for sentence in comparison_notes(comparison))
    return (
        f"<h2>Comparison with {escape(comparison['model'])}</h2>"
        '<div class="scroll" tabindex="0"><table><thead><tr><th scope="col">on the same messages</th>'
        f'{head}</tr></thead><tbody>{body}</tbody></table></div><div class="meta">{notes}</div>'
    )


def _cost_note(comparison: dict[str, Any]) -> str:
    calls = comparison["calls"]
    prices = (
        f"at {comparison['price_input']:g} and {comparison['price_output']:g} per million"
        if comparison["price_input"] or comparison["price_output"]
        else "and no prices are set, so the LLM counts as free"
    )
    estimated = (
        f" {calls['without_usage']:,} answers reported no token count: theirs is estimated as a quarter of their bytes."
        if calls["without_usage"]
        else ""
    )
    unknown = " What the provider bills for failed calls is unknown and not included." if calls["unavailable"] else ""
    source = "given" if comparison["speed_was_given"] else "measured here"
    return (
        f"Alone, the LLM read {calls['tokens_in_per_message']:.0f} tokens per message and wrote "
        f"{calls['tokens_out_per_message']:.0f}, {prices}.{estimated}{unknown} The bundle classifies "
        f"{comparison['messages_per_second']:,.0f} messages per second ({source}) on a machine that costs "
        f"{comparison['machine_price_per_hour']:g} per hour and is always busy. This run spent "
        f"{money(comparison['spent'])}; {comparison['answers_reused']:,} answers were reused from earlier runs."
    )


def _tally(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {ANSWERS[why]}" for why, count in counts.items())


def _share(strategy: dict[str, Any], name: str) -> Cell:
    return percent(strategy[name]), percent_interval(strategy[f"{name}_ci"])


def _points(strategy: dict[str, Any]) -> Cell:
    value = strategy["accuracy_difference"]
    if value is None:
        return "–", "–"
    low, high = (100 * end for end in strategy["accuracy_difference_ci"])
    return f"{100 * value:+.1f} points", f"{low:+.1f} to {high:+.1f}"


def _money(strategy: dict[str, Any]) -> Cell:
    low, high = map(money, strategy["money_per_1000_ci"])
    return money(strategy["money_per_1000"]), "" if low == high else f"{low} to {high}"
