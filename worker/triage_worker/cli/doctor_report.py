"""Prints what the doctor found: for a person who sees the topic for the first time."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from triage_worker.cli.env_file import env_line
from triage_worker.doctor.decisions import choose
from triage_worker.doctor.examination import Examination
from triage_worker.doctor.kinds import DESCRIPTIONS, Kind
from triage_worker.doctor.masking import Mask
from triage_worker.doctor.report import example, how_to_read_more, reasons_to_show, settings_to_paste, span_of
from triage_worker.terminal.decision_table import Row, header, line

MOST_FIELDS = 25
INDENT = GAP = 2
SHARE_WIDTH, TYPE_WIDTH = 5, 7
STYLES = {"ok": "green", "advice": "yellow", "error": "red"}
HINTS: Mapping[str, str] = {
    "null_value": "leave tombstones out where the topic is written",
    "empty_value": "leave them out where the topic is written",
    "too_large": "raise TRIAGE_MAX_MESSAGE_BYTES if they are messages",
    "text_too_large": "raise TRIAGE_MAX_TEXT_BYTES if they are messages; the model reads about 1,100 words",
    "not_utf8": "let the producer write UTF-8",
    "not_json": "see above what they are: one format is read of a topic",
    "not_object": "let the producer write an object for each message",
    "not_email": "see above what they are: one format is read of a topic",
    "no_text": "their text is elsewhere, or they have none",
    "text_not_string": "their text is elsewhere, or they have none",
    "no_schema_id": "see above what they are: leave TRIAGE_INPUT_FORMAT at json to read JSON, too",
    "unknown_schema": "see whether TRIAGE_SCHEMA_REGISTRY_URL is the registry of this topic",
    "waits_for_schema": "the worker waits for the registry; nothing is lost",
}

KIND_HINTS: Mapping[Kind, str] = {
    "json_list": "let the producer write an object for each message",
    "xml": "no format of Triage reads it; let the producer write JSON, or the text alone",
    "compressed": "let the producer use Kafka's own compression (compression.type), which every client takes off",
    "binary": "no format of Triage reads them",
    "empty": "leave them out where the topic is written",
}


def print_report(
    console: Console, found: Examination, mask: Mask, written: Path | None, sources: Path | None = None
) -> None:
    """Print all of it.

    Args:
        console: where to print.
        found: what the doctor found.
        mask: replaces personal data in what is shown of records.
        written: the file that the settings were written to; None if they were not.
        sources: the file with the settings of each topic; None if there is none.
    """
    _print_records(console, found)
    if found.survey.documents:
        _print_fields(console, found, mask)
        _print_candidates(console, found)
    _print_settings(console, found, written, sources)
    _print_outcome(console, found)
    if found.answers:
        _print_languages(console, found)
        _print_decisions(console, found, mask)
    _print_checks(console, found)
    _print_next(console, found, written, sources)


def _heading(console: Console, text: str) -> None:
    console.print()
    console.print(Text(text, style="bold"))


def _lines(console: Console, texts: Iterable[str]) -> None:
    for text in texts:
        console.print(Padding(escape(text), (0, 0, 0, INDENT)))


def _print_records(console: Console, found: Examination) -> None:
    sample, survey = found.gathered.sample, found.survey
    span = span_of(found)
    when = "" if span is None else f", from {span[0]:%Y-%m-%d %H:%M} to {span[1]:%Y-%m-%d %H:%M} UTC"
    console.print(
        Text(
            f"{sample.topic}: the last {_counted(len(sample.records), 'record')} of {sample.offsets:,} in "
            f"{_counted(len(sample.ends), 'partition')}{when}",
            style="bold",
        )
    )
    table = _table()
    table.add_column("", justify="right")
    table.add_column("", justify="right")
    table.add_column("")
    for kind, count in survey.kinds.most_common():
        details = [detail for detail, _ in survey.details.get(kind, {}).items()]
        shown = f" ({', '.join(details[:3])}{', …' if len(details) > 3 else ''})" if details else ""
        table.add_row(str(count), _share(count, len(sample.records)), f"{DESCRIPTIONS[kind]}{shown}")
    _print_table(console, table)
    _lines(
        console,
        [
            f"{count} are events of a change log ({name}): updates of other columns are skipped"
            for name, count in survey.change_logs.items()
        ],
    )


def _print_fields(console: Console, found: Examination, mask: Mask) -> None:
    survey = found.survey
    _heading(console, f"Fields of {_counted(survey.documents, 'record')}")
    table = _table()
    shown = survey.fields[:MOST_FIELDS]
    longest = max((cell_len(field.name) for field in shown), default=0)
    path_width = min(longest, 2 * console.width // 5)
    room = console.width - INDENT - path_width - SHARE_WIDTH - TYPE_WIDTH - 3 * GAP
    # A path is to be copied, so it is folded rather than cut.
    table.add_column("path", overflow="fold", width=path_width)
    table.add_column("in", justify="right", width=SHARE_WIDTH)
    table.add_column("type", no_wrap=True, width=TYPE_WIDTH)
    table.add_column("example", no_wrap=True, overflow="ellipsis", width=max(room, 1))
    for field in shown:
        share = _share(len(field.values), survey.documents)
        table.add_row(Text(field.name), share, field.types[0], Text(example(field, mask)))
    _print_table(console, table)
    if len(survey.fields) > len(shown):
        _lines(console, [f"… and {len(survey.fields) - len(shown)} more; --json lists all"])


def _print_candidates(console: Console, found: Examination) -> None:
    _heading(console, "Where the text is")
    texts = found.survey.texts
    if not texts:
        _lines(console, ["No field reads like messages of customers: two words or more, which differ."])
    table = _table()
    table.add_column("", overflow="fold")
    table.add_column("", justify="right")
    table.add_column("")
    for candidate in texts:
        table.add_row(Text(candidate.field.name), f"{candidate.score:.2f}", candidate.why)
    if texts:
        _print_table(console, table)
    _lines(console, how_to_read_more(found))
    if found.survey.writers is not None:
        field, values = found.survey.writers
        count = sum(str(value) in values for value in field.values)
        _lines(
            console,
            [
                f"{count} of {len(field.values)} have {field.name}={'/'.join(values)}: the worker reads all records of "
                "a topic, so let only what customers write go to it"
            ],
        )


def _print_settings(console: Console, found: Examination, written: Path | None, sources: Path | None) -> None:
    values, reasons = settings_to_paste(found), reasons_to_show(found)
    if sources is not None:
        values = {name: value for name, value in values.items() if name in found.proposal.values}
    if not found.read:
        _heading(console, "Settings")
        _lines(console, ["None are proposed, since none of those that were tried reads a message."])
        return
    if not values:
        _heading(console, "Settings")
        _lines(console, ["None are needed: what is set, and the defaults, read this topic."])
    else:
        place = "to paste into .env" if written is None else f"written to {written}"
        if sources is not None:
            place = f"for the topic's source in {sources}, where they are called text_field and so on"
        _heading(console, f"Settings, {place}")
    for name, value in values.items():
        if name in found.proposal.values:
            console.print(Text(f"# {reasons[name]}", style="dim"), soft_wrap=True)
        console.print(Text(env_line(name, value)), soft_wrap=True)
    _lines(console, [f"{name} stays: {reason}" for name, reason in reasons.items() if name not in values])


def _print_outcome(console: Console, found: Examination) -> None:
    trial, count = found.proposal.trial, len(found.gathered.sample.records)
    _heading(console, f"With them, {len(trial.messages)} of {count} records are messages")
    skipped = [f"{number} skipped: {reason}" for reason, number in trial.skipped.most_common()]
    dead = []
    for code, number in trial.rejected.most_common():
        what = "would be a dead letter" if number == 1 else "would be dead letters"
        what = "wait" if code == "waits_for_schema" else what
        hint = f" ({HINTS[code]})" if code in HINTS else ""
        dead.append(f"{number} {what}: {code}, {trial.explanations[code]}{hint}")
    _lines(console, [*skipped, *dead])


def _print_languages(console: Console, found: Examination) -> None:
    fits, count = found.fit, len(found.read)
    _heading(console, "Texts")
    shares = ", ".join(
        f"{language or 'unsure'} {_share(number, count)}" for language, number in fits.languages.most_common(8)
    )
    reads = "any language" if fits.own is None else ", ".join(sorted(fits.own))
    names = ", ".join(folder.name for folder in found.given.bundle.by_languages.values())
    console_lines = [f"languages: {shares}", f"the bundle {names} reads {reads}"]
    if fits.better is not None and "bundle" not in found.proposal.values:
        console_lines.append(f"the bundle {fits.better.name} reads more of them: TRIAGE_BUNDLE={fits.better}")
    if fits.left:
        refused = sum(fits.languages[language] for language in fits.left)
        console_lines.append(
            f"{refused} in {', '.join(fits.left[:5])} go to the fallback as unsupported_language, unless a bundle "
            "learns them: `triage train --languages`"
        )
    long = sum(answer.windows > 1 for answer in found.answers)
    if long:
        console_lines.append(f"{_counted(long, 'text')} longer than the model's window: read in several")
    cut = sum(answer.decision.truncated for answer in found.answers)
    if cut:
        console_lines.append(f"{_counted(cut, 'text')} longer than 32 windows: never accepted")
    html = sum(one.is_html for one in found.read)
    if html:
        console_lines.append(f"HTML: {_share(html, count)}, read as a person sees it")
    _lines(console, console_lines)


def _print_decisions(console: Console, found: Examination, mask: Mask) -> None:
    count = len(found.answers)
    _heading(console, f"Decisions: {found.accepted} of {count} accepted ({_share(found.accepted, count)}), for example")
    console.print(header(console.width), soft_wrap=True)
    for answer in choose(found.answers):
        decision = answer.decision
        text = mask(answer.read.message.text)
        row = Row(text, decision.intent, decision.confidence, decision.accepted, decision.reason)
        console.print(line(row, console.width), soft_wrap=True)


def _print_checks(console: Console, found: Examination) -> None:
    _heading(console, "Checks")
    table = _table()
    table.add_column("", no_wrap=True)
    table.add_column("")
    for check in found.checks:
        table.add_row(Text(check.kind, style=STYLES[check.kind]), check.message)
    _print_table(console, table)
    commands = [check.command for check in found.checks if check.command is not None]
    if commands:
        _heading(console, "Commands that grant what is missing, for an administrator of the brokers")
    for command in commands:
        console.print(Text(command), soft_wrap=True)


def _print_next(console: Console, found: Examination, written: Path | None, sources: Path | None) -> None:
    _heading(console, "Next")
    if not found.read:
        _lines(console, _without_messages(found))
        return
    steps = ["triage topics create", "triage worker"]
    if sources is not None:
        steps = [f"put the settings above into {sources}, if there are any", "triage sources check", *steps]
    elif settings_to_paste(found) and written is None:
        steps.insert(0, "put the settings above into .env, by hand or by --write .env")
    _lines(console, [f"{number}. {step}" for number, step in enumerate(steps, 1)])


def _without_messages(found: Examination) -> Iterator[str]:
    """What to do where no record is a message."""
    registry = found.gathered.registry
    if registry.asked and not registry.is_set:
        yield "Set TRIAGE_SCHEMA_REGISTRY_URL, and its login if it has one, and run this again."
        return
    if registry.problem is not None:
        yield "Run this again when the schema registry answers."
        return
    kind = found.survey.kinds.most_common(1)[0][0]
    if kind in KIND_HINTS:
        yield f"Most records are {DESCRIPTIONS[kind]}: {KIND_HINTS[kind]}."
    yield "No record is a message by any settings. Is it the right topic? `triage doctor` without --topic lists all."


def _table() -> Table:
    return Table(box=None, pad_edge=False, header_style="bold", show_header=True)


def _print_table(console: Console, table: Table) -> None:
    table.show_header = any(column.header for column in table.columns)
    console.print(Padding(table, (0, 0, 0, INDENT)))


def _share(count: int, of: int) -> str:
    return f"{round(100 * count / of)} %" if of else "0 %"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
