"""Values of the console's settings: roles, and addresses."""

import re
from typing import Literal, get_args
from urllib.parse import urlsplit

Role = Literal["reader", "reviewer", "lead", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""The roles; each may do what those before it may."""


def role_mapping(value: str) -> str:
    """Check pairs such as ``support=reviewer``, separated by commas, and normalise them."""
    return ",".join(f"{name}={role}" for name, role in parse_roles(value).items())


def parse_roles(value: str) -> dict[str, Role]:
    """Return the role of each value of the claim.

    Raises:
        ValueError: a pair is not valid.
    """
    roles: dict[str, Role] = {}
    for pair in value.split(","):
        name, _, role = pair.strip().rpartition("=")
        if not pair.strip():
            continue
        if not name or role not in ROLES:
            raise ValueError(
                f"{pair.strip()!r} should be a value and a role ({', '.join(ROLES)}), such as support=lead"
            )
        roles[name.strip()] = role
    if not roles:
        raise ValueError(f"{value!r} should be values and roles, such as support=reviewer,leads=lead")
    return roles


def public_url(value: str) -> str:
    """Check the address of the console: scheme and host, without a path."""
    address = value.strip().rstrip("/")
    if not re.fullmatch(r"https?://[^/?#\s@]+", address):
        raise ValueError(f"{value!r} should be an address without a path, such as https://triage.example.com")
    return address


def metrics_urls(value: str) -> str:
    """Check addresses of metrics, separated by commas; the path /metrics is added where there is none."""
    urls = []
    for given in filter(None, (part.strip() for part in value.split(","))):
        parts = urlsplit(given)
        if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
            raise ValueError("an address of metrics should be like http://triage-worker:8080/metrics, without a login")
        urls.append(given if parts.path.strip("/") else f"{given.rstrip('/')}/metrics")
    if not urls:
        raise ValueError(f"{value!r} should be addresses such as http://triage-worker:8080/metrics")
    return ",".join(urls)
