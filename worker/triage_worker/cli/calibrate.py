"""``triage calibrate``: fits a bundle's confidence and thresholds to a shop's own messages, without training."""

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from triage_models.data.file_check import check_file
from triage_models.progress import progress_display

from triage_worker.cli.interruption import interruptible
from triage_worker.cli.settings_flags import settings_flags
from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings


@settings_flags(["bundle", "device", "clean_email"])
def calibrate(
    settings: Settings,
    data: Annotated[Path, typer.Option(help="CSV with the columns text and label")],
    output: Annotated[Path, typer.Option(help="Folder of the new bundle")],
    max_error: Annotated[float, typer.Option(help="Largest share of accepted messages that may be wrong")] = 0.05,
    suggest_max_error: Annotated[
        float, typer.Option(help="The same, down to the confidence from which refused messages are suggestions")
    ] = 0.2,
    max_error_for: Annotated[
        list[str] | None,
        typer.Option(help="A stricter limit for one intent, such as CANCEL_ORDER=0.01; may be repeated"),
    ] = None,
    cost: Annotated[
        Path | None,
        typer.Option(help="CSV with the columns label and cost: at a cost of 5, a fifth of --max-error may be wrong"),
    ] = None,
    out_of_scope_label: Annotated[
        str | None,
        typer.Option(help="Label of messages that have none of the bundle's labels; unset: the bundle's own"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """Fit a bundle's confidence and thresholds to labelled messages, and say what is guaranteed there.

    Takes seconds. Without a guarantee the bundle is written, too, with the threshold that it had or a stricter one.
    """
    for file in (data, cost):
        if file is not None:
            check_file(file)
    from triage_models.calibration import calibrate as run_calibration  # noqa: PLC0415 (ONNX Runtime is slow to import)

    console = Console(stderr=True, highlight=False)
    unchanged = f"Interrupted: {output} is unchanged."
    with interruptible(console, unchanged), progress_display(console) as progress:
        result = run_calibration(
            data,
            output,
            settings.bundle.only,
            max_error=max_error,
            suggest_max_error=suggest_max_error,
            max_error_for=_limits(max_error_for or [], cost, max_error),
            out_of_scope_label=out_of_scope_label,
            device=settings.device,
            clean_email=settings.clean_email,
            progress=progress,
        )
    if as_json:
        typer.echo(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    else:
        _print(result)


def _limits(given: list[str], cost: Path | None, max_error: float) -> dict[str, float]:
    """Join the limits of intents that were given as flags with those that a file of costs gives."""
    from triage_models.calibration.limits import parse_limits, read_costs  # noqa: PLC0415

    flags = parse_limits(given)
    costs = {} if cost is None else read_costs(cost, max_error)
    if twice := sorted(flags.keys() & costs.keys()):
        raise TriageError(f"{twice[0]} has a limit by --max-error-for and a cost in {cost}: give one of them.")
    return flags | costs


def _print(result: dict[str, Any]) -> None:
    bundle = result["bundle"]
    lines = [
        f"{result['accepted_rows']:,} of {result['rows']:,} messages are accepted, {result['errors']:,} of them "
        f"wrongly; of those with an intent, {result['coverage']:.0%} are accepted.",
        *_messages(result),
        *_not_judged(result["labels_not_judged"]),
        _promise(result, "accepted messages", result["confidence"]),
        *(
            f"{label}, from confidence {own['threshold']:.3f}: {own['errors']:,} of {own['accepted_rows']:,} accepted "
            f"are wrong. {_promise(own, 'these', result['confidence'])}"
            for label, own in result["by_intent"].items()
        ),
        f"Each guarantee is a statement of its own at {result['confidence']:.0%} confidence.{_texts(result)}",
        *_attempts(result["earlier_calibrations"]),
        *_lost(result),
        f"{bundle['path']} is ready: set TRIAGE_BUNDLE or --bundle to it.",
    ]
    for line in lines:
        typer.echo(line)


def _messages(result: dict[str, Any]) -> list[str]:
    """Say what the rows stand for, where texts repeat."""
    messages = result["messages"]
    if messages["rows"] == result["rows"]:
        return []
    return [
        f"Texts repeat: the rows stand for {messages['rows']:,} messages, of which {messages['accepted']:,} are "
        f"accepted, {messages['errors']:,} of them wrongly. What is guaranteed holds for messages and for texts."
    ]


def _not_judged(labels: list[str]) -> list[str]:
    """Say which labels of the bundle the rows lack: a guarantee does not show it."""
    from triage_models.data.labels import show_labels  # noqa: PLC0415

    if not labels:
        return []
    which = "1 label" if len(labels) == 1 else f"{len(labels):,} labels"
    return [f"No row judges {which} of the bundle, so nothing is known about such messages: {show_labels(labels)}."]


def _texts(result: dict[str, Any]) -> str:
    """Say what is guaranteed where each text is there once: a file that has lost its repeats looks like this, too."""
    if result["messages"]["rows"] > result["rows"]:
        return ""
    return " It is about different texts, not events: each counts once, also if it is sent often."


def _attempts(earlier: int) -> list[str]:
    if not earlier:
        return []
    times = "once" if earlier == 1 else f"{earlier:,} times"
    return [
        f"This network was calibrated {times} before. If that was repeated until a guarantee was given, the guarantee "
        "is weaker than it says."
    ]


def _lost(result: dict[str, Any]) -> list[str]:
    """Say what the bundle that was calibrated may have had and the new one lacks."""
    lines = []
    if not result["guaranteed"]:
        lines.append("What the bundle guaranteed before was about its own rows; the new bundle does not promise it.")
    if result["suggest"]["threshold"] >= result["threshold"]:
        lines.append("The new bundle suggests nothing: no refused message is below the limit of --suggest-max-error.")
    return lines


def _promise(found: dict[str, Any], what: str, confidence: float) -> str:
    from triage_models.bundle.manifest import show_rate  # noqa: PLC0415
    from triage_models.calibration.rows_needed import UNATTAINABLE  # noqa: PLC0415

    limit = show_rate(found["max_error"])
    if found["guaranteed"]:
        return (
            f"Guaranteed: at most {limit} of {what} are wrong, at {confidence:.0%} confidence, for traffic like this."
        )
    if found["rows_needed"] >= UNATTAINABLE:
        return f"Not guaranteed: {limit}. More rows alone will hardly do: allow more errors, or train on such messages."
    return (
        f"Not guaranteed: {limit}. By estimate, about {found['rows_needed']:,} more rows make it likely, if they are "
        "like these."
    )
