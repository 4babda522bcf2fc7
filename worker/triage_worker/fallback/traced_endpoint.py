"""Adds a span for each LLM call to the trace of the message that it is about."""

from typing import Any

from triage_worker.fallback.completion import Completion
from triage_worker.fallback.llm_calls import Endpoint
from triage_worker.observability.tracing import Traces


class TracedEndpoint:
    """An endpoint whose calls are recorded as spans, with their duration, tokens and errors.

    Args:
        endpoint: makes the calls.
        model: the model's name at the endpoint.
        traces: makes the spans.
    """

    def __init__(self, endpoint: Endpoint, model: str, traces: Traces) -> None:
        self._endpoint = endpoint
        self._model = model
        self._traces = traces

    async def complete(self, body: dict[str, Any], timeout_s: float) -> Completion:
        """Request one completion, within a span; see `Endpoint.complete`."""
        attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": self._model}
        with self._traces.call(f"chat {self._model}", attributes) as span:
            completion = await self._endpoint.complete(body, timeout_s)
            for name, tokens in (("input", completion.input_tokens), ("output", completion.output_tokens)):
                if tokens is not None:
                    span.set_attribute(f"gen_ai.usage.{name}_tokens", tokens)
        return completion
