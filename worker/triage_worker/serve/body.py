"""Reads the body of a request, within limits of size and time."""

import asyncio
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from triage_worker.serve.problems import ProblemError

JSON_TYPES = "application/json"

DISCARDED_BYTES = 67_108_864
"""So much of a body that is too large is read and discarded, since many clients read no answer before they have sent
all of it. Of a larger one, nothing is read."""


async def read_json(request: Request, most_bytes: int, timeout_s: float) -> Any:
    """Return the JSON of a request.

    Args:
        request: with its body unread.
        most_bytes: largest body.
        timeout_s: longest time to receive it.

    Raises:
        ProblemError: the body is no JSON, too large, too slow, or encoded.
        ClientDisconnect: the client has gone.
    """
    _check_headers(request)
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most_bytes:
        if int(declared) <= DISCARDED_BYTES and "expect" not in request.headers:
            await _receive(request, DISCARDED_BYTES, timeout_s, keep=False)
        raise _too_large(most_bytes)
    body = await _receive(request, most_bytes, timeout_s)
    if not body:
        raise ProblemError(
            400, "no_body", 'The request has no body: send JSON such as {"texts": ["where is my parcel"]}.'
        )
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        # Its message says what and where, and shows nothing of the body.
        detail = f"The body is not JSON: {error.msg} at character {error.pos}."
        raise ProblemError(400, "not_json", detail) from None


def _check_headers(request: Request) -> None:
    content_type = request.headers.get("content-type", "")
    media_type, _, parameters = content_type.partition(";")
    charset = parameters.lower().replace('"', "").replace(" ", "")
    if media_type.strip().lower() != JSON_TYPES or (charset.startswith("charset=") and charset != "charset=utf-8"):
        detail = "The body should be JSON in UTF-8: send the header “Content-Type: application/json”."
        raise ProblemError(415, "not_json_type", detail, headers={"Accept": JSON_TYPES})
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        detail = "The body is compressed: send it as it is, without Content-Encoding."
        raise ProblemError(415, "encoded", detail, headers={"Accept-Encoding": "identity"})


async def _receive(request: Request, most_bytes: int, timeout_s: float, *, keep: bool = True) -> bytes:
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in request.stream():
                size += len(chunk)
                if size > most_bytes:
                    raise _too_large(most_bytes)
                if keep:
                    chunks.append(chunk)
    except TimeoutError:
        detail = f"The body was not received within {timeout_s:g} s."
        raise ProblemError(408, "too_slow", detail, headers={"Connection": "close"}) from None
    return b"".join(chunks)


def _too_large(most_bytes: int) -> ProblemError:
    detail = f"The body is larger than {most_bytes} bytes: send fewer texts in a request."
    return ProblemError(413, "too_large", detail, headers={"Connection": "close"})


__all__ = ["ClientDisconnect", "read_json"]
