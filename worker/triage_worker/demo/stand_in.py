"""A stand-in for an LLM, so that the demo needs none: it answers by the words that a message shares with the labels'
descriptions. It reads what an LLM would read, the prompt, and knows nothing else.
"""

import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiohttp import web

from triage_worker.fallback.prompt import NONE

MODEL = "word-overlap-stand-in"

_LABEL = re.compile(r"^- ([^:\n]+): (.+)$", re.MULTILINE)
_WORD = re.compile(r"[a-z]{3,}")
_ENDING = re.compile(r"(?<=[a-z]{3})(ing|ed|es|s|e)$")
_COMMON = frozenset(
    ("and", "are", "can", "for", "from", "has", "have", "how", "not", "the", "this", "was", "what", "with")
)
DOUBT = 0.5
"""What speaks against the best label even where nothing else does, in shared words: one word alone gives 0.67."""


def answer(system: str, user: str) -> dict[str, Any]:
    """The answer to a question of `triage_worker.fallback.prompt`.

    Args:
        system: the instruction, with a line ``- LABEL: description`` for each label.
        user: the customer's message as a JSON object.

    Raises:
        ValueError, KeyError: it is no such question.
    """
    labels = {label: _words(meaning) for label, meaning in _LABEL.findall(system) if label != NONE}
    shared = _shared(labels, _words(orjson.loads(user)["message"]))
    if not shared:
        return {"intent": NONE, "confidence": 1.0}
    best = max(shared, key=lambda label: shared[label])
    return {"intent": best, "confidence": round(shared[best] / (sum(shared.values()) + DOUBT), 3)}


def _shared(labels: Mapping[str, set[str]], message: set[str]) -> dict[str, float]:
    """For each label that shares a word with the message, how many; one that several labels have counts by parts."""
    known = Counter(word for words in labels.values() for word in words)
    counts = {label: sum(1 / known[word] for word in words & message) for label, words in labels.items()}
    return {label: count for label, count in counts.items() if count}


def _words(text: str) -> set[str]:
    return {_ENDING.sub("", word) for word in _WORD.findall(text.lower()) if word not in _COMMON}


@asynccontextmanager
async def stand_in() -> AsyncIterator[str]:
    """Serve it on a free local port, as an OpenAI-compatible endpoint; gives the URL up to ``/v1``."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", _complete)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/v1"
    finally:
        await runner.cleanup()


async def _complete(request: web.Request) -> web.Response:
    try:
        turns = {turn["role"]: turn["content"] for turn in (await request.json())["messages"]}
        content = orjson.dumps(answer(turns["system"], turns["user"])).decode()
    except (ValueError, KeyError, TypeError):
        raise web.HTTPBadRequest(text="This stand-in answers the questions of the fallback only.") from None
    return web.json_response({"choices": [{"message": {"role": "assistant", "content": content}}]})
