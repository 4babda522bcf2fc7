"""Reads the JSON of a request."""

from typing import Any

import orjson
from starlette.requests import Request

from triage_worker.web.body import check_json_type, receive_body
from triage_worker.web.problems import ProblemError

DISCARDED_BYTES = 67_108_864
"""So much of a body that is too large is read and discarded."""


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
    check_json_type(request)
    body = await receive_body(
        request, most_bytes, timeout_s, discarded_bytes=DISCARDED_BYTES, advice="send fewer texts in a request"
    )
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
