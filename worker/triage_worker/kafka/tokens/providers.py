"""Chooses where tokens come from by the settings, and gives all clients of the process the same source."""

import threading
from collections.abc import Mapping

from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaConnectionError

from triage_worker.config.oauth_settings import OAuthSettings
from triage_worker.config.oauth_values import parse_extensions, parse_parameters
from triage_worker.config.settings import Settings
from triage_worker.kafka.tokens import clouds, oidc
from triage_worker.kafka.tokens.imported import ImportedProvider
from triage_worker.kafka.tokens.oidc import OidcClient
from triage_worker.kafka.tokens.source import Fetch, TokenSource
from triage_worker.kafka.tokens.token import TokenError

_sources: dict[tuple[object, ...], TokenSource] = {}
_lock = threading.Lock()


def token_source(settings: Settings) -> TokenSource:
    """Return the source of tokens of these settings: always the same one, so that one token serves all clients.

    Raises:
        ConfigError: the provider cannot be made; says what to change.
    """
    values = {name: getattr(settings, name) for name in OAuthSettings.model_fields}
    key = (settings.bootstrap_servers, *values.values())
    with _lock:
        if key not in _sources:
            _sources[key] = TokenSource(_fetch(settings))
        return _sources[key]


def login_problem() -> str | None:
    """Why this process has no valid token at present; None if it has one, or needs none."""
    with _lock:
        sources = list(_sources.values())
    return next((problem for source in sources if (problem := source.problem) is not None), None)


def _fetch(settings: Settings) -> Fetch:
    match settings.oauth_provider:
        case "oidc":
            return _oidc_client(settings).fetch
        case "aws":
            return clouds.aws(settings.bootstrap_servers)
        case "azure":
            return clouds.azure(settings.bootstrap_servers, settings.oauth_scope)
        case "gcp":
            return clouds.gcp()
        case path:
            return ImportedProvider(path).fetch


def _oidc_client(settings: Settings) -> OidcClient:
    assert settings.oauth_token_url is not None
    assert settings.oauth_client_id is not None
    assert settings.oauth_client_secret is not None
    oidc.check_cafile(settings.oauth_ssl_cafile)
    parameters = dict(parse_parameters(settings.oauth_parameters)) if settings.oauth_parameters else {}
    if settings.oauth_scope:
        parameters["scope"] = settings.oauth_scope
    if settings.oauth_audience:
        parameters["audience"] = settings.oauth_audience
    return OidcClient(
        settings.oauth_token_url,
        settings.oauth_client_id,
        settings.oauth_client_secret.get_secret_value(),
        in_form=settings.oauth_client_auth == "post",
        parameters=parameters,
        cafile=settings.oauth_ssl_cafile,
    )


class KafkaTokenProvider(AbstractTokenProvider):
    """What aiokafka asks for a token whenever it opens a connection.

    Args:
        source: has the token.
        extensions: are sent to the broker with it.
    """

    def __init__(self, source: TokenSource, extensions: Mapping[str, str]) -> None:
        self._source = source
        self._extensions = dict(extensions)

    async def token(self) -> str:
        """Return the token.

        Raises:
            KafkaConnectionError: there is none; aiokafka tries again, as if the broker was away.
        """
        try:
            return await self._source.token()
        except TokenError as error:
            raise KafkaConnectionError(str(error)) from error

    def extensions(self) -> dict[str, str]:
        """Return the SASL extensions."""
        return self._extensions

    def refused(self) -> None:
        """Take notice that a broker did not accept the token."""
        self._source.refused()


def kafka_token_provider(settings: Settings) -> KafkaTokenProvider:
    """Make what aiokafka's clients take as ``sasl_oauth_token_provider``.

    Raises:
        ConfigError: the provider cannot be made; says what to change.
    """
    extensions = parse_extensions(settings.oauth_extensions) if settings.oauth_extensions else {}
    return KafkaTokenProvider(token_source(settings), extensions)
