"""Tokens of the clouds, by their own libraries: each finds the identity of a pod, a machine or a user by itself.

The libraries are extras, and take up to a second to import, so each is imported where its provider is made.
"""

import os
import re
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any

import orjson

from triage_worker.config.errors import ConfigError
from triage_worker.kafka.tokens.token import Token, TokenError, new_token

MSK_HOST = re.compile(r"\.kafka(?:-serverless)?\.(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com(\.cn)?$")
GOOGLE_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def aws(bootstrap_servers: str, environ: Mapping[str, str] = os.environ) -> Callable[[], Token]:
    """Make tokens for Amazon MSK with IAM: a request that is signed by the credentials of AWS, and lasts 15 minutes.

    Raises:
        ConfigError: the extra is missing, or the region is not known.
    """
    try:
        from aws_msk_iam_sasl_signer import MSKAuthTokenProvider  # noqa: PLC0415 (an extra)
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
    except ImportError as error:
        raise _missing("aws", error) from None
    region = aws_region(bootstrap_servers, environ)

    def fetch() -> Token:
        try:
            value, ends_ms = MSKAuthTokenProvider.generate_auth_token(region)
        except (BotoCoreError, ClientError) as error:
            raise _no_identity("AWS", error) from None
        except AttributeError:  # the library does not look whether it found credentials
            raise TokenError(
                "There are no credentials of AWS: give the pod a role (IRSA or Pod Identity), or set AWS_ACCESS_KEY_ID "
                "and AWS_SECRET_ACCESS_KEY."
            ) from None
        return new_token(value, ends_ms / 1_000 - time.time(), time.time(), "AWS")

    return fetch


def aws_region(bootstrap_servers: str, environ: Mapping[str, str]) -> str:
    """Return the region of a cluster: that in its brokers' names, or else that of the environment.

    Raises:
        ConfigError: neither says it.
    """
    for server in bootstrap_servers.split(","):
        if found := MSK_HOST.search(server.rpartition(":")[0] or server):
            return found["region"]
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise ConfigError(
            "TRIAGE_OAUTH_PROVIDER=aws needs a region, and the brokers have no names of Amazon MSK: set AWS_REGION."
        )
    return region


def azure(bootstrap_servers: str, scope: str | None) -> Callable[[], Token]:
    """Make tokens of Microsoft Entra, by default for the namespace of Event Hubs that the first broker's name has.

    Raises:
        ConfigError: the extra is missing.
    """
    try:
        from azure.core.exceptions import AzureError  # noqa: PLC0415 (an extra)
        from azure.identity import DefaultAzureCredential  # noqa: PLC0415
    except ImportError as error:
        raise _missing("azure", error) from None
    host = bootstrap_servers.partition(",")[0].rpartition(":")[0] or bootstrap_servers
    scopes = scope.split() if scope else [f"https://{host}/.default"]
    credential: Any = DefaultAzureCredential()

    def fetch() -> Token:
        try:
            found = credential.get_token(*scopes)
        except AzureError as error:
            raise _no_identity("Azure", error) from None
        return new_token(found.token, found.expires_on - time.time(), time.time(), "Azure")

    return fetch


def gcp() -> Callable[[], Token]:
    """Make tokens for Google's Managed Service for Apache Kafka, of the application default credentials.

    Raises:
        ConfigError: the extra is missing, or there are no such credentials.
    """
    try:
        import google.auth  # noqa: PLC0415 (an extra)
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
        from google.auth.transport.requests import Request  # noqa: PLC0415
    except ImportError as error:
        raise _missing("gcp", error) from None
    found: list[Any] = []

    def fetch() -> Token:
        try:
            if not found:  # here, since it may ask the metadata server
                found.append(google.auth.default(scopes=[GOOGLE_SCOPE])[0])
            found[0].refresh(Request())
        except GoogleAuthError as error:
            raise _no_identity("Google Cloud", error) from None
        return _google_token(found[0], time.time())

    return fetch


def _google_token(credentials: Any, now: float) -> Token:
    """Wrap an access token as Google's brokers want it: like a JWT, with the access token in place of a signature."""
    subject = getattr(credentials, "service_account_email", None)
    if not subject:
        raise TokenError(
            "The credentials of Google Cloud are not those of a service account: give the pod one (Workload Identity), "
            "or set GOOGLE_APPLICATION_CREDENTIALS to the key file of one."
        )
    ends = credentials.expiry.replace(tzinfo=UTC).timestamp()
    claims = {"exp": ends, "iat": now, "iss": "Google", "sub": subject}
    parts = (orjson.dumps({"typ": "JWT", "alg": "GOOG_OAUTH2_TOKEN"}), orjson.dumps(claims), credentials.token.encode())
    value = ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    return new_token(value, ends - now, now, "Google Cloud")


def _missing(extra: str, error: ImportError) -> ConfigError:
    return ConfigError(
        f"TRIAGE_OAUTH_PROVIDER={extra} needs the package {error.name}, which is not installed: run "
        f"`pip install '.[{extra}]'`, or build the image with --build-arg LOGINS={extra}."
    )


def _no_identity(cloud: str, error: Exception) -> TokenError:
    said = next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(" .:")
    return TokenError(f"{cloud} gave no token ({said}): see whether the pod or this machine has an identity there.")
