"""The table on the terminal, and the reports in JSON and Markdown."""

import json
from collections.abc import Sequence
from pathlib import Path

from tests.game_day.rehearsal import Rehearsal

COLUMNS = (
    "fault",
    "alert: seconds after the fault",
    "runbook led to the cause",
    "repaired, then ready, then last alert resolved after",
    "lost",
    "twice",
)


def table(rehearsals: Sequence[Rehearsal]) -> str:
    """Return the results as a Markdown table."""
    lines = [" | ".join(COLUMNS), " | ".join("---" for _ in COLUMNS)]
    return "\n".join([*(f"| {line} |" for line in lines), *map(row, rehearsals)])


def row(one: Rehearsal) -> str:
    """Return the row of a rehearsal."""
    rang = ", ".join(f"{name} ({about}): {after:.0f}" for name, about, after in one.fired) or "none"
    missing = f"; missing: {', '.join(one.missing)}" if one.missing else ""
    others = f"; unexpected: {', '.join(one.unexpected)}" if one.unexpected else ""
    ready = "never" if one.ready_after_s is None else f"{one.ready_after_s:.0f}"
    ends = [after for *_, after in one.resolved]
    resolved = "still firing" if None in ends else f"{max((after or 0.0 for after in ends), default=0.0):.0f}"
    accounts = one.accounts
    lost = "?" if accounts is None else str(accounts.lost + accounts.requests_lost + accounts.routed_lost)
    twice = "?" if accounts is None else str(accounts.twice + accounts.requests_twice + accounts.routed_twice)
    cells = (
        one.title,
        f"{rang}{missing}{others}",
        "yes" if one.cause_found else "no",
        f"{one.repaired_after_s:.0f}, {ready}, {resolved}",
        lost,
        twice,
    )
    return f"| {' | '.join(cells)} |"


def write(folder: Path, rehearsals: Sequence[Rehearsal]) -> None:
    """Write ``game_day.json`` and ``game_day.md`` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "game_day.json").write_text(json.dumps([one.as_dict() for one in rehearsals], indent=2) + "\n")
    sections = [_section(one) for one in rehearsals]
    (folder / "game_day.md").write_text("\n\n".join([table(rehearsals), *sections]) + "\n")


def _section(one: Rehearsal) -> str:
    lines = [f"## {one.title}", "", f"Accounts: {one.accounts.as_dict() if one.accounts else 'none'}."]
    if one.exits:
        lines.append(f"Exit codes: {one.exits}.")
    for step in one.steps:
        lines += ["", f"{step.section}: {step.says}", "", "```", step.saw, "```"]
    return "\n".join(lines)
