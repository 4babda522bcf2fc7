"""Turns settings into the connection arguments of Kafka clients, and explains why a connection fails."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.kafka.client_compat import probe
from triage_worker.kafka.client_compat.patches import apply_patches
from triage_worker.kafka.tokens.providers import kafka_token_provider, token_source
from triage_worker.kafka.tokens.token import TokenError

CONNECT_TIMEOUT_S = 10.0

TOKEN_ATTEMPTS = 4
"""How often a login by token is tried: a broker refuses the first token that is signed by a new key of the issuer, and
looks the key up then."""

TOKEN_PAUSE_S = 1.0

_OTHER_HOST = "address the broker by the name in its certificate, or set TRIAGE_SSL_CHECK_HOSTNAME=false"
CERTIFICATES = {
    9: "see whether this machine's clock is right",
    10: "have it renewed, or see whether this machine's clock is right",
    62: _OTHER_HOST,
    64: _OTHER_HOST,
}
"""What to do by OpenSSL's code: not valid yet, expired, another host name, another IP address."""


class UnansweredError(ConfigError):
    """A broker accepts connections and gives no valid answer: the protocol is wrong, or it hangs."""


class UnreachableError(ConfigError):
    """A broker accepts no connections."""


class RefusedError(ConfigError):
    """A broker refuses the login, or its certificate is not trusted: it works, and waits for a person."""


TELLING = (UnreachableError, UnansweredError, ConfigError, RefusedError)
"""The causes by how much they tell: a refusal by one broker wins over the silence of others."""


def connection_arguments(settings: Settings) -> dict[str, Any]:
    """Return the arguments that all aiokafka clients take: servers, security protocol, SASL and SSL context.

    Raises:
        ConfigError: a certificate or key cannot be read, or a provider of tokens cannot be made.
    """
    arguments: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers,
        "security_protocol": settings.security_protocol,
    }
    if settings.logs_in_by_token:
        provider = kafka_token_provider(settings)
        arguments |= {"sasl_mechanism": settings.sasl_mechanism, "sasl_oauth_token_provider": provider}
    elif settings.security_protocol.startswith("SASL_"):
        password = settings.sasl_password
        arguments |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.sasl_username,
            "sasl_plain_password": password.get_secret_value() if password else None,
        }
    if settings.security_protocol.endswith("SSL"):
        arguments["ssl_context"] = _ssl_context(settings)
    return arguments


async def check_connection(settings: Settings) -> None:
    """Log in to one of the brokers, to distinguish a wrong setting from a broker that is down.

    Raises:
        ConfigError: no broker could be reached and logged in to; says what to change. Of several causes, it has the one
            that a person can act on, see `TELLING`.
    """
    attempt = await _attempt(settings)
    problems = []
    for host, port in probe.addresses(settings.bootstrap_servers):
        problem = await attempt(host, port)
        if problem is None:
            return
        problems.append(problem)
    raise _most_telling(problems)


async def check_each(settings: Settings) -> None:
    """Log in to all brokers of the settings at once, where something is wrong already.

    Raises:
        RefusedError: one of them refuses, also if others answer: it may be the one that is needed.
        ConfigError: none of them could be reached and logged in to; says what to change.
    """
    attempt = await _attempt(settings)
    servers = probe.addresses(settings.bootstrap_servers)
    found = await asyncio.gather(*(attempt(host, port) for host, port in servers))
    problems = [problem for problem in found if problem is not None]
    refused = any(isinstance(problem, RefusedError) for problem in problems)
    if refused or len(problems) == len(servers):
        raise _most_telling(problems)


async def _attempt(settings: Settings) -> Callable[[str, int], Awaitable[ConfigError | None]]:
    """Return what logs in to a broker and says what is wrong, or None."""
    apply_patches()  # without them, a refused token looks like a broker that is away
    arguments = connection_arguments(settings)
    del arguments["bootstrap_servers"]
    if settings.logs_in_by_token:
        await _require_token(settings)

    async def attempt(host: str, port: int) -> ConfigError | None:
        try:
            await _log_in(host, port, arguments, attempts=TOKEN_ATTEMPTS if settings.logs_in_by_token else 1)
        except (OSError, KafkaError, TimeoutError) as error:
            silent = isinstance(error, TimeoutError | ConnectionError) and await _listens(host, port)
            return _explain(KafkaError("no valid answer") if silent else error, f"{host}:{port}", settings)
        return None

    return attempt


def _most_telling(problems: list[ConfigError]) -> ConfigError:
    return max(problems, key=lambda problem: TELLING.index(type(problem)))


