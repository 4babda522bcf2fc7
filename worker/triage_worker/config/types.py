"""Types of settings that validate their values, and normalise some."""

import re
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr

from triage_worker.config.http_headers import header_name, parse_headers
from triage_worker.config.topic_selection import topic_name

HOST = re.compile(r"(?P<host>[^\s,:/\[\]<>{}()$*\"'`#;|\\@?&=%+]+|\[[0-9a-fA-F:.]+(%[\w.-]+)?\])(:(?P<port>[0-9]+))?")
LARGEST_PORT = 65_535
ADDRESS = r"(?i:https?)://[^\s/?#]+[^\s?#]*"
KEY_IN_QUERY = re.compile(
    r"(api[_-]?)?key|subscription-key|code|sig(nature)?|(access_)?token|secret|password", re.IGNORECASE
)
OTHER_API = re.compile(
    r"(?<!/chat)/(completions|responses|messages|embeddings)$|/api/(chat|generate)$|/generate(_stream)?$|"
    r"(?<=/v1)/(models|chat)$"
)


def _servers(value: str) -> str:
    """Check a list of brokers, which may have blanks, line breaks and a comma at its end, and normalise it."""
    if "@" in value:  # before the value is shown
        raise ValueError("a server with a login in it: give it as TRIAGE_SASL_USERNAME and TRIAGE_SASL_PASSWORD")
    servers = [server.strip() for server in re.split(r"[,\n]", value) if server.strip()]
    for server in servers:
        if "://" in server:
            raise ValueError(f"{server!r} should be host:port: the protocol goes into TRIAGE_SECURITY_PROTOCOL")
        matched = HOST.fullmatch(server)
        if matched is None:
            raise ValueError(f"{server!r} should be host:port, several separated by commas")
        if matched["port"] is not None and not 0 < int(matched["port"]) <= LARGEST_PORT:
            raise ValueError(f"{server!r} should have a port from 1 to {LARGEST_PORT}")
        if not _could_exist(matched["host"]):
            raise ValueError(f"{server!r} has no host name that could exist")
    if not servers:
        raise ValueError(f"{value!r} should be host:port, several separated by commas")
    return ",".join(servers)


Topic = Annotated[str, AfterValidator(topic_name)]
Url = Annotated[str, AfterValidator(lambda value: _endpoint(value.strip().rstrip("/")))]
Headers = Annotated[SecretStr | None, AfterValidator(lambda value: value and _headers(value))]
HeaderName = Annotated[str, AfterValidator(lambda value: header_name(value.strip()))]
ApiKey = Annotated[SecretStr | None, AfterValidator(lambda value: value and _header(value))]
RegistryUrls = Annotated[str, AfterValidator(lambda value: ",".join(map(_registry_url, _names(value))))]
HelpdeskUrl = Annotated[str, AfterValidator(lambda value: _helpdesk_url(value.strip().rstrip("/")))]
Servers = Annotated[str, AfterValidator(_servers)]
Host = Annotated[str, AfterValidator(lambda value: _host(value.strip()))]
CommaSeparatedNames = Annotated[str, AfterValidator(lambda value: ",".join(_names(value)))]
Upper = BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value)
Lower = BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)


def _matching(value: str, pattern: str, expected: str) -> str:
    if not re.fullmatch(pattern, value):
        raise ValueError(f"{value!r} should be {expected}")
    return value


def _names(value: str) -> list[str]:
    names = [name for part in value.split(",") if (name := part.strip())]
    if not names:
        raise ValueError(f"{value!r} should be names separated by commas")
    return names


def _endpoint(value: str) -> str:
    _, _, rest = value.partition("://")
    if "@" in rest.partition("/")[0]:  # before the value is shown
        raise ValueError("a URL with a name or password in it: give the key as TRIAGE_LLM_API_KEY")
    _matching(value, ADDRESS + r"(\?[^\s#]*)?", "a URL, up to /v1")
    if re.search(r"[<>{}\\]", value):
        raise ValueError(f"{value!r} has a placeholder in it: put the name in its place")
    if not value.isprintable():
        raise ValueError(f"{value!r} has a character that cannot be seen: type it anew")
    parts = urlsplit(value)
    secret = next((name for name in parse_qs(parts.query) if KEY_IN_QUERY.fullmatch(name)), None)
    if secret is not None:  # the address stands in logs and reports
        raise ValueError(
            f"a URL with a key in it (“{secret}”): give it as TRIAGE_LLM_API_KEY, and the header that the endpoint "
            "takes it in as TRIAGE_LLM_KEY_HEADER"
        )
    if other := OTHER_API.search(parts.path.rstrip("/")):
        raise ValueError(f"the address of another API ({other[0]}): give that of chat completions, up to /v1 or whole")
    _check_host(value)
    return value


def _check_host(url: str) -> None:
    parts = urlsplit(url)
    if not _could_exist(parts.hostname or ""):
        raise ValueError(f"{url!r} has no host name that could exist")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError(f"{url!r} should have a port from 1 to {LARGEST_PORT}, or none")


def _host(value: str) -> str:
    """Check an address of this machine, and take the brackets of IPv6 away."""
    host = value.removeprefix("[").removesuffix("]")
    if not _could_exist(f"[{host}]" if ":" in host else host) or re.search(r"[\s/]", host):
        raise ValueError(f"{value!r} should be an address of this machine, without a port")
    return host


def _could_exist(host: str) -> bool:
    """Whether a host can be looked up at all; the look-up itself raises an error that nobody expects."""
    try:
        if host.startswith("["):
            ip_address(host.strip("[]"))
        else:
            host.encode("idna")
    except ValueError:  # of which UnicodeError is one
        return False
    return True


def _helpdesk_url(value: str) -> str:
    _matching(value, ADDRESS, "https:// and a name")
    _check_host(value)
    return value


def _registry_url(value: str) -> str:
    _, _, rest = value.partition("://")
    if "@" in rest.partition("/")[0]:  # before the value is shown
        raise ValueError("a URL with a login in it: give it as TRIAGE_SCHEMA_REGISTRY_USERNAME and _PASSWORD")
    return _helpdesk_url(value.rstrip("/"))


def check_origins(value: str) -> str:
    """Check origins of pages, separated by commas, or ``*`` for all pages."""
    for origin in value.split(","):
        if origin != "*":
            _matching(origin, r"https?://[^/?#\s@]+", "an origin, such as https://shop.example, or *")
    return value


def _headers(secret: SecretStr) -> SecretStr:
    parse_headers(secret.get_secret_value())
    return secret


def _header(secret: SecretStr) -> SecretStr:
    """Strip a key, which often ends with the line break of its file; it must fit into a header."""
    value = secret.get_secret_value().strip()
    if not value or not value.isprintable():
        raise ValueError("a key is one line of printable characters")
    return SecretStr(value)
