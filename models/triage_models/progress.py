"""Showing how far a long run is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

Report = Callable[[str, float], None]
"""Called with what is going on, in words, and the share of it that is done, 0 to 1."""


@contextmanager
def reporting(console: Console) -> Iterator[Report]:
    """A bar a stage on a terminal, with the time left; a line a stage elsewhere."""
    if not console.is_terminal:
        yield _lines(console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(compact=True))
    with Progress(*columns, console=console) as progress:
        bars: dict[str, TaskID] = {}

        def report(stage: str, share: float) -> None:
            if stage not in bars:
                bars[stage] = progress.add_task(stage, total=1.0)
            progress.update(bars[stage], completed=share)

        yield report


def _lines(console: Console) -> Report:
    told: set[str] = set()

    def report(stage: str, _share: float) -> None:
        if stage not in told:
            told.add(stage)
            console.print(stage, soft_wrap=True)

    return report