async def _require_token(settings: Settings) -> None:
    """Get the first token, so that an issuer that gives none is not taken for a broker that is away."""
    try:
        await token_source(settings).token()
    except TokenError as error:
        raise ConfigError(str(error)) from error


async def _log_in(host: str, port: int, arguments: dict[str, Any], *, attempts: int) -> None:
    for attempt in range(1, attempts + 1):
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await probe.log_in(host, port, timeout_ms=int(CONNECT_TIMEOUT_S * 1000), **arguments)
                return
        except SaslAuthenticationFailed:
            if attempt == attempts:
                raise
            await asyncio.sleep(TOKEN_PAUSE_S)


async def _listens(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(1.0):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def _ssl_context(settings: Settings) -> ssl.SSLContext:
    for name in ("ssl_cafile", "ssl_certfile", "ssl_keyfile"):
        path = getattr(settings, name)
        if path is not None and not path.is_file():
            raise ConfigError(f"TRIAGE_{name.upper()}={path} is not a file: give the path of a PEM file.")
    try:
        context = ssl.create_default_context(cafile=settings.ssl_cafile)
        context.check_hostname = settings.ssl_check_hostname
        if settings.ssl_certfile is not None:
            # An empty password, where none is set, keeps OpenSSL from asking for one on the terminal.
            password = settings.ssl_password.get_secret_value() if settings.ssl_password else ""
            context.load_cert_chain(settings.ssl_certfile, settings.ssl_keyfile, password)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"The TLS files cannot be loaded ({error}): check TRIAGE_SSL_CAFILE, TRIAGE_SSL_CERTFILE, "
            f"TRIAGE_SSL_KEYFILE and TRIAGE_SSL_PASSWORD."
        ) from error
    return context


def _explain(error: Exception, broker: str, settings: Settings) -> ConfigError:
    if isinstance(error, SaslAuthenticationFailed | AuthenticationFailedError):
        return _explain_refusal(broker, settings)
    if isinstance(error, UnsupportedSaslMechanismError):
        return RefusedError(
            f"The broker {broker} does not offer {settings.sasl_mechanism}: set TRIAGE_SASL_MECHANISM to one it does."
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        what = CERTIFICATES.get(error.verify_code, "set TRIAGE_SSL_CAFILE to the authority that signed it")
        return RefusedError(f"The certificate of the broker {broker} is not trusted ({error.verify_message}): {what}.")
    if isinstance(error, KafkaConnectionError) and settings.security_protocol == "SSL":
        # With TLS, a missing or refused client certificate shows only after the handshake.
        return ConfigError(
            f"The broker {broker} accepts TLS, then disconnects: if it requires a client certificate, set "
            f"TRIAGE_SSL_CERTFILE and TRIAGE_SSL_KEYFILE to one of an authority that it trusts, which has not "
            f"expired; if it requires a login, set TRIAGE_SECURITY_PROTOCOL=SASL_SSL."
        )
    if isinstance(error, ssl.SSLError | KafkaError):
        # An error of TLS, such as a refused certificate in TLS 1.2, is an answer.
        kind = ConfigError if isinstance(error, ssl.SSLError) else UnansweredError
        return kind(
            f"{broker} is up, but does not answer to TRIAGE_SECURITY_PROTOCOL={settings.security_protocol} "
            f"({_cause(error)}): set it to the protocol of that listener."
        )
    return UnreachableError(
        f"No broker answers at {broker} ({_cause(error)}): start it, or set TRIAGE_BOOTSTRAP_SERVERS to where it is."
    )


def _explain_refusal(broker: str, settings: Settings) -> RefusedError:
    if not settings.logs_in_by_token:
        return RefusedError(
            f"The broker {broker} refused the login of {settings.sasl_username} by {settings.sasl_mechanism}: check "
            f"TRIAGE_SASL_USERNAME, TRIAGE_SASL_PASSWORD and TRIAGE_SASL_MECHANISM."
        )
    whose = f" of the client {settings.oauth_client_id}" if settings.oauth_client_id else ""
    return RefusedError(
        f"The broker {broker} refused the token{whose}: see in its log whether it trusts the issuer, and whether it "
        f"expects another audience, scope or extension (TRIAGE_OAUTH_AUDIENCE, _SCOPE, _EXTENSIONS)."
    )


def _cause(error: Exception) -> str:
    return (
        "timed out"
        if isinstance(error, TimeoutError)
        else getattr(error, "strerror", None) or str(error) or type(error).__name__
    )
