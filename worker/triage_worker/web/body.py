"""Reads the body of a request, within limits of size and time."""

import asyncio

from starlette.requests import ClientDisconnect, Request

from triage_worker.web.problems import ProblemError

JSON_TYPES = "application/json"


def check_json_type(request: Request) -> None:
    """Check that the body is declared as JSON in UTF-8, and is not compressed.

    Raises:
        ProblemError: it is not.
    """
    content_type = request.headers.get("content-type", "")
    media_type, _, parameters = content_type.partition(";")
    charset = parameters.lower().replace('"', "").replace(" ", "")
    if media_type.strip().lower() != JSON_TYPES or (charset.startswith("charset=") and charset != "charset=utf-8"):
        detail = "The body should be JSON in UTF-8: send the header “Content-Type: application/json”."
        raise ProblemError(415, "not_json_type", detail, headers={"Accept": JSON_TYPES})
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        detail = "The body is compressed: send it as it is, without Content-Encoding."
        raise ProblemError(415, "encoded", detail, headers={"Accept-Encoding": "identity"})


async def receive_body(
    request: Request, most_bytes: int, timeout_s: float, *, discarded_bytes: int = 0, advice: str = "send less"
) -> bytes:
    """Return the body of a request.

    Args:
        request: with its body unread.
        most_bytes: largest body.
        timeout_s: longest time to receive it.
        discarded_bytes: a declared body that is too large, but not larger than this, is read and discarded before it
            is refused, since many clients read no answer before they have sent all of it; of a larger one, nothing is
            read.
        advice: what to do about a body that is too large, for the error.

    Raises:
        ProblemError: the body is too large or too slow.
        ClientDisconnect: the client has gone.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most_bytes:
        if int(declared) <= discarded_bytes and "expect" not in request.headers:
            await _receive(request, discarded_bytes, timeout_s, advice, keep=False)
        raise _too_large(most_bytes, advice)
    return await _receive(request, most_bytes, timeout_s, advice)


async def _receive(request: Request, most_bytes: int, timeout_s: float, advice: str, *, keep: bool = True) -> bytes:
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in request.stream():
                size += len(chunk)
                if size > most_bytes:
                    raise _too_large(most_bytes, advice)
                if keep:
                    chunks.append(chunk)
    except TimeoutError:
        detail = f"The body was not received within {timeout_s:g} s."
        raise ProblemError(408, "too_slow", detail, headers={"Connection": "close"}) from None
    return b"".join(chunks)


def _too_large(most_bytes: int, advice: str) -> ProblemError:
    detail = f"The body is larger than {most_bytes} bytes: {advice}."
    return ProblemError(413, "too_large", detail, headers={"Connection": "close"})


__all__ = ["ClientDisconnect", "check_json_type", "receive_body"]
