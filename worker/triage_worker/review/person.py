"""A person at a terminal, as a judge: shows a message, waits for a key that means something."""

import asyncio
from collections.abc import Callable

from rich.console import Console, Group
from rich.panel import Panel
from rich.text import Text
from triage_schemas.events import ReviewEvent

from triage_worker.review.keys import LATER, NONE, QUIT, Labelled, Later, Verdict, key_of, verdict_of

Show = Callable[[ReviewEvent], None]


class Person:
    """Keys come in by `press`; one that leaves sets ``stop``.

    Args:
        show: shows a message.
        told: is called with each verdict.
        stop: set when the person leaves.
    """

    def __init__(self, show: Show, told: Callable[[Verdict], None], stop: asyncio.Event) -> None:
        self._show = show
        self._told = told
        self._stop = stop
        self._key: asyncio.Future[str] | None = None
        self.down: str | None = None

    def press(self, key: str) -> None:
        """Take a key; what is pressed while no message is shown answers none."""
        if key.lower() == QUIT or key in ("\x03", "\x04", ""):
            self._stop.set()
        elif self._key is not None and not self._key.done():
            self._key.set_result(key.lower())

    async def decide(self, event: ReviewEvent) -> Verdict:
        """Show a message and wait for its verdict."""
        self._show(event)
        verdict = None
        while verdict is None:
            self._key = asyncio.get_running_loop().create_future()
            verdict = verdict_of(await self._key, list(event.labels))
        self._told(verdict)
        return verdict


def shown(event: ReviewEvent) -> Group:
    """A message with what the model thought of it, and the keys. Nothing in the text can move the terminal."""
    printable = "".join(mark if mark.isprintable() or mark == "\n" else " " for mark in event.text)
    guesses = ", ".join(f"{label} {score:.2f}" for label, score in event.scores.items())
    about = f"{event.channel or 'no channel'} · model: {event.reason}, LLM: {event.review_reason}"
    keys = Text()
    for label, key in key_of(list(event.labels)).items():
        keys.append(f" {key} ", style="bold reverse" if label in event.scores else "bold")
        keys.append(f" {label}  ")
        keys.append(f"{event.labels[label]}\n", style="dim")
    keys.append(f" {NONE} ", style="bold")
    keys.append(f" none of these    {LATER}  later    {QUIT}  leave")
    panel = Panel(Text(printable), title=Text(about), title_align="left", subtitle=Text(guesses), subtitle_align="left")
    return Group(panel, keys)


def show_on(console: Console) -> Show:
    """Show messages on a console."""
    return lambda event: console.print(shown(event))


def tell_on(console: Console) -> Callable[[Verdict], None]:
    """Say on a console what a key was taken for."""

    def tell(verdict: Verdict) -> None:
        if isinstance(verdict, Labelled):
            console.print(Text(f"→ {verdict.label}\n", style="green"))
        else:
            console.print(Text("→ later\n" if isinstance(verdict, Later) else "→ none of these\n", style="yellow"))

    return tell
