"""Simulates the audit: ``python -m triage_models.benchmarks.audit_simulation --data ../shared/data``.

Streams of 50 messages a second are drawn from what a bundle decided on real messages. It measures how often there is a
false alarm without drift, how many answers of people it takes until drift is noticed, and what a moving threshold saves
and costs. Everything is drawn from seeds: the same arguments give the same numbers.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from triage_models.benchmarks.audit_picture import draw
from triage_models.benchmarks.audit_population import Shop, read_shops, synthetic_shop
from triage_models.benchmarks.audit_runs import (
    BoundWidth,
    FalseAlarms,
    Notice,
    Protection,
    Setting,
    measure_false_alarms,
    measure_notice,
    measure_protection,
    measure_width,
)
from triage_models.benchmarks.audit_streams import DRIFTS, SecondReader
from triage_models.benchmarks.suite import EXIT_INCOMPLETE, PIPE_WIDTH
from triage_models.errors import ModelError
from triage_models.paths import DEFAULT_BUNDLE
from triage_models.serving.engine import usable_cores

HISTORY, AFTER = 500, 500
READERS: tuple[SecondReader | None, ...] = (None, SecondReader())
WEAKER = SecondReader(finds=0.8, doubts=0.1)
BOUND_ANSWERS = 500

Task = Callable[[], FalseAlarms | Notice | Protection | BoundWidth]


@dataclass(frozen=True)
class Results:
    """All measurements of a simulation."""

    false_alarms: list[FalseAlarms]
    notices: list[Notice]
    protections: list[Protection]
    widths: list[BoundWidth]


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate and print.

    Returns:
        0 if everything was measured; 2 if data is missing.
    """
    options = _parse(arguments)
    log = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        shops = {"made up": synthetic_shop(options.seed)} if options.data is None else _read(options)
    except ModelError as error:
        log.print(f"audit simulation: {error}")
        return EXIT_INCOMPLETE
    results = simulate(shops, options.streams, options.events, options.seed, workers=options.workers)
    if options.picture is not None:
        options.picture.write_text(draw(results.notices, results.protections), encoding="utf-8")
    if options.json:
        sys.stdout.write(json.dumps(_plain(asdict(results)), indent=2) + "\n")
    else:
        console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
        for table in (
            _false_alarm_table(results),
            _notice_table(results, shops),
            _protection_table(results),
            _width_table(results),
        ):
            console.print(table)
    return 0


