"""What the demo shows: a live table on a terminal, plain lines elsewhere."""

from collections import deque
from time import monotonic
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from triage_worker.demo.cases import Cases
from triage_worker.demo.tally import Tally
from triage_worker.terminal.decision_table import Row, header, line

TABLE_ROWS = 14
PLAIN_WIDTH = 110
PLAIN_ROWS = 40
"""Messages printed where there is no terminal; after them, one line a second says how far it is."""


class View(Protocol):
    """Shows how the tally grows; `update` is called several times a second."""

    def update(self, tally: Tally, cases: Cases) -> None: ...


class Rate:
    """Messages a second over the last second or so."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, int]] = deque([(monotonic(), 0)])

    def at(self, done: int) -> float:
        """Messages a second, now that so many are done."""
        now = monotonic()
        self._points.append((now, done))
        while now - self._points[0][0] > 1.5 and len(self._points) > 2:
            self._points.popleft()
        since, before = self._points[0]
        return (done - before) / (now - since) if now > since else 0.0


class PlainView:
    """The first messages as lines, then a line a second."""

    def __init__(self, console: Console, messages: int) -> None:
        self._console = console
        self._messages = messages
        self._rate = Rate()
        self._left = PLAIN_ROWS
        self._told = monotonic()
        console.print(header(PLAIN_WIDTH), soft_wrap=True)

    def update(self, tally: Tally, cases: Cases) -> None:
        """Print what is new."""
        rate = self._rate.at(tally.done)
        while tally.rows:
            row = tally.rows.popleft()
            if self._left > 0:
                self._left -= 1
                self._console.print(line(row, PLAIN_WIDTH), soft_wrap=True)
        if monotonic() - self._told >= 1.0 and self._left == 0:
            self._told = monotonic()
            self._console.print(
                f"{tally.done} of {self._messages} messages, {rate:.0f}/s, {len(cases.changes)} tickets"
            )


class LiveView:
    """The last messages in a table that moves, with rates and a progress bar below."""

    def __init__(self, live: Live, console: Console, messages: int) -> None:
        self._live = live
        self._console = console
        self._rate = Rate()
        self._rows: deque[Row] = deque(maxlen=TABLE_ROWS)
        self._progress = Progress(TextColumn("messages"), BarColumn(None), MofNCompleteColumn())
        self._task = self._progress.add_task("messages", total=messages)

    def update(self, tally: Tally, cases: Cases) -> None:
        """Draw the table anew."""
        while tally.rows:
            self._rows.append(tally.rows.popleft())
        self._progress.update(self._task, completed=tally.done)
        self._live.update(self._render(tally, cases), refresh=True)

    def _render(self, tally: Tally, cases: Cases) -> RenderableType:
        width = self._console.width
        lines = [line(row, width) for row in self._rows]
        blank = [Text("")] * (TABLE_ROWS - len(lines))
        counts = Text.assemble(
            (f"{tally.counts['accepted']} accepted", "green"),
            "   ",
            (f"{tally.counts['fallback']} to the fallback", "yellow"),
            "   ",
            (f"{tally.counts['dead letter']} dead letters", "red"),
            f"   {self._rate.at(tally.done):.0f} messages/s   p50 {tally.latency(0.5) * 1000:.0f} ms   "
            f"p99 {tally.latency(0.99) * 1000:.0f} ms",
        )
        further = Text(
            f"the fallback: {cases.decided} decided, {len(cases.verdicts) - cases.decided} left to a person   "
            f"the router: {len(cases.changes)} tickets"
        )
        return Group(header(width), *lines, *blank, Text(""), counts, further, self._progress)
