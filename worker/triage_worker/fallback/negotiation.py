"""The form in which an endpoint is asked. Only evidence changes it, and one message at a time looks for another one."""

import asyncio

from triage_worker.fallback.request_profile import RequestProfile


class Signal:
    """Wakes up the tasks that wait for a change."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def notify(self) -> None:
        """Wake up all that wait."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self) -> None:
        """Wait for the next change."""
        await self._event.wait()


class Negotiation:
    """Finds out how to ask an endpoint.

    Until a form has produced a usable answer, one message at a time is asked about, and the others wait. From then on
    all messages use that form. A message that has it refused may look for another one, again alone, while the others go
    on with the known one.

    Args:
        changed: is notified when messages may go on.

    Attributes:
        profile: the form of the next request.
        confirmed: whether that form has produced a usable answer.
    """

    def __init__(self, changed: Signal) -> None:
        self.profile = RequestProfile()
        self.confirmed = False
        self._taken = False
        self._changed = changed

    @property
    def open(self) -> bool:
        """Whether a message may be asked about at once."""
        return self.confirmed or not self._taken

    def begin(self) -> bool:
        """Become the only one that looks for a form; False if another message does."""
        if self._taken:
            return False
        self._taken = True
        return True

    def end(self) -> None:
        """End what `begin` began."""
        self._taken = False
        self._changed.notify()

    async def ended(self) -> None:
        """Wait until no message is looking for a form."""
        while self._taken:
            await self._changed.wait()

    def confirm(self, profile: RequestProfile) -> None:
        """Use a form that has produced a usable answer."""
        self.profile = profile
        self.confirmed = True

    def propose(self, profile: RequestProfile) -> None:
        """Use a form that has not produced a usable answer yet, if no form has."""
        if not self.confirmed:
            self.profile = profile

    def adopt(self, profile: RequestProfile) -> None:
        """Use a form that the endpoint takes where it refuses the present one."""
        if profile != self.profile:
            self.profile = profile
            self.confirmed = False