def simulate(shops: dict[str, Shop], streams: int, events: int, seed: int, *, workers: int = 1) -> Results:
    """Run all measurements.

    Args:
        shops: the traffic, by name; the controller is simulated at the first.
        streams: streams without drift; there are a quarter as many with drift, and a twentieth with a controller.
        events: audited events of a stream without drift.
        seed: seed of every draw.
        workers: processes; the results do not depend on it.
    """
    tasks: list[Task] = []
    many, few = max(1, streams // 4), max(1, streams // 20)
    for name, shop in shops.items():
        for reader in READERS:
            quiet, loud = (Setting(name, reader, seed=seed, streams=size) for size in (streams, many))
            tasks.append(partial(measure_false_alarms, shop, quiet, events))
            tasks += [partial(measure_notice, shop, loud, drift, HISTORY, AFTER) for drift in DRIFTS]
    name, shop = next(iter(shops.items()))
    weaker = Setting(name, WEAKER, seed=seed, streams=many)
    tasks += [partial(measure_notice, shop, weaker, drift, HISTORY, AFTER) for drift in DRIFTS]
    for reader in READERS:
        setting = Setting(name, reader, seed=seed, streams=few)
        tasks += [partial(measure_protection, shop, setting, drift, HISTORY) for drift in DRIFTS]
        tasks.append(partial(measure_width, shop, setting, BOUND_ANSWERS))
    tasks.append(partial(measure_width, shop, Setting(name, None, seed=seed, streams=few), BOUND_ANSWERS, tilted=True))
    if workers == 1:
        found = [task() for task in tasks]
    else:
        with ProcessPoolExecutor(workers) as pool:
            found = [future.result() for future in [pool.submit(task) for task in tasks]]
    return Results(
        [one for one in found if isinstance(one, FalseAlarms)],
        [one for one in found if isinstance(one, Notice)],
        [one for one in found if isinstance(one, Protection)],
        [one for one in found if isinstance(one, BoundWidth)],
    )


def _read(options: argparse.Namespace) -> dict[str, Shop]:
    scratch = options.runs / "data"
    scratch.mkdir(parents=True, exist_ok=True)
    return read_shops(options.data, options.bundle, scratch, options.rows)


def _false_alarm_table(results: Results) -> Table:
    table = Table(
        "no drift",
        "read by",
        "streams",
        "audited events",
        "answers",
        "any alarm",
        "promise",
        "change",
        "notice",
        box=None,
    )
    for one in results.false_alarms:
        shares = (one.any_alarm, *(one.by_kind[kind] for kind in ("promise", "change", "confidence")))
        table.add_row(
            one.setting.shop,
            _reader(one.setting),
            str(one.setting.streams),
            f"{one.events:,}",
            f"{one.answers:,}",
            *(f"{share:.1%}" for share in shares),
        )
    return table


def _notice_table(results: Results, shops: dict[str, Shop]) -> Table:
    table = Table(
        "answers until noticed",
        "read by",
        "drift",
        "median",
        "90 %",
        "minutes",
        "promise",
        "change",
        "notice",
        box=None,
    )
    for one in results.notices:
        minutes = None if one.median is None else one.median / one.setting.answers_per_minute(shops[one.setting.shop])
        table.add_row(
            one.setting.shop,
            _reader(one.setting),
            one.drift,
            _count(one.median),
            _count(one.p90),
            "–" if minutes is None else f"{minutes:.1f}",
            *(_count(one.median_by_kind[kind]) for kind in ("promise", "change", "confidence")),
        )
    return table


def _protection_table(results: Results) -> Table:
    table = Table(
        "an hour with drift", "read by", "drift", "wrong, fixed", "controlled", "coverage lost", "moves", box=None
    )
    for one in results.protections:
        table.add_row(
            one.setting.shop,
            _reader(one.setting),
            one.drift,
            f"{one.wrong_fixed:,.0f}",
            f"{one.wrong_controlled:,.0f}",
            f"{one.coverage_lost:.0%}",
            f"{one.changes:.1f}",
        )
    return table


def _width_table(results: Results) -> Table:
    table = Table("the bound", "read by", "audited", "answers", "from", "to", box=None)
    for one in results.widths:
        audited = "more at low confidence" if one.tilted else "equally"
        bound = (f"{one.lower:.2%}", f"{one.upper:.2%}")
        table.add_row(one.setting.shop, _reader(one.setting), audited, str(one.answers), *bound)
    return table


def _reader(setting: Setting) -> str:
    reader = setting.reader
    return "people" if reader is None else f"LLM {reader.finds:.0%}/{reader.doubts:.0%}, people"


def _count(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def _plain(value: Any) -> Any:
    """Return what JSON can hold: infinity becomes None."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m triage_models.benchmarks.audit_simulation", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of the public data sets; without it, a made-up shop")
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE, help="the bundle that decides")
    parser.add_argument("--rows", type=Path, help="CSV to draw from, instead of the rows the bundle was calibrated on")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder for assembled data")
    parser.add_argument("--streams", type=int, default=200, help="streams without drift")
    parser.add_argument("--events", type=int, default=20_000, help="audited events of a stream without drift")
    parser.add_argument("--seed", type=int, default=0, help="seed of every draw")
    parser.add_argument("--workers", type=int, default=usable_cores(), help="processes")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--picture", type=Path, help="write the picture to this SVG file")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
