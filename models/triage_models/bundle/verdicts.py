"""What `triage learn` found about candidates: a file of runs in the store, and what stands against a promotion."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

RUNS = "learning.jsonl"
"""The store's file of runs: one line per candidate, promoted or not, with the whole report."""

CANDIDATES = "candidates"
"""The folder of a store where bundles can wait for a decision, such as outputs of `triage learn`."""

Pair = tuple[float, float]


class Compared(BaseModel):
    """Two bundles on the same rows, each figure as (serving, candidate); shares are from 0 to 1."""

    model_config = ConfigDict(frozen=True)

    rows: int
    errors: tuple[int, int]
    accuracy: Pair
    accepted: Pair


class Verdict(BaseModel):
    """What a run of `triage learn` found: a line of `RUNS`, or the report beside a candidate.

    Attributes:
        candidate: its version.
        serving: the version that it was compared with.
        better: whether it may be promoted.
        why: sentences: what is against promotion or, if nothing is, what is for it.
        held_out: the comparison on people's held-out answers.
        test: the comparison on the test set.
        calibrate_again: what to do before it serves.
        when: when the run ended.
    """

    model_config = ConfigDict(frozen=True)

    candidate: str
    serving: str
    better: bool
    why: tuple[str, ...] = Field(min_length=1)
    held_out: Compared | None = None
    test: Compared | None = None
    calibrate_again: str | None = None
    when: datetime | None = None


def append_run(store: Path, when: datetime, *, promoted: bool, report: Mapping[str, Any]) -> None:
    """Add a run to the store's file; the store is made if it is not there."""
    store.mkdir(parents=True, exist_ok=True)
    line = {"when": when.isoformat(timespec="seconds"), "promoted": promoted, **report}
    with (store / RUNS).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(line, ensure_ascii=False) + "\n")


def read_verdicts(store: Path) -> dict[str, Verdict]:
    """Return the last verdict on each candidate, by its version, in the order of the runs.

    Reports beside candidates count as well. A line or a report that is not valid is left out.

    Raises:
        OSError: a file is there and cannot be read.
    """
    file, folder = store / RUNS, store / CANDIDATES
    written = file.read_bytes().splitlines() if file.is_file() else []
    reports = [one.read_bytes() for one in sorted(folder.glob("*.json"))] if folder.is_dir() else []
    found: dict[str, Verdict] = {}
    for text in (*reports, *written):
        try:
            verdict = Verdict.model_validate_json(text)
        except ValidationError:
            continue
        found.pop(verdict.candidate, None)
        found[verdict.candidate] = verdict
    return found


def objections(verdict: Verdict | None, serving: str) -> list[str]:
    """Return what stands against promoting a bundle in the place of the one that serves; empty if nothing does.

    Args:
        verdict: on the bundle.
        serving: the version that serves now.
    """
    if verdict is None:
        return [f"Nobody has compared it with {serving}, which serves now, as triage learn does."]
    found = []
    if not verdict.better:
        found += [f"It was not found better than {verdict.serving}.", *verdict.why]
    if verdict.serving != serving:
        found.append(f"It was compared with {verdict.serving}, and {serving} serves now.")
    return found
