"""A reviewer at a terminal: shows a message and waits for a key."""

import asyncio
from collections.abc import Callable

from rich.console import Console, Group
from rich.panel import Panel
from rich.text import Text
from triage_schemas.events import ReviewEvent

from triage_worker.streaming.review_verdicts import (
    LATER,
    NONE,
    QUIT,
    Labelled,
    Later,
    Verdict,
    keys_by_label,
    verdict_for_key,
)

INTERRUPT, END_OF_INPUT = "\x03", "\x04"


class Reviewer:
    """Decides messages by the keys that a person presses.

    Args:
        show: shows a message.
        confirm: shows a verdict on a message.
        stop: is set when the person leaves.

    Attributes:
        down: always None: a person can always be asked.
    """

    def __init__(
        self, show: Callable[[ReviewEvent], None], confirm: Callable[[ReviewEvent, Verdict], None], stop: asyncio.Event
    ) -> None:
        self._show = show
        self._confirm = confirm
        self._stop = stop
        self._key: asyncio.Future[str] | None = None
        self.down: str | None = None

    def press(self, key: str) -> None:
        """Take a key. Keys that are pressed while no message is shown are ignored, except for those that leave."""
        if key.lower() == QUIT or key in (INTERRUPT, END_OF_INPUT, ""):
            self._stop.set()
        elif self._key is not None and not self._key.done():
            self._key.set_result(key.lower())

    async def available(self) -> None:
        """Return at once: a person can always be asked."""

    async def decide(self, event: ReviewEvent) -> Verdict:
        """Show a message and wait for its verdict."""
        self._show(event)
        verdict = None
        while verdict is None:
            self._key = asyncio.get_running_loop().create_future()
            verdict = verdict_for_key(await self._key, list(event.labels))
        self._confirm(event, verdict)
        return verdict


def message_panel(event: ReviewEvent) -> Group:
    """Render a message, the model's scores and the keys. Control characters of the text are replaced by spaces.

    In an audit nothing shows what the model answered, since that would influence the person.
    """
    printable = "".join(char if char.isprintable() or char == "\n" else " " for char in event.text)
    shown = {} if event.audit else event.scores
    scores = ", ".join(f"{label} {score:.2f}" for label, score in shown.items())
    why = "audit" if event.audit else f"model: {event.reason}, LLM: {event.review_reason}"
    title = f"{event.channel or 'no channel'} · {why}"
    keys = Text()
    for label, key in keys_by_label(list(event.labels)).items():
        keys.append(f" {key} ", style="bold reverse" if label in shown else "bold")
        keys.append(f" {label}  ")
        keys.append(f"{event.labels[label]}\n", style="dim")
    keys.append(f" {NONE} ", style="bold")
    keys.append(f" none of these    {LATER}  later    {QUIT}  leave")
    panel = Panel(
        Text(printable),
        title=Text(title),
        title_align="left",
        subtitle=Text(scores) if scores else None,
        subtitle_align="left",
    )
    return Group(panel, keys)


def show_on(console: Console) -> Callable[[ReviewEvent], None]:
    """Return a function that shows messages on a console."""
    return lambda event: console.print(message_panel(event))


def confirm_on(console: Console) -> Callable[[ReviewEvent, Verdict], None]:
    """Return a function that shows verdicts on a console."""

    def confirm(event: ReviewEvent, verdict: Verdict) -> None:
        if isinstance(verdict, Labelled):
            console.print(Text(f"→ {verdict.label}{comparison(event, verdict)}\n", style="green"))
        else:
            said = "later" if isinstance(verdict, Later) else "none of these"
            console.print(Text(f"→ {said}{comparison(event, verdict)}\n", style="yellow"))

    return confirm


def comparison(event: ReviewEvent, verdict: Verdict) -> str:
    """Say after an answer in an audit whether the model agrees; nothing if it is still open, or no audit."""
    if not event.audit or isinstance(verdict, Later):
        return ""
    if isinstance(verdict, Labelled) and verdict.label == event.intent:
        return f"; the model agrees ({event.confidence:.2f})"
    return f"; the model said {event.intent} ({event.confidence:.2f})"
