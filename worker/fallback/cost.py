"""What calls cost."""

from dataclasses import dataclass

import orjson

from worker.fallback.client import Reply
from worker.fallback.prompt import Message

BYTES_A_TOKEN = 2
"""Fewer than any common tokenizer packs into a token of prose, so that an estimate is an upper one."""


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


def billed(reply: Reply, estimated: Tokens) -> Tokens:
    """What a call took, as the endpoint says; the estimate where it does not."""
    return Tokens(
        estimated.read if reply.tokens_in is None else reply.tokens_in,
        estimated.written if reply.tokens_out is None else reply.tokens_out,
    )
