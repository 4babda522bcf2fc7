"""A progress bar that counts rows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


@contextmanager
def row_progress(console: Console, row_count: int | None) -> Iterator[Callable[[int], None]]:
    """Show rows done, rows per second, and a percentage where the number of rows is known.

    Args:
        console: where to show it; nothing is shown where that is no terminal.
        row_count: how many rows there are, or None.

    Yields:
        A function to call with the number of rows just done.
    """
    columns: list[ProgressColumn] = [
        SpinnerColumn(),
        TextColumn("{task.completed:,.0f} rows, {task.fields[rate]:,.0f} rows/s"),
        TimeElapsedColumn(),
    ]
    if row_count is not None:
        columns += [BarColumn(), TaskProgressColumn(), TimeRemainingColumn(compact=True)]
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=row_count, rate=0)

        def advance(rows: int) -> None:
            progress.update(task, advance=rows)
            shown = progress.tasks[0]
            progress.update(task, rate=shown.completed / max(shown.elapsed or 0, 1e-3))

        yield advance
