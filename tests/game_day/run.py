"""Runs the rehearsals: ``python -m tests.game_day.run --only disk-full``."""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from tests.deploy.tools import TOOLS
from tests.game_day import report
from tests.game_day.rehearsal import Rehearsal, rehearse, say
from tests.game_day.scenario import Scenario
from tests.game_day.scenarios import SCENARIOS
from tests.kafka import broker

OUTPUT = Path("runs/game-day")


def main() -> int:
    """Run the chosen scenarios; returns 1 if one failed, 2 if they cannot run here."""
    arguments = _arguments()
    if not (TOOLS / "bin" / "prometheus").is_file():
        print("Prometheus is missing: run deploy/check/install.", file=sys.stderr)
        return 2
    try:
        broker.install()
    except broker.UnavailableError as problem:
        print(problem, file=sys.stderr)
        return 2
    chosen = [SCENARIOS[name]() for name in arguments.only or SCENARIOS]
    # Logs stay for whoever wants to know more: this folder is not removed.
    folder = Path(tempfile.mkdtemp(prefix="game-day-"))
    print(f"logs and data are in {folder}", flush=True)
    done = asyncio.run(_rehearse_all(chosen, folder, arguments.parallel, arguments.output))
    print(report.table(done))
    failed = [scenario.name for scenario in chosen if scenario.name not in {one.name for one in done if one.passed}]
    print(f"failed: {', '.join(failed)}" if failed else "all passed")
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make game-day")
    parser.add_argument("--only", nargs="+", choices=sorted(SCENARIOS), help="these scenarios only")
    parser.add_argument("--parallel", type=int, default=max(1, (os.cpu_count() or 2) // 2), help="scenarios at a time")
    parser.add_argument("--output", type=Path, default=OUTPUT, help=f"folder for the reports, {OUTPUT} by default")
    return parser.parse_args()


async def _rehearse_all(chosen: Sequence[Scenario], folder: Path, parallel: int, output: Path) -> list[Rehearsal]:
    free = asyncio.Semaphore(parallel)
    done: list[Rehearsal] = []

    async def one(scenario: Scenario) -> None:
        async with free:
            own = folder / scenario.name
            own.mkdir()
            try:
                done.append(await rehearse(scenario, own))
            except (Exception, pytest.skip.Exception):  # the other scenarios are worth their results
                say(scenario, f"FAILED: {traceback.format_exc()}")
            report.write(output, done)

    together = asyncio.gather(*(one(scenario) for scenario in chosen))
    for number in (signal.SIGINT, signal.SIGTERM):  # so that nothing that was started stays
        asyncio.get_running_loop().add_signal_handler(number, together.cancel)
    with suppress(asyncio.CancelledError):
        await together
    return done


if __name__ == "__main__":
    sys.exit(main())
