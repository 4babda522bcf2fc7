"""``triage suggest``: groups messages without labels into intents, and names them."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from triage_models.labelling.groups import Group, describe_groups, free_name, unique_names
from triage_models.labelling.sampling import Message, near_key

from triage_worker.cli.interruption import interruptible
from triage_worker.cli.label_csv import check_csv, write_csv
from triage_worker.cli.message_pool import MESSAGES, Last, Origin, Since, Source, TextColumn, Topic, draw_pool
from triage_worker.cli.row_progress import row_progress
from triage_worker.cli.settings_flags import settings_flags
from triage_worker.cli.train import training_imports
from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings

if TYPE_CHECKING:
    from triage_models.serving.decision import Floats

    from triage_worker.cli.message_pool import Pool

LLM = ("llm_url", "llm_model", "llm_key_header", "llm_timeout_s", "llm_price_input", "llm_price_output")
MAX_ROWS = 10_000
"""Messages to group, at most: every one is compared with every other."""

SURE = 0.6
"""Similarity to the centre of its group from which on a message is kept without a question mark."""

# Not "group": `triage train` keeps the rows of a group together, so whole intents would be held out.
COLUMNS = ("text", "label", "cluster", "keep", "similarity", "count", "message_id")
LABEL_COLUMNS = ("label", "description", "cluster", "messages", "share", "may_be_the_same_as", "examples")


@dataclass(frozen=True)
class Grouped:
    """Different messages with their groups.

    Attributes:
        messages: ``[N]`` one message of each near-duplicates.
        counts: ``[N]`` how many messages each stands for.
        groups: the largest first.
        similarity: ``[N]`` to the centre of the message's group.
    """

    messages: list[Message]
    counts: list[int]
    groups: list[Group]
    similarity: "Floats"

    def size(self, group: Group) -> int:
        """How many messages a group has, near-duplicates included."""
        return sum(self.counts[row] for row in group.rows)


@settings_flags([*MESSAGES, *LLM], short={"llm_url": "--llm"})
def suggest(
    settings: Settings,
    output: Annotated[Path, typer.Option(help="CSV to correct: messages with a suggested label")],
    source: Source = None,
    topic: Topic = None,
    rows: Annotated[int, typer.Option(min=10, max=MAX_ROWS, help="How many messages to group, drawn at random")] = 5000,
    groups: Annotated[int | None, typer.Option(min=2, help="How many groups to make; unset: as the data has")] = None,
    last: Last = None,
    since: Since = None,
    text_column: TextColumn = "text",
    base: Annotated[str | None, typer.Option(help="Model whose vectors are compared: a folder or a hub id")] = None,
    max_money: Annotated[float | None, typer.Option(min=0, help="With --llm: the most money to spend on names")] = None,
    seed: Annotated[int, typer.Option(help="Random seed")] = 0,
) -> None:
    """Group messages that have no labels into intents, with names and examples, as a CSV to correct and train on."""
    origin = Origin(source, topic, text_column, last, since)
    origin.check()
    check_csv(output, source)
    ask_llm = settings.source("llm_url") == "flag"  # only a flag may spend money, not a .env file
    _check_llm_flags(settings, max_money, ask_llm=ask_llm)
    labels = output.with_suffix(".labels.csv")
    check_csv(labels, source)
    console = Console(stderr=True, highlight=False)
    with interruptible(console, f"Interrupted: {output} was not written."):
        pool = draw_pool(settings, origin, rows, seed, console)
        found = _group(pool, base, groups, console)
        if ask_llm:
            found = _with_llm_names(settings, found, max_money, console)
        _write(found, output, labels)
    _report(pool, found, output, labels)


def _check_llm_flags(settings: Settings, max_money: float | None, *, ask_llm: bool) -> None:
    given = ["max_money"] if max_money is not None else [name for name in LLM if settings.source(name) == "flag"]
    if given and not ask_llm:
        raise TriageError(f"--{given[0].replace('_', '-')} is about an LLM: give --llm URL, too.")


def _group(pool: "Pool", base: str | None, count: int | None, console: Console) -> Grouped:
    with training_imports("Grouping messages"):
        from triage_models.training.base_model import default_base  # noqa: PLC0415 (torch is heavy, and an extra)
        from triage_models.training.grouping import group, similarity_to_centre  # noqa: PLC0415
        from triage_models.training.label_check import embed  # noqa: PLC0415

    kept: dict[str, Message] = {}
    counts: dict[str, int] = {}
    for message in pool.messages:
        key = near_key(message.text)
        kept.setdefault(key, message)
        counts[key] = counts.get(key, 0) + 1
    messages = list(kept.values())
    texts = [message.text for message in messages]
    with console.status(f"comparing {len(texts):,} different messages"):
        numbers, vectors = group(embed(base or default_base(), texts), count)
        similarity = similarity_to_centre(vectors, numbers)
        groups = describe_groups(texts, numbers, vectors, similarity)
    return Grouped(messages, list(counts.values()), groups, similarity)


def _with_llm_names(settings: Settings, found: Grouped, max_money: float | None, console: Console) -> Grouped:
    from triage_worker.fallback.group_namer import name_groups  # noqa: PLC0415 (keeps `triage --help` fast)

    examples, old_names = [group.examples for group in found.groups], [group.name for group in found.groups]
    with row_progress(console, len(examples)) as advance:
        named = asyncio.run(name_groups(settings, examples, max_money, free_name, advance))
    if len(named) < len(examples):
        console.print(f"{len(examples) - len(named)} of {len(examples)} groups keep the name of their words: the LLM "
                      "gave no usable one, or --max-money was spent.", soft_wrap=True)  # fmt: skip
    new = unique_names([named[number].name if number in named else old for number, old in enumerate(old_names)])
    names = dict(zip(old_names, new, strict=True))
    groups = [
        replace(
            group,
            name=names[group.name],
            description=named[number].description if number in named else group.description,
            overlaps=tuple(names[other] for other in group.overlaps),
        )
        for number, group in enumerate(found.groups)
    ]
    return replace(found, groups=groups)


def _write(found: Grouped, output: Path, labels: Path) -> None:
    """Write the messages, group by group and the most typical first, then those in no group; and the groups."""
    lines: list[list[object]] = []
    for number, group in enumerate(found.groups, start=1):
        for row in group.rows:
            similarity = float(found.similarity[row])
            lines.append(_line(found, row, group.name, number, "yes" if similarity >= SURE else "?"))
    inside = {row for group in found.groups for row in group.rows}
    lines += [_line(found, row, "", "", "no") for row in range(len(found.messages)) if row not in inside]
    write_csv(output, COLUMNS, lines)
    total = sum(found.counts)
    write_csv(
        labels,
        LABEL_COLUMNS,
        (
            [
                group.name,
                group.description,
                number,
                found.size(group),
                f"{found.size(group) / total:.3f}",
                ", ".join(group.overlaps),
                " | ".join(group.examples),
            ]
            for number, group in enumerate(found.groups, start=1)
        ),
    )


def _line(found: Grouped, row: int, label: str, group: int | str, keep: str) -> list[object]:
    message = found.messages[row]
    similarity = f"{found.similarity[row]:.2f}" if label else ""
    return [message.text, label, group, keep, similarity, found.counts[row], message.message_id]


def _report(pool: "Pool", found: Grouped, output: Path, labels: Path) -> None:
    total = sum(found.counts)
    grouped = sum(found.size(group) for group in found.groups)
    overlapping = sum(bool(group.overlaps) for group in found.groups)
    drawn = f"{total:,} messages" + ("" if total == pool.seen else f", drawn from {pool.seen:,},")
    same = f" {overlapping} of them may be the same as another one." if overlapping else ""
    typer.echo(
        f"{drawn} make {len(found.groups):,} groups; {1 - grouped / total:.0%} are in none.{same}\n"
        f"{output} has the messages, {labels} the names and examples. Correct both, then:\n"
        f"  triage train --data {output} --descriptions {labels} --output bundles/mine"
    )
