"""A broker with a listener that takes tokens of a local issuer, and one that takes passwords; both end sessions."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kafka import broker
from tests.token_issuer import SECRET, Issuer, running_issuer

LISTENER = "TOKEN"
PASSWORDS = "PASSWORD"
PASSWORD = "hush-password-7f3a"
PASSWORD_SESSION_MS = 2_000
LONGEST_SESSION_MS = 3_600_000
"""A session ends after this time or with its token, whichever is first; the broker then closes the connection at the
next request."""

PACKAGE = "org.apache.kafka.common.security.oauthbearer"


@dataclass(frozen=True)
class TokenBroker:
    """A running broker and its issuer.

    Attributes:
        node: the broker.
        issuer: whose tokens it takes.
    """

    node: broker.Broker
    issuer: Issuer

    @property
    def bootstrap(self) -> str:
        """The address of the open listener."""
        return self.node.bootstrap

    @property
    def password_port(self) -> int:
        """The port of the listener that takes the password of the user ``triage``."""
        return self.node.listeners[PASSWORDS][0]

    def login(self, **more: str) -> dict[str, Any]:
        """Return the settings of a client that logs in by token, by their names in lower case."""
        return {
            "bootstrap_servers": f"127.0.0.1:{self.node.listeners[LISTENER][0]}",
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "OAUTHBEARER",
            "oauth_token_url": self.issuer.token_url,
            "oauth_client_id": "triage",
            "oauth_client_secret": SECRET,
            "oauth_scope": "kafka",
            **more,
        }


@contextmanager
def running(folder: Path) -> Iterator[TokenBroker]:
    """Run a broker and its issuer within the context."""
    with running_issuer() as issuer:
        listeners = dict.fromkeys((LISTENER, PASSWORDS), "SASL_PLAINTEXT")
        (node,) = broker.cluster(folder, listeners=listeners, settings=_settings(issuer), scram={"triage": PASSWORD})
        node.start(f"-D{'org.apache.kafka.sasl.oauthbearer.allowed.urls'}={issuer.keys_url}")
        try:
            node.wait()
            yield TokenBroker(node, issuer)
        finally:
            node.stop()


def _settings(issuer: Issuer) -> dict[str, str]:
    mechanism = f"listener.name.{LISTENER.lower()}.oauthbearer"
    scram = f"listener.name.{PASSWORDS.lower()}.scram-sha-512"
    return {
        f"listener.name.{LISTENER.lower()}.sasl.enabled.mechanisms": "OAUTHBEARER",
        f"{mechanism}.sasl.jaas.config": f"{PACKAGE}.OAuthBearerLoginModule required;",
        f"{mechanism}.sasl.server.callback.handler.class": f"{PACKAGE}.OAuthBearerValidatorCallbackHandler",
        f"{mechanism}.connections.max.reauth.ms": str(LONGEST_SESSION_MS),
        f"listener.name.{PASSWORDS.lower()}.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        f"{scram}.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
        f"{scram}.connections.max.reauth.ms": str(PASSWORD_SESSION_MS),
        "sasl.oauthbearer.jwks.endpoint.url": issuer.keys_url,
        "sasl.oauthbearer.expected.issuer": issuer.url,
        "sasl.oauthbearer.expected.audience": "kafka",
    }
