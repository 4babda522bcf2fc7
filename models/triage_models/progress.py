"""Shows the progress of long runs on the terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

ProgressCallback = Callable[[str, float], None]
"""Called with the name of the current stage and the share of it that is done, 0 to 1.

A sentence that is called once, with 1, is a note for the user.
"""


@contextmanager
def progress_display(console: Console) -> Iterator[ProgressCallback]:
    """Show one progress bar per stage on a terminal, and print one line per stage elsewhere."""
    if not console.is_terminal:
        yield _line_printer(console)
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


def _line_printer(console: Console) -> ProgressCallback:
    printed: set[str] = set()

    def update(stage: str, _share: float) -> None:
        if stage not in printed:
            printed.add(stage)
            console.print(stage, soft_wrap=True, markup=False)

    return update
