"""A fake LLM for the demo. It answers by the words that a message shares with the labels' descriptions.

It gets the fallback's prompt as an LLM would, and uses nothing else.
"""

import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiohttp import web

from triage_worker.fallback.prompt import NONE

MODEL = "fake-word-overlap"

_LABEL = re.compile(r"^- ([^:\n]+): (.+)$", re.MULTILINE)
_WORD = re.compile(r"[a-z]{3,}")
_ENDING = re.compile(r"(?<=[a-z]{3})(ing|ed|es|s|e)$")
_COMMON = frozenset(
    ("and", "are", "can", "for", "from", "has", "have", "how", "not", "the", "this", "was", "what", "with")
)
DOUBT = 0.5
"""Counts against the best label in every answer, in shared words: a single shared word gives a confidence of 0.67."""


def answer(system: str, user: str) -> dict[str, Any]:
    """Answer a question of `triage_worker.fallback.prompt`.

    Args:
        system: the instruction, with a line ``- LABEL: description`` for each label.
        user: the customer's message as a JSON object.

    Raises:
        ValueError: ``user`` is no JSON.
        KeyError: ``user`` has no message.
    """
    labels = {label: _words(description) for label, description in _LABEL.findall(system) if label != NONE}
    shared = _shared_words(labels, _words(orjson.loads(user)["message"]))
    if not shared:
        return {"intent": NONE, "confidence": 1.0}
    best = max(shared, key=lambda label: shared[label])
    return {"intent": best, "confidence": round(shared[best] / (sum(shared.values()) + DOUBT), 3)}


def _shared_words(labels: Mapping[str, set[str]], message: set[str]) -> dict[str, float]:
    """Count the words that each label shares with a message; a word of several labels is divided among them."""
    labels_with = Counter(word for words in labels.values() for word in words)
    counts = {label: sum(1 / labels_with[word] for word in words & message) for label, words in labels.items()}
    return {label: count for label, count in counts.items() if count}


def _words(text: str) -> set[str]:
    return {_ENDING.sub("", word) for word in _WORD.findall(text.lower()) if word not in _COMMON}


@asynccontextmanager
async def fake_llm() -> AsyncIterator[str]:
    """Serve the fake LLM on a free local port, as an OpenAI-compatible endpoint.

    Yields:
        The endpoint's URL, up to ``/v1``.
    """
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
        contents = {message["role"]: message["content"] for message in (await request.json())["messages"]}
        content = orjson.dumps(answer(contents["system"], contents["user"])).decode()
    except (ValueError, KeyError, TypeError):
        raise web.HTTPBadRequest(text="This fake LLM answers the fallback's questions only.") from None
    return web.json_response({"choices": [{"message": {"role": "assistant", "content": content}}]})
