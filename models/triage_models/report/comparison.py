"""A larger model beside the bundle, in words: the same table and sentences for the terminal and for the report."""

from collections.abc import Iterator
from html import escape
from typing import Any

from triage_models.report.narrative import money, percent, span

WAYS = {"llm": "LLM alone", "bundle": "bundle alone", "cascade": "bundle, then LLM"}

Cell = tuple[str, str]
"""A value and its 95 % interval, as they are read."""

OUTCOMES = {
    "decided": "an intent that stands",
    "unsure": "an intent that it is not sure of",
    "none_of_these": "none of the intents",
    "unparsable": "not readable as an answer",
    "not_a_label": "an intent that does not exist",
    "refused": "the request refused",
    "unavailable": "no answer after all tries",
    "deadline": "no answer in time",
}

STOPS = {"max_money": "It stopped at --max-money.", "no_answer": "It stopped: the endpoint no longer answered."}


def rows(beside: dict[str, Any]) -> Iterator[tuple[str, list[Cell]]]:
    """The figures: what each is, and its value for each of `WAYS`."""
    ways = [beside["ways"][name] for name in WAYS]
    foreign = any(way["false_acceptance_rate"] is not None for way in ways)
    yield "right, if every message were answered", [_share(way, "accuracy") for way in ways]
    yield "the same, less the LLM alone", [("", ""), *(_points(way) for way in ways[1:])]
    yield "handled without a person", [_share(way, "all_traffic_coverage") for way in ways]
    yield "of that right", [_share(way, "all_traffic_selective_accuracy") for way in ways]
    yield "wrong, and acted on", [(f"{way['accepted_errors']:,} of {way['accepted_rows']:,}", "") for way in ways]
    yield "left to a person", [_share(way, "review_share") for way in ways]
    if foreign:
        yield "foreign messages acted on", [_share(way, "false_acceptance_rate") for way in ways]
    yield "money for 1,000 messages", [_money(way) for way in ways]


def notes(beside: dict[str, Any]) -> Iterator[str]:
    """What has to be known to read them, in sentences."""
    calls, answers = beside["calls"], beside["answers"]
    asked, wanted = beside["rows"], beside["rows_wanted"]
    meant = f" of the {wanted:,} that were meant to be" if asked < wanted else ""
    yield (
        f"{beside['model']} at {beside['url']} on {asked:,} messages{meant}, drawn by seed {beside['seed']} so that "
        "each label keeps its share; the three ways saw the same ones."
    )
    if beside["stopped"] is not None:
        yield STOPS[beside["stopped"]]
    yield f"Alone, without the bundle's guesses, its answers were: {_tally(answers['llm'])}."
    if answers["cascade"]:
        yield f"About what the bundle refused, with its guesses: {_tally(answers['cascade'])}."
    else:
        yield "The bundle refused none of them that an LLM would be asked about: bundle, then LLM is the bundle alone."
    yield (
        f"An answer stands from a confidence of {beside['min_confidence']:g} that the LLM gives itself. "
        "What does not stand is left to a person, whose time is in no sum of money here."
    )
    if calls["answered"]:
        yield (
            f"Calls: {calls['answered']:,} answered, {calls['refused']:,} refused, {calls['unavailable']:,} failed. "
            f"Of those answered half took under {calls['latency_p50_s']:.3g} s and 95 % under "
            f"{calls['latency_p95_s']:.3g} s, {calls['at_once']} at once."
        )
    yield _bill(beside)


def section(beside: dict[str, Any]) -> str:
    """The section of the report."""
    head = "".join(f'<th scope="col" class="number">{escape(name)}</th>' for name in WAYS.values())
    body = "".join(
        f'<tr><th scope="row">{escape(title)}</th>'
        + "".join(f'<td class="number">{escape(value)}<small>{escape(ends)}</small></td>' for value, ends in cells)
        + "</tr>"
        for title, cells in rows(beside)
    )
    said = "".join(f"<p>{escape(sentence)}</p>" for sentence in notes(beside))
    return (
        f"<h2>Beside {escape(beside['model'])}</h2>"
        '<div class="scroll" tabindex="0"><table><thead><tr><th scope="col">on the same messages</th>'
        f'{head}</tr></thead><tbody>{body}</tbody></table></div><div class="meta">{said}</div>'
    )


def _bill(beside: dict[str, Any]) -> str:
    calls = beside["calls"]
    prices = (
        f"at {beside['price_input']:g} and {beside['price_output']:g} for a million"
        if beside["price_input"] or beside["price_output"]
        else "and no prices are set, so the LLM counts as free"
    )
    counted = (
        f" {calls['without_usage']:,} answers came without a count of tokens: theirs are a quarter of their bytes."
        if calls["without_usage"]
        else ""
    )
    unknown = " What failed calls are billed is not known, and not in it." if calls["unavailable"] else ""
    given = "given" if beside["speed_was_given"] else "measured here"
    return (
        f"Alone it read {calls['tokens_in_per_message']:.0f} tokens a message and wrote "
        f"{calls['tokens_out_per_message']:.0f}, {prices}.{counted}{unknown} The bundle: "
        f"{beside['messages_per_second']:,.0f} messages a second ({given}) on a machine at "
        f"{beside['machine_price_per_hour']:g} an hour that is kept busy. This run spent {money(beside['spent'])}; "
        f"{beside['answers_reused']:,} answers were there already."
    )


def _tally(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {OUTCOMES[why]}" for why, count in counts.items())


def _share(way: dict[str, Any], name: str) -> Cell:
    return percent(way[name]), span(way[f"{name}_ci"])


def _points(way: dict[str, Any]) -> Cell:
    value = way["accuracy_difference"]
    if value is None:
        return "–", "–"
    low, high = (100 * end for end in way["accuracy_difference_ci"])
    return f"{100 * value:+.1f} points", f"{low:+.1f} to {high:+.1f}"


def _money(way: dict[str, Any]) -> Cell:
    low, high = map(money, way["money_per_1000_ci"])
    return money(way["money_per_1000"]), "" if low == high else f"{low} to {high}"
