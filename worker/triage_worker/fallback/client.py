"""An HTTP client of an OpenAI-compatible endpoint: one request, one completion or an error."""

from collections.abc import Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
import orjson

from triage_worker.config.errors import ConfigError
from triage_worker.config.http_headers import parse_headers
from triage_worker.config.settings import Settings
from triage_worker.fallback.address import EndpointAddress
from triage_worker.fallback.completion import Completion, parse_completion
from triage_worker.fallback.error_body import ErrorBody
from triage_worker.fallback.errors import CallError, NotACompletionError, RejectedError, UnavailableError
from triage_worker.fallback.refusals import failure
from triage_worker.resilience.retry_after import retry_after_s

MAX_RESPONSE_BYTES = 1024 * 1024
MAX_ERROR_BYTES = 16_384
CHECK_TIMEOUT_S = 10.0


class LlmClient:
    """A client of one endpoint. Use it as an async context manager.

    Args:
        url: the endpoint's address, up to ``/v1`` or whole, with its query string.
        key: the key; None sends none.
        key_header: the header that carries the key; None chooses it by the address.
        headers: further headers; they replace that of the key if they have its name.
    """

    def __init__(
        self, url: str, key: str | None, *, key_header: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        self._url = url
        self._address = self._given_address = EndpointAddress.parse(url)
        self._tried_v1 = False
        extra = dict(headers or {})
        replaced = {name.lower() for name in extra}
        of_key = self._address.key_headers(key, key_header).items()
        self._headers = {name: value for name, value in of_key if name.lower() not in replaced} | extra
        # The scheme of a credential, such as "Bearer", is no secret.
        self._secrets = [value.split()[-1] for value in (key or "", *extra.values()) if value.strip()]

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The client of the endpoint in the settings, which must have its address."""
        assert settings.llm_url is not None
        key, headers = settings.llm_api_key, settings.llm_headers
        return cls(
            settings.llm_url,
            key.get_secret_value() if key else None,
            key_header=settings.llm_key_header,
            headers=parse_headers(headers.get_secret_value()) if headers else None,
        )

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers=self._headers)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        await self._session.close()

    async def check_key(self) -> None:
        """Check at no cost that the endpoint accepts the key. An endpoint that does not answer passes.

        Only status 401 is a refusal: a key that may request completions need not have the right to list the models.

        Raises:
            ConfigError: the endpoint rejects the key.
        """
        timeout = aiohttp.ClientTimeout(total=CHECK_TIMEOUT_S)
        if self._address.models is None:
            return
        try:
            async with self._session.get(self._address.models, timeout=timeout, allow_redirects=False) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError):
            return
        if status == HTTPStatus.UNAUTHORIZED:
            raise ConfigError(f"{self._url} rejects the key (status {status}): check TRIAGE_LLM_API_KEY.")

    async def complete(self, body: dict[str, Any], timeout_s: float) -> Completion:
        """Request one completion.

        Args:
            body: the request.
            timeout_s: the longest time for it, in seconds.

        Raises:
            UnavailableError: the endpoint does not answer, or not with a completion.
            RejectedError: the endpoint refuses the request.
        """
        address = self._address
        try:
            return await self._complete(address.completions, body, timeout_s)
        except RejectedError as error:
            if error.status == HTTPStatus.NOT_FOUND and self._try_with_v1(address):
                raise UnavailableError(str(error)) from error
            raise

    async def _complete(self, url: str, body: dict[str, Any], timeout_s: float) -> Completion:
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        headers = {"Content-Type": "application/json"}
        try:
            # Redirects are not followed: the key belongs to this endpoint and no other.
            async with self._session.post(
                url, data=orjson.dumps(body), headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                if response.status == HTTPStatus.OK:
                    return self._completion(await _read(response, MAX_RESPONSE_BYTES), response.content_type)
                raise self._failure(response, await _read(response, MAX_ERROR_BYTES))
        except TimeoutError as error:
            raise UnavailableError("timed out", may_be_billed=True) from error
        except aiohttp.ClientError as error:
            # A body that breaks off was produced, and so may be billed.
            billed = isinstance(error, aiohttp.ClientPayloadError)
            raise UnavailableError(type(error).__name__, may_be_billed=billed) from error

    def _try_with_v1(self, refused: EndpointAddress) -> bool:
        """Use the address below ``/v1`` if that without a path does not exist; go back if neither does."""
        if refused is not self._address:
            return True
        if refused.with_v1 is None or self._tried_v1:
            self._address = self._given_address
            return False
        self._tried_v1 = True
        self._address = refused.with_v1
        return True

    def _completion(self, body: bytes, content_type: str) -> Completion:
        """Parse a completion. One that is too long to be an answer gets the empty text, which cannot be used."""
        if len(body) >= MAX_RESPONSE_BYTES:
            return Completion("")
        try:
            return parse_completion(body, content_type)
        except (NotACompletionError, RejectedError) as error:
            error.body = error.body.without(self._secrets)
            raise

    def _failure(self, response: aiohttp.ClientResponse, content: bytes) -> CallError:
        body = ErrorBody.parse(content.decode(errors="replace")).without(self._secrets)
        location = urlsplit(response.headers.get("Location", ""))
        place = ErrorBody(location._replace(query="", fragment="", netloc=location.netloc.rpartition("@")[2]).geturl())
        wait_s = retry_after_s(response.headers.get("Retry-After"))
        return failure(response.status, body, wait_s, place.without(self._secrets).words)


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Read a body up to a limit, in bytes; the rest is dropped, since a longer answer cannot be used."""
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) >= limit:
            response.close()
            break
    return bytes(content[:limit])
