"""Shows the progress of long runs on the terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

ProgressCallback = Callable[[str, float], None]
"""Called with the name of the current stage and the share of it that is done, 0 to 1.

A sentence that is called once, with 1, is a note for the user.
"""

LINE_EVERY_S = 60.0
"""Where there is no terminal, a stage that takes long says every minute how far it is."""


@contextmanager
def progress_display(console: Console, clock: Callable[[], float] = monotonic) -> Iterator[ProgressCallback]:
    """Show a progress bar per stage on a terminal; elsewhere, print a line per stage and one for each minute of it."""
    if not console.is_terminal:
        yield _line_printer(console, clock)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(compact=True))
    with Progress(*columns, console=console) as progress:
        bars: dict[str, TaskID] = {}

        def update(stage: str, share: float) -> None:
            if stage not in bars and share >= 1.0:  # a note: a bar would cut it at the terminal's width
                progress.console.print(stage, soft_wrap=True, markup=False)
                return
            if stage not in bars:
                bars[stage] = progress.add_task(stage, total=1.0)
            progress.update(bars[stage], completed=share)

        yield update


def _line_printer(console: Console, clock: Callable[[], float]) -> ProgressCallback:
    printed_at: dict[str, float] = {}

    def update(stage: str, share: float) -> None:
        now = clock()
        if stage not in printed_at:
            console.print(stage, soft_wrap=True, markup=False)
        elif share < 1.0 and now - printed_at[stage] >= LINE_EVERY_S:
            console.print(f"{stage}: {share:.0%}", soft_wrap=True, markup=False)
        else:
            return
        printed_at[stage] = now

    return update
