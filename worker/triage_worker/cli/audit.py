"""``triage audit``: says how much of what is accepted is right, and moves the threshold if it is asked to."""

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from triage_schemas.channels import topic_settings

from triage_worker.cli.settings_flags import CONNECTION, OPERATION, REGISTRY, settings_flags
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings

if TYPE_CHECKING:
    from triage_models.audit.confidence_sequence import Bound

    from triage_worker.audit.report import IntentLimit, Report

ALARM = 1
"""The exit code if there is an alarm."""


@settings_flags([*CONNECTION, *topic_settings("audit"), *REGISTRY, "bundle", *OPERATION])
def audit(
    settings: Settings,
    follow: Annotated[bool, typer.Option("--follow", help="Follow the topics as a service, with /metrics")] = False,
    act: Annotated[
        bool, typer.Option("--act", help="Also change the threshold when the answers ask for it; needs --follow")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """Say from people's answers how much of what is accepted is right: overall and by intent, valid whenever you look.

    Exit code 1: an alarm says that the promise, or the aim of a bundle without a guarantee, is not kept, or that
    something has changed.
    """
    from triage_worker.audit import report, service  # noqa: PLC0415 (keeps `triage --help` fast)

    if act and not follow:
        raise ConfigError("--act needs --follow: the threshold is moved by a service that goes on watching.")
    if follow and as_json:
        raise ConfigError("--json is for a single report: leave out --follow, or read /metrics.")
    if follow:
        from triage_worker.observability import logs  # noqa: PLC0415

        logs.configure(settings)
        raise typer.Exit(service.follow(settings, act=act))
    found = service.run_once(settings)
    if as_json:
        typer.echo(json.dumps(report.as_json(found), indent=2))
    else:
        _print(found, Console(highlight=False))
    if any(not alarm.is_notice for alarm in found.alarms):
        raise typer.Exit(ALARM)


def _print(found: "Report", console: Console) -> None:
    _print_threshold(found, console)
    console.print(_table(found))
    for intent, limit in found.own_limits.items():
        if found.by_intent[intent].lower > limit.max_error:
            console.print(f"{intent}: for a time, more was wrong than its own limit allows.", soft_wrap=True)
    if found.expected_error_share is not None:
        console.print(f"By its confidence, {found.expected_error_share:.1%} of recent messages would be wrong.")
    if found.confidence_drift is not None:
        console.print(f"Confidences have moved by {found.confidence_drift:.2f} (0 to 1; above 0.1 is worth a look).")
    _print_alarms(found, console)
    if all(alarm.is_notice for alarm in found.alarms):
        console.print("No alarm.")
    if found.last_change is not None:
        change = found.last_change
        console.print(f"Advice: accept from {change.threshold:.3f}. {change.reason}", soft_wrap=True, markup=False)
    if found.other_bundles:
        console.print(f"{found.other_bundles} answers are about other bundles, and not counted.")


def _table(found: "Report") -> Table:
    """Make the table of bounds; it has a column of limits if intents have their own."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("intent")
    for head in ("answers", "wrong", "error rate", "at least", "at most", *(["own limit"] if found.own_limits else [])):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_row("all", *_cells(found.overall), style="bold")
    for intent, bound in found.by_intent.items():
        limit = found.own_limits.get(intent)
        if bound.answers or limit is not None:
            table.add_row(intent, *_cells(bound), *([] if limit is None else [_limit(limit)]))
    return table


def _limit(limit: "IntentLimit") -> str:
    return f"{limit.max_error:.1%}" if limit.certified else f"{limit.max_error:.1%} (aim)"


def _print_alarms(found: "Report", console: Console) -> None:
    from triage_models.audit.detector import GUARANTEES  # noqa: PLC0415

    for alarm in found.alarms:
        said = "[bold yellow]Notice" if alarm.is_notice else "[bold red]Alarm"
        console.print(f"{said}: {alarm.kind}[/], {GUARANTEES[alarm.kind]}.", soft_wrap=True)
        if alarm.kind == "promise" and not found.certified:
            console.print("The bundle promises nothing: this is about its aim.")


def _print_threshold(found: "Report", console: Console) -> None:
    version = f", version {found.version}" if found.version else ""
    console.print(
        f"{found.bundle.name} {found.bundle.version}: accepts from {found.threshold:.3f}{version}. "
        f"{found.requests} messages audited, {found.answers} answered. "
        f"{'Promised' if found.certified else 'Aim (not certified)'}: at most {found.promised:.1%} wrong.",
        soft_wrap=True,
    )
    if found.threshold > found.floor:
        console.print(f"That is raised from the bundle's own {found.floor:.3f}. Bounds and alarms count from then on.")


def _cells(bound: "Bound") -> list[str]:
    estimate = "–" if bound.estimate is None else f"{bound.estimate:.1%}"
    return [str(bound.answers), str(bound.errors), estimate, f"{bound.lower:.1%}", f"{bound.upper:.1%}"]
