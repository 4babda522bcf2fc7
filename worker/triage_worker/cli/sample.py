"""``triage sample``: draws the messages that are worth labelling."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from triage_worker.cli.interruption import interruptible
from triage_worker.cli.label_csv import check_csv, write_csv
from triage_worker.cli.message_pool import MESSAGES, Last, Origin, Since, Source, TextColumn, Topic, draw_pool
from triage_worker.cli.row_progress import row_progress
from triage_worker.cli.settings_flags import settings_flags
from triage_worker.config.settings import Settings

if TYPE_CHECKING:
    from triage_models.labelling.sampling import Drawn

    from triage_worker.cli.message_pool import Pool

POOL_FACTOR, MIN_POOL = 20, 5_000
"""The pool has so many messages per row to draw, and at least so many: only the pool is classified."""

COLUMNS = ("text", "label", "message_id", "part", "count")
TITLES: dict[str, str] = {
    "random": "at random",
    "uncertain": "because the bundle is uncertain",
    "diverse": "unlike all others",
}


@settings_flags([*MESSAGES, "bundle", "threads", "clean_email"])
def sample(
    settings: Settings,
    output: Annotated[Path, typer.Option(help="CSV to fill in: the messages, with an empty label")],
    source: Source = None,
    topic: Topic = None,
    rows: Annotated[int, typer.Option(min=2, help="How many messages to draw")] = 300,
    last: Last = None,
    since: Since = None,
    text_column: TextColumn = "text",
    suggest_labels: Annotated[
        bool, typer.Option("--suggest-labels", help="Fill in the bundle's own labels; faster, but it leads the reader")
    ] = False,
    seed: Annotated[int, typer.Option(help="Random seed")] = 0,
) -> None:
    """Draw messages to label: half at random, the others where the bundle is unsure or has seen nothing like them."""
    origin = Origin(source, topic, text_column, last, since)
    origin.check()
    check_csv(output, source)
    console = Console(stderr=True, highlight=False)
    with interruptible(console, f"Interrupted: {output} was not written."):
        pool = draw_pool(settings, origin, max(MIN_POOL, POOL_FACTOR * rows), seed, console)
        lines, drawn = _choose(settings, pool, rows, console, seed=seed, suggest=suggest_labels)
        write_csv(output, [*COLUMNS, "confidence"] if suggest_labels else COLUMNS, lines)
    _report(pool, drawn, output)


def _choose(
    settings: Settings, pool: "Pool", rows: int, console: Console, *, seed: int, suggest: bool
) -> "tuple[list[list[object]], list[Drawn]]":
    """Classify the pool and choose; return the lines of the CSV in random order."""
    import random  # noqa: PLC0415 (only here)

    from triage_models.labelling.profiles import profile_texts  # noqa: PLC0415 (ONNX Runtime is slow to import)
    from triage_models.labelling.sampling import choose  # noqa: PLC0415
    from triage_models.serving.classifier import Classifier  # noqa: PLC0415

    classifier = Classifier.open(
        settings.bundle.only, device="cpu", threads=settings.threads or None, clean_email=settings.clean_email
    )
    texts = [message.text for message in pool.messages]
    with row_progress(console, len(texts)) as advance:
        profiles = profile_texts(classifier, texts, advance)
    bundle = classifier.bundle
    drawn = choose(texts, profiles, bundle.threshold, rows, bundle.intent_thresholds)
    random.Random(seed).shuffle(drawn)
    lines: list[list[object]] = []
    for one in drawn:
        message, decision = pool.messages[one.row], profiles.decisions[one.row]
        label = decision.intent if suggest else ""
        line: list[object] = [message.text, label, message.message_id, one.part, one.count]
        lines.append([*line, f"{decision.confidence:.3f}"] if suggest else line)
    return lines, drawn


def _report(pool: "Pool", drawn: "list[Drawn]", output: Path) -> None:
    counts = Counter[str](one.part for one in drawn)
    parts = ", ".join(f"{counts[part]:,} {title}" for part, title in TITLES.items() if counts[part])
    skipped = f" ({pool.without_text:,} others have no text)" if pool.without_text else ""
    typer.echo(
        f"{len(drawn):,} of {pool.seen:,} messages{skipped} are in {output}: {parts}. Fill in the column label; only "
        "the part random says how often the bundle is right on your traffic."
    )
