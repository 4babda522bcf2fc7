"""A source of webhooks at work: verifies its requests, limits their rate, and reads them."""

from collections.abc import Callable, Mapping
from time import monotonic, time

import orjson

from triage_worker.config.intake_sources import IntakeSourceModel
from triage_worker.intake.adapter import Reading, load_adapter
from triage_worker.intake.body_fields import InvalidBodyError
from triage_worker.intake.signatures import Claim, UnverifiedError, check_secret, check_time, verify
from triage_worker.intake.source_secrets import SourceSecrets
from triage_worker.web.problems import ProblemError, try_later
from triage_worker.web.token_bucket import TokenBucket

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="triage-intake"'}
"""HTTP asks for it, although most senders sign instead."""


class OpenSource:
    """A source of webhooks.

    Args:
        model: as the file has it.
        secrets: of the source.
        clock: seconds of a monotonic clock.
        wall_clock: seconds since 1970.
    """

    def __init__(
        self,
        model: IntakeSourceModel,
        secrets: SourceSecrets,
        clock: Callable[[], float] = monotonic,
        wall_clock: Callable[[], float] = time,
    ) -> None:
        self.model = model
        self._adapter = load_adapter(model.kind)
        self._secrets = secrets
        self._clock = clock
        self._wall_clock = wall_clock
        self._bucket = TokenBucket(model.rate, float(model.burst), clock())

    def check_headers(self, headers: Mapping[str, str]) -> Claim | None:
        """Check what can be checked before the body is received; returns what is left to verify.

        Raises:
            ProblemError: the request is not signed, or too long ago, or has not the secret.
        """
        try:
            if not self.model.is_signed or self._adapter.signature is None:
                check_secret(headers, self.model.header, self.model.user, self._secrets.current())
                return None
            claim = self._adapter.signature(headers)
            check_time(claim, self.model.replay_window_s, self._wall_clock())
        except UnverifiedError as error:
            raise _unauthorized(error) from None
        return claim

    def check_body(self, claim: Claim | None, body: bytes) -> None:
        """Verify the signature of a body.

        Raises:
            ProblemError: it is wrong.
        """
        if claim is None:
            return
        try:
            verify(claim, body, self._secrets.current())
        except UnverifiedError as error:
            raise _unauthorized(error) from None

    def take(self) -> None:
        """Take a webhook from the rate.

        Raises:
            ProblemError: the rate is exceeded; says when to try again.
        """
        wait_s = self._bucket.take(1, self._clock())
        if wait_s > 0:
            detail = f"{self.model.name} may send {self.model.rate:g} webhooks a second: try again in {wait_s:.1f} s."
            raise try_later(429, "rate_exceeded", detail, wait_s)

    def read(self, body: bytes, headers: Mapping[str, str]) -> Reading:
        """Read the body of a request.

        Raises:
            ProblemError: it is no JSON, or has not the shape that its sender documents; names the field.
        """
        if not body:
            raise ProblemError(400, "no_body", "The request has no body.")
        try:
            parsed = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            # Its message says what and where, and shows nothing of the body.
            detail = f"The body is not JSON: {error.msg} at character {error.pos}."
            raise ProblemError(400, "not_json", detail) from None
        try:
            return self._adapter.read(parsed, headers, self.model)
        except InvalidBodyError as error:
            where = f" at {error.path}" if error.path else ""
            detail = f"The webhook is not one of {self.model.kind}{where}: {error}."
            raise ProblemError(422, "invalid", detail, path=error.path) from None


def _unauthorized(error: UnverifiedError) -> ProblemError:
    return ProblemError(401, error.code, str(error), headers=CHALLENGE)
