"""What LLM calls cost: tokens times prices."""

from dataclasses import dataclass
from typing import Any

import orjson

from triage_worker.fallback.completion import Completion
from triage_worker.fallback.prompt import Message

LEAST_BYTES_PER_TOKEN = 2
"""Common tokenizers pack more bytes than this into a token of prose, so an estimate by it is an upper bound."""

USUAL_BYTES_PER_TOKEN = 4
"""The usual rule for English."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens that a call is billed by: those of the prompt, and those of the answer."""

    input: int
    output: int


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of a million tokens: of the prompt, and of the answer."""

    input: float
    output: float

    def cost(self, tokens: Tokens) -> float:
        """The money that these tokens cost."""
        return (tokens.input * self.input + tokens.output * self.output) / 1_000_000


def highest(messages: list[Message], max_tokens: int) -> Tokens:
    """The most tokens that a call should take: an upper bound of its prompt, and the longest answer."""
    return Tokens(len(orjson.dumps(messages)) // LEAST_BYTES_PER_TOKEN, max_tokens)


def estimated(body: dict[str, Any], content: str) -> Tokens:
    """About the tokens that a call took, for an endpoint that reports no usage.

    Args:
        body: the request.
        content: the text of the answer.
    """
    return Tokens(len(orjson.dumps(body["messages"])) // USUAL_BYTES_PER_TOKEN, len(content) // USUAL_BYTES_PER_TOKEN)


def billed(completion: Completion, default: Tokens) -> Tokens:
    """The tokens that the endpoint reports; ``default`` where it reports none."""
    return Tokens(
        default.input if completion.input_tokens is None else completion.input_tokens,
        default.output if completion.output_tokens is None else completion.output_tokens,
    )
