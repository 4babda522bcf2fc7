"""How an endpoint is asked: which parameters it gets, and what its refusals say about them."""

import re
from dataclasses import dataclass, replace
from typing import Any, Literal, Self, get_args

from triage_worker.fallback.error_body import ErrorBody
from triage_worker.fallback.prompt import Message
from triage_worker.fallback.refusals import ABOUT_FORMAT, USED_UP

Format = Literal["json_schema", "json_object_with_schema", "json_object", "text"]
FORMATS: tuple[Format, ...] = get_args(Format)
"""The forms of ``response_format``, the strictest first."""

TOO_LONG = re.compile(r"context.?(length|window)|too (large|long|many|big)|exceed|at most|maximum", re.IGNORECASE)
SYSTEM_TURN = re.compile(
    r"system\b.{0,40}\b(role|message|prompt|instruction|turn)|role\b.{0,60}\bsystem", re.IGNORECASE
)
UNKNOWN = re.compile(
    r"un(known|recogni[sz]ed|expected)|unsupported (parameter|field|argument)|extra|not permitted|additional propert",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class RequestProfile:
    """The form of the requests to an endpoint. It is a value: a refused one is replaced, never changed.

    Attributes:
        format: how answers are constrained.
        limit: the parameter with the longest answer; newer models have renamed it.
        temperature: whether a temperature of 0 is sent; some models accept none.
        system_turn: whether the instruction is a turn of its own; some models know no such turn.
    """

    format: Format = "json_schema"
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: bool = True
    system_turn: bool = True

    def body(self, model: str, max_tokens: int, messages: list[Message], schema: dict[str, Any]) -> dict[str, Any]:
        """The body of a request.

        Args:
            model: the model's name at the endpoint.
            max_tokens: the longest answer, in tokens.
            messages: the question.
            schema: the JSON schema of its answer.
        """
        turns = messages if self.system_turn else [_one_turn(messages)]
        body: dict[str, Any] = {"model": model, "messages": turns, self.limit: max_tokens}
        if self.temperature:
            body["temperature"] = 0
        if self.format != "text":
            body["response_format"] = _response_format(self.format, schema)
        return body

    def adapted(self, refusal: ErrorBody, *, last: bool = False) -> Self | None:
        """The form that a refusal asks for; None if its words are about none of the parameters.

        Args:
            refusal: what the endpoint says.
            last: whether there is one more call. It then goes without a ``response_format`` altogether.
        """
        words = refusal.words
        if USED_UP.search(words):
            return None
        named = " ".join(refusal.parameters) or words
        changed = replace(
            self,
            limit=self._limit_after(named, words),
            temperature=self.temperature and "temperature" not in named.lower(),
            system_turn=self.system_turn and not SYSTEM_TURN.search(words),
            format=self._format_after(named, words),
        )
        if changed == self:
            return None
        return replace(changed, format="text") if last else changed

    def with_next_format(self) -> Self:
        """The same with the next format; the first one after the last."""
        return replace(self, format=FORMATS[(FORMATS.index(self.format) + 1) % len(FORMATS)])

    def with_all_formats(self) -> "list[RequestProfile]":
        """This form, then the same with each other format, and at last the one that asks for the least."""
        others = [replace(self, format=one) for one in FORMATS if one not in (self.format, "text")]
        return [self, *others, self.plain]

    @property
    def plain(self) -> Self:
        """The form that asks for the least."""
        return replace(self, format="text", temperature=False)

    def _limit_after(self, named: str, words: str) -> Literal["max_tokens", "max_completion_tokens"]:
        if TOO_LONG.search(words):
            return self.limit  # a complaint about its value, or about the message
        if self.limit == "max_tokens":
            is_named = "max_tokens" in named or "max_completion_tokens" in words
            return "max_completion_tokens" if is_named else "max_tokens"
        return "max_tokens" if "max_completion_tokens" in named else self.limit

    def _format_after(self, named: str, words: str) -> Format:
        if self.format == "text" or not ABOUT_FORMAT.search(named):
            return self.format
        about_all = UNKNOWN.search(words) and not re.search(r"json.?(schema|object)|type", f"{named} {words}", re.I)
        return "text" if about_all else FORMATS[FORMATS.index(self.format) + 1]


def _one_turn(messages: list[Message]) -> Message:
    return {"role": "user", "content": "\n\n".join(message["content"] for message in messages)}


def _response_format(name: Format, schema: dict[str, Any]) -> dict[str, Any]:
    if name == "json_schema":
        return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
    if name == "json_object_with_schema":
        return {"type": "json_object", "schema": schema}
    return {"type": "json_object"}
