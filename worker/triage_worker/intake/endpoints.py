"""The endpoints of the intake: webhooks, and the probes."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from triage_schemas.cloudevents import TRACE_HEADERS

from triage_worker.intake.metrics import IntakeMetrics
from triage_worker.intake.open_source import OpenSource
from triage_worker.intake.records import LONGEST_KEY, KeyedMessage, keyed, message_record
from triage_worker.intake.state import IntakeState
from triage_worker.intake.writer import NotWrittenError, RecordWriter, TooLargeError
from triage_worker.web.body import check_json_type, receive_body
from triage_worker.web.error_handlers import probe_response
from triage_worker.web.problems import ProblemError, try_later

log = logging.getLogger(__name__)

ROUTE = "/v1/intake/{source}"
RETRY_S = 5.0
"""When a sender should try again that could not be answered."""

LONGEST_TRACE = 512


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Limits of a webhook.

    Attributes:
        size: of the body, in bytes.
        receive_s: longest time to receive it.
    """

    size: int
    receive_s: float


class Endpoints:
    """Answers requests.

    Args:
        sources: of webhooks, by name.
        writer: writes messages.
        limits: of a webhook.
        state: whether the service is ready.
        metrics: where messages are counted.
        registry: the metrics of the service.
    """

    def __init__(
        self,
        sources: Mapping[str, OpenSource],
        writer: RecordWriter,
        limits: BodyLimits,
        state: IntakeState,
        metrics: IntakeMetrics,
        registry: CollectorRegistry,
    ) -> None:
        self._sources = sources
        self._writer = writer
        self._limits = limits
        self._state = state
        self._metrics = metrics
        self._registry = registry

    async def webhook(self, request: Request) -> Response:
        """Take a webhook: answered when Kafka has its messages."""
        request.state.route = ROUTE
        source = self._sources.get(request.path_params["source"])
        if source is None:
            raise _unknown_source()
        request.state.source = source.model.name
        claim = source.check_headers(request.headers)
        idempotency_key = _idempotency_key(request)
        check_json_type(request)
        body = await receive_body(request, self._limits.size, self._limits.receive_s)
        source.check_body(claim, body)
        source.take()
        reading = source.read(body, request.headers)
        if reading.answer is not None:
            return JSONResponse(dict(reading.answer))
        messages = keyed(reading.messages, source.model, idempotency_key, body)
        request.state.accepted, request.state.ignored = len(messages), reading.ignored
        await self._write(messages, source, _trace(request))
        self._metrics.received(source.model.name, len(messages), reading.ignored)
        answer = {
            "accepted": len(messages),
            "ignored": reading.ignored,
            "messages": [{"key": key, "message_id": message.message_id} for key, message in messages],
        }
        return Response(orjson.dumps(answer), 202, media_type="application/json")

    async def address(self, request: Request) -> Response:
        """Answer HEAD, by which Intercom tests an address before it sends anything."""
        request.state.route = ROUTE
        if request.path_params["source"] not in self._sources:
            raise _unknown_source()
        return Response()

    async def livez(self, _: Request) -> Response:
        """Say whether the service works."""
        return probe_response(self._state.not_alive())

    async def readyz(self, _: Request) -> Response:
        """Say whether the service can take webhooks."""
        return probe_response(self._state.not_ready())

    async def metrics(self, _: Request) -> Response:
        """Return the Prometheus metrics."""
        return Response(generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _write(self, messages: list[KeyedMessage], source: OpenSource, trace: list[tuple[str, bytes]]) -> None:
        if not messages:
            return
        records = [message_record(message, source.model, trace) for message in messages]
        try:
            await self._writer.write(records)
        except TooLargeError:
            detail = "Kafka does not take a message of this size: send a shorter one, or raise its limit."
            raise ProblemError(413, "too_large", detail) from None
        except NotWrittenError as error:
            log.warning("A webhook was not written", extra={"source": source.model.name, "error": str(error)})
            detail = "Kafka does not take messages at present: send the webhook again."
            raise try_later(503, "not_written", detail, RETRY_S) from None


def _unknown_source() -> ProblemError:
    return ProblemError(404, "unknown_source", "There is no source of this name: see TRIAGE_INTAKE_SOURCES.")


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("idempotency-key", "").strip().strip('"')
    if len(key) > LONGEST_KEY or not key.isprintable():
        detail = f"The header Idempotency-Key should have at most {LONGEST_KEY} characters, all of which can be seen."
        raise ProblemError(400, "bad_key", detail)
    return key


def _trace(request: Request) -> list[tuple[str, bytes]]:
    found = [(name, request.headers.get(name, "")) for name in TRACE_HEADERS]
    return [(name, value.encode("latin-1")) for name, value in found if value and len(value) <= LONGEST_TRACE]
