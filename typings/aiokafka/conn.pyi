from asyncio import AbstractEventLoop, Future
from collections import deque
from collections.abc import Awaitable, Callable
from enum import IntEnum
from ssl import SSLContext
from typing import Any

from .abc import AbstractTokenProvider
from .protocol.api import Request, Response

class CloseReason(IntEnum):
    CONNECTION_BROKEN = 0
    CONNECTION_TIMEOUT = 1
    OUT_OF_SYNC = 2
    IDLE_DROP = 3
    SHUTDOWN = 4
    AUTH_FAILURE = 5

class OAuthAuthenticator:
    _token_sent: bool
    def __init__(self, *, sasl_oauth_token_provider: AbstractTokenProvider) -> None: ...
    async def step(self, payload: bytes | None) -> tuple[bytes, bool] | None: ...

class AIOKafkaConnection:
    _loop: AbstractEventLoop
    _request_timeout: float
    _requests: deque[tuple[int | None, Any, Future[Any]]]
    _sasl_oauth_token_provider: AbstractTokenProvider | None
    def authenticator_oauth(self) -> OAuthAuthenticator: ...
    async def _do_sasl_handshake(self) -> None: ...
    def send(self, request: Request, expect_response: bool = True) -> Awaitable[Response]: ...
    def close(self, reason: Any = None, exc: BaseException | None = None) -> Future[None]: ...
    def connected(self) -> bool: ...

async def create_conn(
    host: str,
    port: int,
    *,
    client_id: str = "aiokafka",
    request_timeout_ms: int = 40000,
    ssl_context: SSLContext | None = None,
    security_protocol: str = "PLAINTEXT",
    max_idle_ms: int | None = None,
    on_close: Callable[[AIOKafkaConnection, Any], None] | None = None,
    sasl_mechanism: str | None = None,
    sasl_plain_username: str | None = None,
    sasl_plain_password: str | None = None,
    sasl_kerberos_service_name: str = "kafka",
    sasl_kerberos_domain_name: str | None = None,
    sasl_oauth_token_provider: AbstractTokenProvider | None = None,
) -> AIOKafkaConnection: ...
def collect_hosts(hosts: str | list[str], randomize: bool = True) -> list[tuple[str, int, int]]: ...
