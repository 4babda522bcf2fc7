"""One attempt to get an answer about a message: which call comes next, and when there is nothing more to try."""

import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

from triage_worker.fallback import prompt
from triage_worker.fallback.answer import CAUSES, Answer, Cause, read_answer
from triage_worker.fallback.completion import Completion
from triage_worker.fallback.errors import NotACompletionError, RejectedError, UnavailableError
from triage_worker.fallback.examiner import Examiner, Verdict
from triage_worker.fallback.llm_calls import LlmCalls, NoAnswerReason, Timer
from triage_worker.fallback.metrics import LlmMetrics
from triage_worker.fallback.negotiation import Negotiation
from triage_worker.fallback.refusals import USED_UP
from triage_worker.fallback.request_profile import RequestProfile
from triage_worker.resilience.backoff import RetryPolicy

log = logging.getLogger(__name__)

MAX_CALLS = 4
"""Calls about one message after which a person decides it: retries and other forms of the request together."""

RETRY_POLICY = RetryPolicy(first_s=0.5, longest_s=8.0, jitter=1.0)

FORMAT_STATUSES = {HTTPStatus.OK, 400, 415, 422, 500, 501}
"""Statuses of refusals that may be about the format, even if their words do not say so."""

NEVER_OF_A_MESSAGE = {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
    HTTPStatus.TOO_MANY_REQUESTS,
}
"""Statuses that no text causes: if another call succeeds, it was a limit, or one of several servers behind the address.
402 is not among them, since a long text may cost more than what is left."""

NOT_OF_THE_FORMAT: frozenset[Cause] = frozenset(("cut_off", "declined", "filtered", "no_choice", "only_thoughts"))
"""Causes that no other format removes."""

Result = Answer | NoAnswerReason | None
"""An answer, why there is none, or None: the message cannot be asked about at present."""


@dataclass(slots=True)
class Question:
    """What is known about a message from its attempts.

    Attributes:
        calls: calls that were made about it.
        reason: why there is no answer yet.
    """

    calls: int = 0
    reason: NoAnswerReason = "refused"


@dataclass(frozen=True, slots=True)
class Tools:
    """What attempts share: the state of the endpoint, and how to call it."""

    calls: LlmCalls
    negotiation: Negotiation
    examiner: Examiner
    metrics: LlmMetrics
    timer: Timer


