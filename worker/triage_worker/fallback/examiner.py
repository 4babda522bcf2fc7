"""Tells a fault of the endpoint from one of a message, and waits for an endpoint that is at fault.

The status of a refusal does not tell them apart: a used-up account, a wrong model name and a text that a content policy
forbids are all status 400. So a known-good message is asked about. If the endpoint refuses it, too, the endpoint is at
fault: no message is asked about until it takes the known-good one again.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from triage_worker.fallback import prompt
from triage_worker.fallback.answer import CAUSES, Answer, Unusable, read_answer
from triage_worker.fallback.circuit_breaker import LONGEST_PAUSE_S, LONGEST_RETRY_AFTER_S
from triage_worker.fallback.completion import Completion
from triage_worker.fallback.errors import NotACompletionError, RejectedError, UnavailableError
from triage_worker.fallback.llm_calls import Limits, LlmCalls, NoAnswerError, Timer
from triage_worker.fallback.negotiation import Negotiation, Signal
from triage_worker.fallback.request_profile import RequestProfile

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 2.0
"""The pause before the first trial; it doubles with each one that fails."""

UNUSABLE_LIMIT = 4
"""Messages in a row without a usable answer after which the endpoint is examined."""

KNOWN_GOOD = "Hello, where is my order? It should have arrived last week."

Verdict = Literal["message", "endpoint", "adapted", "unknown"]
"""What an examination found: the message is at fault; the endpoint is; it takes requests of another form, which is used
from now on; or nothing, since the endpoint does not answer at present."""


@dataclass(frozen=True, slots=True)
class KnownGood:
    """A message that any endpoint should answer; a `triage_worker.fallback.prompt.Subject`.

    Attributes:
        labels: the intents of the messages at hand.
    """

    labels: Mapping[str, str]

    @property
    def text(self) -> str:
        """The text."""
        return KNOWN_GOOD

    @property
    def scores(self) -> Mapping[str, float]:
        """No hint."""
        return {}


@dataclass(slots=True)
class Fault:
    """A fault of the endpoint, for as long as it lasts.

    Attributes:
        problem: what is wrong, in the endpoint's words. They answer the known-good message and no customer's.
        subject: the known-good message.
        needs_answer: whether the fault is over with a usable answer only, not with any completion.
        pause_s: how long to wait before the next trial, in seconds.
    """

    problem: str
    subject: KnownGood
    needs_answer: bool
    pause_s: float


class Examiner:
    """Examines one endpoint.

    Args:
        calls: makes the calls.
        negotiation: how the endpoint is asked.
        changed: is notified when messages may go on.
        limits: limits of a question, and of an examination.
        timer: a clock.
        unusable_limit: messages in a row without a usable answer after which the endpoint is examined.

    Attributes:
        fault: the fault of the endpoint; None if none is known.
        trying: whether a trial call is being made to see if the fault is over.
    """

    def __init__(
        self,
        calls: LlmCalls,
        negotiation: Negotiation,
        changed: Signal,
        limits: Limits,
        timer: Timer,
        unusable_limit: int = UNUSABLE_LIMIT,
    ) -> None:
        self.fault: Fault | None = None
        self.trying = False
        self._calls = calls
        self._negotiation = negotiation
        self._changed = changed
        self._limits = limits
        self._timer = timer
        self._unusable_limit = unusable_limit
        self._unusable = 0
        self._good_since = float("-inf")
        """When the latest call began that showed that the endpoint takes requests."""
        self._examining = False
        self._waiting = False

    def record_good(self, started: float) -> None:
        """Record a call that gave a usable answer.

        Args:
            started: when it began.
        """
        self._good_since = max(self._good_since, started)
        self._unusable = 0

    async def examine_refusal(
        self, labels: Mapping[str, str], profile: RequestProfile, since: float, *, all_formats: bool
    ) -> Verdict:
        """Find out whose fault it is that a request was refused.

        Args:
            labels: the intents of the message.
            profile: the form of the request.
            since: when it was refused.
            all_formats: whether another format might be accepted.
        """
        profiles = profile.with_all_formats() if all_formats else [profile]
        return await self._examine(KnownGood(labels), profiles, since, needs_answer=False)

    async def examine_answer(self, labels: Mapping[str, str], profile: RequestProfile, since: float) -> Verdict:
        """Record an answer that cannot be used; after several in a row, find out whether the endpoint gives any.

        Args:
            labels: the intents of the message.
            profile: the form of the request.
            since: when the answer came.
        """
        self._unusable += 1
        if self._unusable < self._unusable_limit:
            return "message" if self.fault is None else "endpoint"
        # A confirmed form has produced answers: a second try tells a model that often fails from one that always does.
        profiles = [profile, profile] if self._negotiation.confirmed else profile.with_all_formats()
        verdict = await self._examine(KnownGood(labels), profiles, since, needs_answer=True)
        if verdict in ("message", "adapted"):
            self._unusable = 0
        return verdict

    async def available(self) -> None:
        """Wait until the endpoint can be asked. Of all that wait, one tries now and then whether a fault is over."""
        while True:
            await self.wait_for_negotiation()
            fault = self.fault
            if fault is None:
                return
            if self._waiting:
                await self._changed.wait()
                continue
            self._waiting = True
            try:
                await self._timer.sleep(fault.pause_s)
                await self._try(fault)
            finally:
                self._waiting = self.trying = False
                self._changed.notify()

    async def wait_for_negotiation(self) -> None:
        """Wait until no message is finding out how to ask the endpoint, or a fault is known."""
        while self.fault is None and not self._negotiation.open:
            await self._changed.wait()

    async def _examine(
        self, subject: KnownGood, profiles: Sequence[RequestProfile], since: float, *, needs_answer: bool
    ) -> Verdict:
        """Examine the endpoint; if that is under way already, wait for what it finds."""
        if self._examining:
            while self._examining:
                await self._changed.wait()
        elif self.fault is None and self._good_since <= since:
            self._examining = True
            try:
                return await self._ask_known_good(subject, profiles, needs_answer=needs_answer)
            finally:
                self._examining = False
                self._changed.notify()
        if self.fault is not None:
            return "endpoint"
        return "message" if self._good_since > since else "unknown"

    async def _try(self, fault: Fault) -> None:
        """Make a trial call, and end the fault if it succeeds."""
        self.trying = True
        now = self._negotiation.profile
        profiles = [now] if fault.needs_answer else [now.plain]
        verdict = await self._ask_known_good(fault.subject, profiles, needs_answer=fault.needs_answer)
        if verdict == "message" and not fault.needs_answer:
            # The plainest request is taken again; the strictest form that is, too, is the one to use.
            verdict = await self._ask_known_good(fault.subject, now.with_all_formats(), needs_answer=False)
        if verdict in ("message", "adapted"):
            self.fault = None
            self._unusable = 0
            log.info("The LLM can be asked again")

    async def _ask_known_good(
        self, subject: KnownGood, profiles: Sequence[RequestProfile], *, needs_answer: bool
    ) -> Verdict:
        """Ask about the known-good message in one form after another, until one succeeds; else there is a fault."""
        deadline = self._timer.clock() + self._limits.deadline_s
        problem, retry_after_s = "", None
        for number, profile in enumerate(profiles):
            started = self._timer.clock()
            try:
                completion = await self._calls.ask(profile, prompt.messages(subject), subject.labels, deadline)
            except RejectedError as error:
                problem, retry_after_s = _refused(error), error.retry_after_s
            except NotACompletionError as error:
                problem = f"the LLM endpoint answers with {error}{_quoted(error.body.words)}"
            except (UnavailableError, NoAnswerError):
                return "unknown"
            else:
                reading = self._accept(completion, subject, profile)
                if isinstance(reading, Unusable) and needs_answer:
                    problem = f"the LLM gives no answer that can be used: {CAUSES[reading.cause]}"
                    continue
                self._good_since = max(self._good_since, started)
                self._negotiation.adopt(profile)
                return "message" if number == 0 else "adapted"
        self._raise(problem, subject, retry_after_s, needs_answer=needs_answer)
        return "endpoint"

    def _accept(self, completion: Completion, subject: KnownGood, profile: RequestProfile) -> Answer | Unusable:
        reading = read_answer(completion, subject.labels)
        if isinstance(reading, Answer):
            self._negotiation.confirm(profile)
        return reading

    def _raise(self, problem: str, subject: KnownGood, retry_after_s: float | None, *, needs_answer: bool) -> None:
        """Begin a fault, or go on with it after a longer pause."""
        before = self.fault
        pause_s = FIRST_PAUSE_S if before is None else min(2 * before.pause_s, LONGEST_PAUSE_S)
        if retry_after_s is not None:
            pause_s = max(pause_s, min(retry_after_s, LONGEST_RETRY_AFTER_S))
        self.fault = Fault(problem, subject, needs_answer, pause_s)
        if before is None or before.problem != problem:
            log.warning("The LLM cannot be asked: messages wait", extra={"error": problem})


def _refused(error: RejectedError) -> str:
    said = (error.body.words, f"({error.body.code})" if error.body.code else "")
    return f"the LLM endpoint refuses every request: {error}{_quoted(' '.join(filter(None, said)))}"


def _quoted(words: str) -> str:
    return f": “{words}”" if words else ""
