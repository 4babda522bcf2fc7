"""A span around each call of the LLM, under the span of the message that it is about."""

from typing import Any

from triage_worker.fallback.client import Reply
from triage_worker.fallback.llm import Endpoint
from triage_worker.observability.tracing import Traces


class TracedEndpoint:
    """An endpoint whose calls are seen in the message's trace: how long, how many tokens, and what went wrong."""

    def __init__(self, endpoint: Endpoint, model: str, traces: Traces) -> None:
        self._endpoint = endpoint
        self._model = model
        self._traces = traces

    async def ask(self, body: dict[str, Any], timeout_s: float) -> Reply:
        """`Endpoint.ask`."""
        attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": self._model}
        with self._traces.call(f"chat {self._model}", attributes) as span:
            reply = await self._endpoint.ask(body, timeout_s)
            for name, tokens in (("input", reply.tokens_in), ("output", reply.tokens_out)):
                if tokens is not None:
                    span.set_attribute(f"gen_ai.usage.{name}_tokens", tokens)
        return reply
