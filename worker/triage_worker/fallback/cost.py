"""What calls cost."""

from dataclasses import dataclass
from typing import Any

import orjson

from triage_worker.fallback.client import Reply
from triage_worker.fallback.prompt import Message

BYTES_A_TOKEN = 2
"""Fewer than any common tokenizer packs into a token of prose, so that an estimate is an upper one."""


USUAL_BYTES_A_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a call is billed by."""

    read: int
    written: int


@dataclass(frozen=True, slots=True)
class Prices:
    """Of a million tokens, read and written."""

    read: float
    written: float

    def of(self, tokens: Tokens) -> float:
        """The money that these tokens cost."""
        return (tokens.read * self.read + tokens.written * self.written) / 1_000_000


def estimate(turns: list[Message], max_tokens: int) -> Tokens:
    """The most that a call should take."""
    return Tokens(len(orjson.dumps(turns)) // BYTES_A_TOKEN, max_tokens)


def counted(body: dict[str, Any], content: str) -> Tokens:
    """About what a call took whose endpoint does not say: a token in four bytes, the usual rule for English."""
    return Tokens(len(orjson.dumps(body["messages"])) // USUAL_BYTES_A_TOKEN, len(content) // USUAL_BYTES_A_TOKEN)


def billed(reply: Reply, estimated: Tokens) -> Tokens:
    """What a call took, as the endpoint says; the estimate where it does not."""
    return Tokens(
        estimated.read if reply.tokens_in is None else reply.tokens_in,
        estimated.written if reply.tokens_out is None else reply.tokens_out,
    )
