"""Shows the demo's progress: a live table on a terminal, plain lines elsewhere."""

from collections import deque
from time import monotonic
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from triage_worker.demo.downstream_results import DownstreamResults
from triage_worker.demo.worker_results import WorkerResults
from triage_worker.terminal.decision_table import Row, header, line

TABLE_ROWS = 14
PLAIN_WIDTH = 110
PLAIN_ROWS = 40
"""Messages printed where there is no terminal; after them, one line a second shows the progress."""


class View(Protocol):
    """Shows how the results grow."""

    def update(self, worker: WorkerResults, downstream: DownstreamResults) -> None:
        """Show the present results; called several times a second. Takes the new rows out of ``worker.rows``."""
        ...


class RateMeter:
    """Measures messages per second over about the last second."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, int]] = deque([(monotonic(), 0)])

    def rate(self, done: int) -> float:
        """Messages per second, now that ``done`` messages are done in all."""
        now = monotonic()
        self._points.append((now, done))
        while now - self._points[0][0] > 1.5 and len(self._points) > 2:
            self._points.popleft()
        since, before = self._points[0]
        return (done - before) / (now - since) if now > since else 0.0


class PlainView:
    """Prints the first messages as lines, then one line a second.

    Args:
        console: where to print.
        messages: the number of messages of the demo.
    """

    def __init__(self, console: Console, messages: int) -> None:
        self._console = console
        self._messages = messages
        self._rate_meter = RateMeter()
        self._rows_left = PLAIN_ROWS
        self._printed_at = monotonic()
        console.print(header(PLAIN_WIDTH), soft_wrap=True)

    def update(self, worker: WorkerResults, downstream: DownstreamResults) -> None:
        """Print what is new."""
        rate = self._rate_meter.rate(worker.done)
        while worker.rows:
            row = worker.rows.popleft()
            if self._rows_left > 0:
                self._rows_left -= 1
                self._console.print(line(row, PLAIN_WIDTH), soft_wrap=True)
        if monotonic() - self._printed_at >= 1.0 and self._rows_left == 0:
            self._printed_at = monotonic()
            self._console.print(
                f"{worker.done} of {self._messages} messages, {rate:.0f}/s, {len(downstream.changes)} tickets"
            )


class LiveView:
    """Shows the last messages in a live table, with rates and a progress bar below.

    Args:
        live: the display to update.
        console: the terminal.
        messages: the number of messages of the demo.
    """

    def __init__(self, live: Live, console: Console, messages: int) -> None:
        self._live = live
        self._console = console
        self._rate_meter = RateMeter()
        self._rows: deque[Row] = deque(maxlen=TABLE_ROWS)
        self._progress = Progress(TextColumn("messages"), BarColumn(None), MofNCompleteColumn())
        self._task = self._progress.add_task("messages", total=messages)

    def update(self, worker: WorkerResults, downstream: DownstreamResults) -> None:
        """Draw the table again."""
        while worker.rows:
            self._rows.append(worker.rows.popleft())
        self._progress.update(self._task, completed=worker.done)
        self._live.update(self._render(worker, downstream), refresh=True)

    def _render(self, worker: WorkerResults, downstream: DownstreamResults) -> RenderableType:
        width = self._console.width
        lines = [line(row, width) for row in self._rows]
        blank = [Text("")] * (TABLE_ROWS - len(lines))
        counts = Text.assemble(
            (f"{worker.counts['accepted']} accepted", "green"),
            "   ",
            (f"{worker.counts['fallback']} to the fallback", "yellow"),
            "   ",
            (f"{worker.counts['dead letter']} dead letters", "red"),
            f"   {self._rate_meter.rate(worker.done):.0f} messages/s   p50 {worker.latency(0.5) * 1000:.0f} ms   "
            f"p99 {worker.latency(0.99) * 1000:.0f} ms",
        )
        behind = Text(
            f"fallback: {downstream.decided} decided, {downstream.left_to_people} left to a person   "
            f"router: {len(downstream.changes)} tickets"
        )
        return Group(header(width), *lines, *blank, Text(""), counts, behind, self._progress)
