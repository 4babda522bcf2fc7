"""Parses the values of settings for logins by token."""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlsplit

PROVIDERS = ("oidc", "aws", "azure", "gcp")
IMPORT_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
OURS = frozenset({"grant_type", "client_id", "client_secret", "scope", "audience"})
"""Parameters of a token request that have settings of their own, or are always the same."""

SECRET = re.compile(r"secret|password|token|assertion|key", re.IGNORECASE)
EXTENSION = re.compile(r"(?P<name>[A-Za-z]+)=(?P<value>[\x20-\x7e]+)")
"""As Kafka's brokers take them (KIP-342)."""


def provider(value: str) -> str:
    """Check where tokens come from: one of `PROVIDERS`, in any case, or an import path."""
    value = value.strip()
    if value.lower() in PROVIDERS:
        return value.lower()
    if not IMPORT_PATH.fullmatch(value):
        raise ValueError(f"{value!r} should be one of {', '.join(PROVIDERS)}, or package.module:function")
    return value


def token_url(value: str) -> str:
    """Check the address of a token endpoint. A client's secret is sent there, so it has to be encrypted."""
    value = value.strip()
    if "@" in value.partition("://")[2].partition("/")[0]:  # before the value is shown
        raise ValueError("a URL with a login in it: give it as TRIAGE_OAUTH_CLIENT_ID and TRIAGE_OAUTH_CLIENT_SECRET")
    if not re.fullmatch(r"(?i:https?)://[^\s/?#]+[^\s#]*", value) or re.search(r"[<>{}\\]", value):
        raise ValueError(f"{value!r} should be the https:// address of a token endpoint")
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"{value!r} has no host and port that could exist") from None
    if parts.scheme.lower() == "http" and not _is_this_machine(host):
        raise ValueError(f"{value!r} would send the client's secret unencrypted: give its https:// address")
    return value


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def parameters(value: str) -> str:
    """Check further parameters of a token request; see `parse_parameters`."""
    parse_parameters(value)
    return value


def parse_parameters(value: str) -> Mapping[str, str]:
    """Parse parameters of a form, such as ``resource=kafka&tenant=shop``.

    Raises:
        ValueError: they are not such parameters, one is a setting of its own, or one may be a secret.
    """
    try:
        pairs = parse_qsl(value, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        raise ValueError("parameters are name=value, several joined by &") from None
    for name, _ in pairs:
        if name in OURS:
            raise ValueError(f"the parameter {name} has a setting of its own, or is always the same: leave it out")
        if SECRET.search(name):  # the setting is shown
            raise ValueError(
                f"the parameter {name} looks like a secret, which this setting is not: use a function of your own "
                "as TRIAGE_OAUTH_PROVIDER"
            )
    return dict(pairs)


def extensions(value: str) -> str:
    """Check SASL extensions; see `parse_extensions`."""
    parse_extensions(value)
    return value


def parse_extensions(value: str) -> dict[str, str]:
    """Parse SASL extensions, such as ``logicalCluster=lkc-1,identityPoolId=pool-2``.

    Raises:
        ValueError: they are not pairs of a name in letters and a value, or one is named ``auth``, as the token is.
    """
    found = {}
    for part in filter(None, (part.strip() for part in value.split(","))):
        pair = EXTENSION.fullmatch(part)
        if pair is None or pair["name"] == "auth":
            raise ValueError("extensions are name=value with a name in letters, separated by commas")
        found[pair["name"]] = pair["value"]
    return found
