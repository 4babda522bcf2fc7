"""A small OpenID Connect issuer on this machine: real HTTP, RSA keys that rotate, and it can be away."""

import json
import threading
import time
import uuid
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from triage_worker.kafka.tokens import providers

SECRET = "hush-client-7f3a"
SCOPES = frozenset({"kafka"})


@dataclass(frozen=True)
class Asked:
    """A request for a token: its form, and the header with the login, if there was one."""

    form: dict[str, str]
    authorization: str | None


class Issuer:
    """Gives signed tokens to the client ``triage``, and its public keys to everybody.

    Args:
        lifetime_s: how long its tokens last.

    Attributes:
        asked: the requests for tokens so far.
        answer: if set, answers these requests in place of the issuer: status, headers and body.
    """

    def __init__(self, lifetime_s: float = 300) -> None:
        self.lifetime_s = lifetime_s
        self.clients = {"triage": SECRET, "stranger": SECRET}
        self.audience = "kafka"
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], tuple[int, dict[str, str], bytes]] | None = None
        self._keys = [_Key()]
        self._server: ThreadingHTTPServer | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """The issuer's address, which is also the claim ``iss``."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def token_url(self) -> str:
        """The token endpoint."""
        return f"{self.url}/token"

    @property
    def keys_url(self) -> str:
        """Where the public keys are."""
        return f"{self.url}/keys"

    def start(self) -> None:
        """Listen, on the same port as before."""
        self._server = _Server(("127.0.0.1", self._port), partial(_Handler, self))
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Refuse connections."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @contextmanager
    def away(self) -> Iterator[None]:
        """Refuse connections within the context."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def rotate(self, *, keep: bool = False) -> None:
        """Sign by a new key from now on; tokens of the old one are worthless unless it is kept."""
        self._keys = [_Key(), *(self._keys[:1] if keep else [])]

    def keys(self) -> dict[str, Any]:
        """The public keys, as a JSON Web Key Set."""
        return {"keys": [key.public() for key in self._keys]}

    def token(self, client: str = "triage", **claims: object) -> str:
        """Make a token."""
        now = int(time.time())
        usual = {"iss": self.url, "sub": client, "aud": self.audience, "iat": now, "exp": now + int(self.lifetime_s)}
        return self._keys[0].sign({**usual, "jti": uuid.uuid4().hex, "scope": "kafka", **claims})

    def give(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        """Answer a request for a token."""
        self.asked.append(asked)
        if self.answer is not None:
            return self.answer(asked)
        client, secret = self._login(asked)
        if self.clients.get(client) != secret:
            return failure(401, "invalid_client", "Invalid client or\nInvalid client credentials")
        if asked.form.get("grant_type") != "client_credentials":
            return failure(400, "unsupported_grant_type", "")
        unknown = set(asked.form.get("scope", "").split()) - SCOPES
        if unknown:
            return failure(400, "invalid_scope", f"Invalid scopes: {' '.join(unknown)}")
        return given(self.token(client), self.lifetime_s)

    def _login(self, asked: Asked) -> tuple[str, str]:
        if asked.authorization is None:
            return asked.form.get("client_id", ""), asked.form.get("client_secret", "")
        client, _, secret = b64decode(asked.authorization.removeprefix("Basic ")).decode().partition(":")
        return unquote_plus(client), unquote_plus(secret)


def given(token: str, lifetime_s: float | None) -> tuple[int, dict[str, str], bytes]:
    """The answer with a token."""
    lasts = {} if lifetime_s is None else {"expires_in": lifetime_s}
    return 200, {}, json.dumps({"access_token": token, "token_type": "Bearer", **lasts}).encode()


def failure(
    status: int, code: str, description: str, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """The answer with an error."""
    return status, headers or {}, json.dumps({"error": code, "error_description": description}).encode()


@contextmanager
def running_issuer(lifetime_s: float = 300) -> Iterator[Issuer]:
    """Run an issuer within the context."""
    issuer = Issuer(lifetime_s)
    issuer.start()
    try:
        yield issuer
    finally:
        issuer.stop()


def forget_sources() -> None:
    """End all sources of tokens of this process, so that none asks an issuer that is gone for ever."""
    for source in providers._sources.values():
        source.close()
    providers._sources.clear()


class _Key:
    def __init__(self) -> None:
        self._private = rsa.generate_private_key(65_537, 2_048)
        self._id = uuid.uuid4().hex

    def public(self) -> dict[str, str]:
        numbers = self._private.public_key().public_numbers()
        usual = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self._id}
        return {**usual, "n": _base64(_bytes(numbers.n)), "e": _base64(_bytes(numbers.e))}

    def sign(self, claims: dict[str, Any]) -> str:
        head = {"typ": "JWT", "alg": "RS256", "kid": self._id}
        text = ".".join(_base64(json.dumps(part).encode()) for part in (head, claims))
        return f"{text}.{_base64(self._private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, issuer: Issuer, *arguments: Any) -> None:
        self._issuer = issuer
        super().__init__(*arguments)

    def do_GET(self) -> None:
        if self.path == "/keys":
            self._send(200, {}, json.dumps(self._issuer.keys()).encode())
        else:
            self._send(404, {}, b"<html>not found</html>")

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path != "/token":
            self._send(404, {}, b"<html>not found</html>")
            return
        form = {name: values[0] for name, values in parse_qs(content, keep_blank_values=True).items()}
        self._send(*self._issuer.give(Asked(form, self.headers.get("Authorization"))))

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Log nothing."""
