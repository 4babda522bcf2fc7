"""The endpoints of the API, and the probes."""

import asyncio

import orjson
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from triage_schemas.http_api.openapi import document
from triage_schemas.http_api.requests import InvalidRequestError, Limits, read_request
from triage_schemas.messages.message import CustomerMessage

from triage_worker.config.settings import Settings
from triage_worker.serve.access import Access
from triage_worker.serve.body import read_json
from triage_worker.serve.catalogue import intents_of
from triage_worker.serve.metrics import ServeMetrics
from triage_worker.serve.state import ServiceState
from triage_worker.serve.text_classifier import QueueFullError, TextClassifier
from triage_worker.web.error_handlers import probe_response
from triage_worker.web.problems import ProblemError, try_later

JSON = "application/json"
NOT_READY_RETRY_S = 2.0


class Endpoints:
    """Answers requests.

    Args:
        settings: the limits.
        access: decides who may do what.
        state: whether the service is ready.
        metrics: where answered texts are counted.
        registry: the metrics of the service.
    """

    def __init__(
        self,
        settings: Settings,
        access: Access,
        state: ServiceState,
        metrics: ServeMetrics,
        registry: CollectorRegistry,
    ) -> None:
        self._settings = settings
        self._limits = Limits(settings.serve_max_texts, settings.max_text_bytes)
        self._access = access
        self._state = state
        self._metrics = metrics
        self._registry = registry
        self._openapi = orjson.dumps(document())

    async def classify(self, request: Request) -> Response:
        """Classify the texts of a request."""
        key = self._access.allow(request.headers, "classify")
        request.state.key = key.name
        classifier = self._ready()
        parsed = await read_json(request, self._settings.serve_max_body_bytes, self._settings.serve_timeout_s)
        try:
            messages = read_request(parsed, self._limits)
        except InvalidRequestError as error:
            detail = f"The request is not valid{f' at {error.path}' if error.path else ''}: {error}."
            raise ProblemError(422, "invalid", detail, path=error.path) from None
        request.state.texts = len(messages)
        self._access.take(key, len(messages))
        results = await self._classify(classifier, messages, request, self._settings.serve_timeout_s)
        self._metrics.answered(key.name, len(messages))
        return Response(b'{"results":[' + b",".join(results) + b"]}", media_type=JSON)

    async def intents(self, request: Request) -> Response:
        """List the intents, and the bundles that serve."""
        request.state.key = self._access.allow(request.headers, "intents").name
        return Response(orjson.dumps(intents_of(self._ready().inference.bundles)), media_type=JSON)

    async def openapi(self, _: Request) -> Response:
        """Return the OpenAPI document; it needs no key."""
        return Response(self._openapi, media_type=JSON)

    async def metrics(self, request: Request) -> Response:
        """Return the Prometheus metrics."""
        self._access.allow(request.headers, "metrics")
        return Response(generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def livez(self, _: Request) -> Response:
        """Say whether the service works."""
        return probe_response(self._state.not_alive())

    async def readyz(self, _: Request) -> Response:
        """Say whether the service can answer."""
        return probe_response(self._state.not_ready())

    def _ready(self) -> TextClassifier:
        if self._state.classifier is None:
            raise try_later(503, "starting", "The model is loading: try again shortly.", NOT_READY_RETRY_S)
        return self._state.classifier

    async def _classify(
        self, classifier: TextClassifier, messages: list[CustomerMessage], request: Request, timeout_s: float
    ) -> list[bytes]:
        """Classify, unless it takes too long, or the client has gone: its texts are dropped then."""
        answering = asyncio.ensure_future(classifier.classify(messages))
        leaving = asyncio.ensure_future(_disconnected(request))
        try:
            await asyncio.wait([answering, leaving], timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                return answering.result()
            if leaving.done():
                raise ClientDisconnect
            why = "the model fails at present" if classifier.inference.down else "too many texts are waiting"
            raise try_later(503, "too_late", f"The texts were not answered within {timeout_s:g} s: {why}.", timeout_s)
        except QueueFullError as full:
            detail = "Too many texts are waiting: try again later, or send fewer at once."
            raise try_later(503, "queue_full", detail, full.seconds) from None
        finally:
            answering.cancel()
            leaving.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
