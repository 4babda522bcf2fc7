"""Signing in at an issuer: a real authorization code flow with PKCE, against an issuer that runs here."""

import asyncio
import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import SecretStr
from starlette.requests import Request
from triage_worker.config.settings import Settings
from triage_worker.console.signing_in.oidc import COOKIE, Issuer, SignInError

KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"}, auto_kid=False)
CLIENT = "console"


@dataclass
class FakeIssuer:
    """An issuer, with what it says about the person."""

    claims: dict[str, Any] = field(default_factory=lambda: {"email": "anna@shop.example", "groups": ["support"]})
    url: str = ""
    challenges: dict[str, tuple[str, str]] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: KEY)
    audience: str = CLIENT

    def authorize(self, address: str) -> str:
        """What a browser does at the issuer; returns the address that it is sent back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["code_challenge_method"] == "S256"
        self.challenges["the-code"] = asked["code_challenge"], asked["nonce"]
        return f"{asked['redirect_uri']}?code=the-code&state={asked['state']}"

    def token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Answer the token endpoint."""
        challenge, nonce = self.challenges.pop(form["code"], ("", ""))
        proof = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if proof != challenge:
            return 400, {"error": "invalid_grant"}
        now = int(time())
        known = {"iss": self.url, "aud": self.audience, "sub": "1", "exp": now + 60, "iat": now, "nonce": nonce}
        token = jwt.encode({"alg": "RS256", "kid": "one"}, known | self.claims, self.key)
        return 200, {"access_token": "a", "token_type": "Bearer", "id_token": token}


@pytest.fixture
def issuer() -> Iterator[FakeIssuer]:
    fake = FakeIssuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            documents: dict[str, dict[str, Any]] = {
                "/.well-known/openid-configuration": {
                    "issuer": fake.url,
                    "authorization_endpoint": f"{fake.url}/authorize",
                    "token_endpoint": f"{fake.url}/token",
                    "jwks_uri": f"{fake.url}/keys",
                    "id_token_signing_alg_values_supported": ["RS256"],
                },
                "/keys": {"keys": [KEY.as_dict(private=False)]},
            }
            self._answer(200, documents[self.path])

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            self._answer(*fake.token({name: values[0] for name, values in parse_qs(body).items()}))

        def _answer(self, status: int, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield fake
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def at(issuer: FakeIssuer) -> Issuer:
    return Issuer(
        Settings(
            console_oidc_issuer=issuer.url,
            console_oidc_client_id=CLIENT,
            console_oidc_client_secret=SecretStr("s"),
            console_oidc_roles="support=reviewer,leads=lead",
            console_url="https://triage.example.com",
        )
    )


def request(path: str, query: str = "", cookie: str = "") -> Request:
    headers = [(b"host", b"triage.example.com"), (b"cookie", f"{COOKIE}={cookie}".encode())]
    where = {"path": path, "query_string": query.encode(), "headers": headers}
    return Request({"type": "http", "method": "GET", "scheme": "https", "server": ("triage.example.com", 443), **where})


async def sign_in(at: Issuer, issuer: FakeIssuer) -> Any:
    begun = await at.start(request("/sign-in/issuer"))
    cookie = begun.headers["set-cookie"].split("=", 1)[1].split(";", 1)[0]
    assert "HttpOnly" in begun.headers["set-cookie"]
    assert "Secure" in begun.headers["set-cookie"]
    back = await asyncio.to_thread(issuer.authorize, begun.headers["location"])
    assert back.startswith("https://triage.example.com/sign-in/issuer/callback?")
    return await at.finish(request("/sign-in/issuer/callback", urlsplit(back).query, cookie))


@pytest.mark.parametrize(
    ("groups", "role"), [(["support"], "reviewer"), (["x", "support", "leads"], "lead"), ("leads", "lead")]
)
async def test_the_claim_decides_the_role(at: Issuer, issuer: FakeIssuer, groups: object, role: str) -> None:
    issuer.claims["groups"] = groups
    person = await sign_in(at, issuer)
    assert (person.name, person.role, person.by) == ("anna@shop.example", role, "issuer")


@pytest.mark.parametrize("claims", [{}, {"groups": ["sales"]}, {"groups": [["leads"]]}, {"groups": None}])
async def test_who_has_no_role_is_not_let_in(at: Issuer, issuer: FakeIssuer, claims: dict[str, object]) -> None:
    issuer.claims = {"email": "anna@shop.example", **claims}
    with pytest.raises(SignInError, match="no role"):
        await sign_in(at, issuer)


async def test_an_address_that_is_not_confirmed_is_no_name(at: Issuer, issuer: FakeIssuer) -> None:
    issuer.claims["email_verified"] = False
    with pytest.raises(SignInError, match="not confirmed"):
        await sign_in(at, issuer)


@pytest.mark.parametrize("forged", ["key", "audience", "nonce", "issuer", "expired"])
async def test_a_forged_token_signs_nobody_in(at: Issuer, issuer: FakeIssuer, forged: str) -> None:
    match forged:
        case "key":
            issuer.key = RSAKey.generate_key(2048, {"kid": "one"}, auto_kid=False)
        case "audience":
            issuer.audience = "another client"
        case "nonce":
            issuer.claims["nonce"] = "another"
        case "issuer":
            issuer.claims["iss"] = "https://another.example"
        case _:
            issuer.claims["exp"] = int(time()) - 3_600
    with pytest.raises(SignInError, match="did not sign you in"):
        await sign_in(at, issuer)


async def test_an_answer_belongs_to_the_browser_that_began(at: Issuer, issuer: FakeIssuer) -> None:
    begun = await at.start(request("/sign-in/issuer"))
    back = await asyncio.to_thread(issuer.authorize, begun.headers["location"])
    for cookie in ("", "guessed"):
        with pytest.raises(SignInError, match="another browser"):
            await at.finish(request("/sign-in/issuer/callback", urlsplit(back).query, cookie))


async def test_an_answer_counts_once(at: Issuer, issuer: FakeIssuer) -> None:
    begun = await at.start(request("/sign-in/issuer"))
    cookie = begun.headers["set-cookie"].split("=", 1)[1].split(";", 1)[0]
    query = urlsplit(await asyncio.to_thread(issuer.authorize, begun.headers["location"])).query
    await at.finish(request("/sign-in/issuer/callback", query, cookie))
    with pytest.raises(SignInError, match="another browser"):
        await at.finish(request("/sign-in/issuer/callback", query, cookie))


async def test_a_state_of_another_attempt_is_refused(at: Issuer, issuer: FakeIssuer) -> None:
    begun = await at.start(request("/sign-in/issuer"))
    cookie = begun.headers["set-cookie"].split("=", 1)[1].split(";", 1)[0]
    await asyncio.to_thread(issuer.authorize, begun.headers["location"])
    with pytest.raises(SignInError, match="did not sign you in"):
        await at.finish(request("/sign-in/issuer/callback", "code=the-code&state=another", cookie))


async def test_an_issuer_that_does_not_answer_is_said() -> None:
    at = Issuer(
        Settings(
            console_oidc_issuer="http://127.0.0.1:9",
            console_oidc_client_id=CLIENT,
            console_oidc_roles="support=reviewer",
            console_url="https://triage.example.com",
        )
    )
    with pytest.raises(SignInError, match="does not answer"):
        await at.start(request("/sign-in/issuer"))