class Attempt:
    """One attempt.

    Args:
        tools: shared by all attempts.
        question: what earlier attempts left.
        subject: what the question is about.
        messages: the question.
        deadline_s: the longest time for it, in seconds; other messages' calls that it waits for do not count.
        alone: whether no other message is looking for a form.

    Attributes:
        alone: whether it is this attempt that looks for a form; it must end the negotiation then.
    """

    def __init__(
        self,
        tools: Tools,
        question: Question,
        subject: prompt.Subject,
        messages: list[prompt.Message],
        deadline_s: float,
        *,
        alone: bool,
    ) -> None:
        self.alone = alone
        self._tools = tools
        self._question = question
        self._subject = subject
        self._messages = messages
        self._now = tools.timer.clock
        self._deadline = self._now() + deadline_s
        self._profile = tools.negotiation.profile
        self._refused: set[RequestProfile] = set()
        self._started = self._now()
        self._failures = 0
        self._pages = 0
        self._changed_format = False

    async def run(self) -> Result:
        """Make calls until there is an answer, or none is to be expected.

        Raises:
            NoAnswerError: there was no time or no budget for a call.
        """
        result: Result | Literal["again"] = "again"
        while result == "again":
            if self._left <= 0:
                return self._question.reason
            result = await self._call()
        return result

    @property
    def _left(self) -> int:
        return MAX_CALLS - self._question.calls

    async def _call(self) -> Result | Literal["again"]:
        tools = self._tools
        if tools.examiner.fault is not None:
            return None
        self._question.calls += 1
        self._started = self._now()
        try:
            completion = await tools.calls.ask(self._profile, self._messages, self._subject.labels, self._deadline)
        except RejectedError as error:
            return await self._refusal(error)
        except UnavailableError as error:
            return await self._failure(error)
        return await self._completion(completion)

    async def _refusal(self, error: RejectedError) -> Result | Literal["again"]:
        """Ask in the form that the refusal asks for; without a word about the form, find out whose fault it is."""
        self._question.reason = "refused"
        self._refused.add(self._profile)
        refused_at = self._now()
        adapted = self._profile.adapted(error.body, last=self._left == 1)
        if adapted is not None and adapted not in self._refused and self._left:
            if self.alone or self._tools.negotiation.begin():
                self.alone = True
                self._profile = adapted
                return "again"
            await self._tools.negotiation.ended()
            self._deadline += self._now() - refused_at
        if self._use_another_form():
            return "again"
        all_formats = adapted is None and error.status in FORMAT_STATUSES and not USED_UP.search(error.body.words)
        verdict = await self._examine(refused_at, all_formats=all_formats)
        if verdict != "endpoint" and self._use_another_form():
            return "again"
        if verdict == "message" and error.status in NEVER_OF_A_MESSAGE:
            self._failures += 1
            verdict = "unknown"
        if verdict == "message":
            log.warning("The LLM refuses a message", extra={"status": error.status, "code": error.body.code})
        return await self._by(verdict)

    async def _failure(self, error: UnavailableError) -> Result | Literal["again"]:
        """Ask again after a pause. An endpoint that keeps answering with something else is at fault."""
        self._question.reason = "unavailable"
        self._failures += 1
        failed_at = self._now()
        if isinstance(error, NotACompletionError):
            self._pages += 1
            if self._pages > 1 and await self._examine(failed_at, all_formats=False) == "endpoint":
                return None
        return await self._after_pause()

    async def _examine(self, since: float, *, all_formats: bool) -> Verdict:
        """Find out whose fault a refusal is. The form that is known to be good is tried first."""
        known = self._tools.negotiation
        profile = known.profile if known.confirmed else self._profile
        verdict = await self._tools.examiner.examine_refusal(
            self._subject.labels, profile, since, all_formats=all_formats
        )
        self._deadline += self._now() - since
        return verdict

    async def _completion(self, completion: Completion) -> Result | Literal["again"]:
        tools = self._tools
        came_at = self._now()
        reading = read_answer(completion, self._subject.labels)
        if isinstance(reading, Answer):
            if self.alone:  # else an answer to an older form would bring that back
                tools.negotiation.confirm(self._profile)
            tools.examiner.record_good(self._started)
            return reading
        self._question.reason = reading.reason
        tools.metrics.record_unusable(reading.cause)
        log.warning(f"The LLM's answer cannot be used: {CAUSES[reading.cause]}", extra={"cause": reading.cause})
        if self._may_change_format(reading.cause):
            self._changed_format = True
            self._profile = self._profile.with_next_format()
            tools.negotiation.propose(self._profile)
            return "again"
        verdict = await tools.examiner.examine_answer(self._subject.labels, self._profile, came_at)
        return None if verdict == "endpoint" else reading.reason

    def _use_another_form(self) -> bool:
        """Use the form that is known to work, unless it is the one that was refused."""
        known = self._tools.negotiation
        if not known.confirmed or known.profile in self._refused or not self._left:
            return False
        self._profile = known.profile
        return True

    def _may_change_format(self, cause: Cause) -> bool:
        """Whether to ask once more in another format, since no format is known to work."""
        first = not self._tools.negotiation.confirmed and not self._changed_format
        return first and cause not in NOT_OF_THE_FORMAT and self._left > 0

    async def _by(self, verdict: Verdict) -> Result | Literal["again"]:
        if verdict == "endpoint":
            return None
        if verdict == "message":
            return self._question.reason
        if verdict == "adapted":
            self._profile = self._tools.negotiation.profile
            return "again"
        return await self._after_pause()

    async def _after_pause(self) -> Result | Literal["again"]:
        if not self._left:
            return self._question.reason
        await self._tools.calls.pause(RETRY_POLICY.delay_s(max(1, self._failures)), self._deadline)
        return "again"
