"""Asks a schema registry for schemas, by Confluent's API or by Apicurio's own."""

import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson
from triage_schemas.input.registry.frames import SchemaId
from triage_schemas.input.registry.schema import SchemaText, SchemaType, UnusableSchema

from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.kafka.registry_answers import Answer, is_usable
from triage_worker.kafka.tokens.providers import token_source
from triage_worker.kafka.tokens.token import TokenError

TIMEOUT = aiohttp.ClientTimeout(total=5.0)
LARGEST_ID = 2**31 - 1
"""Of Confluent's API, which answers to a larger one as to a wrong address."""

APICURIO = "/apis/registry/"
CONFLUENT_OF_APICURIO = "/apis/ccompat/v7"
AVRO_TYPES = {"record", "error", "enum", "map", "fixed", "bytes", "int", "long", "float", "double"}


class RegistryDownError(Exception):
    """The registry gives no usable answer at present; says why."""


class UnknownSchemaError(Exception):
    """The registry does not know what it is asked for."""


class RegistryClient:
    """Asks one registry.

    Args:
        session: sends the login with each request.
        urls: of the registry's nodes; the next one is asked where one gives no answer. Apicurio's end with
            ``/apis/registry/v3`` (or v2) or with ``/apis/ccompat/v7``.
        id_kind: what an id in front of a value is, for Apicurio: "auto", "content" or "global".
        token: gets the token that is sent with a request; None if the session sends the login.

    Attributes:
        is_apicurio: whether Apicurio's own API is asked for schemas.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        urls: Sequence[str],
        id_kind: str = "auto",
        token: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        self._session = session
        self._urls = list(urls)
        self._id_kind = id_kind
        self._token = token
        self.is_apicurio = APICURIO in urls[0]

    async def schema(self, schema_id: SchemaId) -> SchemaText | UnusableSchema:
        """Fetch a schema with all that it refers to.

        Raises:
            RegistryDownError: there was no usable answer.
        """
        references: dict[str, str] = {}
        try:
            if schema_id.kind in {"content", "global"} or (self.is_apicurio and schema_id.kind != "guid"):
                return await self._apicurio_schema(schema_id, references)
            return await self._confluent_schema(schema_id, references)
        except UnknownSchemaError as error:
            return UnusableSchema("unknown_schema", f"the registry does not know the schema {schema_id}: {error}")

    async def _confluent_schema(self, schema_id: SchemaId, references: dict[str, str]) -> SchemaText:
        if schema_id.kind == "guid":
            found = await self._get(f"/schemas/guids/{schema_id.value}")
        elif int(schema_id.value) > LARGEST_ID:
            raise UnknownSchemaError("no schema has such a large id")
        else:
            found = await self._get(f"/schemas/ids/{schema_id.value}")
        await self._collect(found, references)
        return SchemaText(_type(found), found["schema"], references)

    async def _collect(self, schema: Mapping[str, Any], references: dict[str, str]) -> None:
        """Add what a schema refers to, with what that refers to before it."""
        for reference in schema.get("references") or ():
            if reference["name"] not in references:
                subject, version = quote(reference["subject"], safe=""), reference["version"]
                found = await self._get(f"/subjects/{subject}/versions/{version}?deleted=true")
                await self._collect(found, references)
                references[reference["name"]] = found["schema"]

    async def _apicurio_schema(self, schema_id: SchemaId, references: dict[str, str]) -> SchemaText:
        kind = {"short": "content", "long": "global"}.get(schema_id.kind, schema_id.kind)
        if self._id_kind != "auto" and schema_id.kind in {"short", "long"}:
            kind = self._id_kind
        path = f"/ids/{kind}Ids/{schema_id.value}"
        text = await self._get_text(path, apicurio=True)
        await self._collect_apicurio(f"{path}/references", references)
        return SchemaText(_guessed_type(text), text, references)

    async def _collect_apicurio(self, path: str, references: dict[str, str]) -> None:
        for reference in _json(await self._get_text(path, apicurio=True)):
            if reference["name"] not in references:
                names = (reference.get("groupId") or "default", reference["artifactId"], reference["version"])
                group, artifact, version = (quote(name, safe="") for name in names)
                place = f"/groups/{group}/artifacts/{artifact}/versions/{version}"
                await self._collect_apicurio(f"{place}/references", references)
                is_v2 = f"{APICURIO}v2" in self._urls[0]
                references[reference["name"]] = await self._get_text(
                    place if is_v2 else f"{place}/content", apicurio=True
                )

    async def _get(self, path: str) -> dict[str, Any]:
        found = _json(await self._get_text(path))
        if not isinstance(found, dict) or not isinstance(found.get("schema"), str):
            raise RegistryDownError("it answers, but not with a schema: check TRIAGE_SCHEMA_REGISTRY_URL")
        return found

    async def _get_text(self, path: str, *, apicurio: bool = False) -> str:
        answer = await self._send("GET", path, None, apicurio=apicurio, accept=self._is_schema)
        if answer.status == 404:
            raise UnknownSchemaError("it answers 404")
        return answer.content.decode(errors="replace")

    async def send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """Send a request of Confluent's API; Apicurio has it, too.

        Raises:
            RegistryDownError: no node gave a usable answer.
        """
        return await self._send(method, path, body, apicurio=False, accept=is_usable)

    async def apicurio_id(self, subject: str, version: int) -> int:
        """Return the id by which values name a version, of a registry that `is_apicurio`.

        Raises:
            RegistryDownError: there was no usable answer.
        """
        is_v2 = f"{APICURIO}v2" in self._urls[0]
        path = f"/groups/default/artifacts/{quote(subject, safe='')}/versions/{version}{'/meta' if is_v2 else ''}"
        try:
            found = _json(await self._get_text(path, apicurio=True))
        except UnknownSchemaError:  # registered a moment ago: another node does not know it yet
            raise RegistryDownError(f"it does not have version {version} of {subject} yet") from None
        return int(found["globalId" if self._id_kind == "global" else "contentId"])

    async def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        *,
        apicurio: bool,
        accept: Callable[[Answer], str | None],
    ) -> Answer:
        """Ask the nodes in turn; the first that answers is asked first from then on."""
        problems = []
        root = _apicurio_root if apicurio else _confluent_root
        for url in list(self._urls):
            try:
                answer = await self._ask(method, root(url) + path, body)
                problem = accept(answer)
            except RegistryDownError as error:
                problem = str(error)
            if problem is None:
                self._urls.remove(url)
                self._urls.insert(0, url)
                return answer
            problems.append(f"{url}: {problem}")
        raise RegistryDownError("; ".join(problems))

    async def _ask(self, method: str, url: str, body: Mapping[str, Any] | None) -> Answer:
        headers = await self._login()
        try:
            async with self._session.request(
                method, url, json=body, headers=headers, timeout=TIMEOUT, allow_redirects=False
            ) as response:
                return Answer(response.status, await response.read())
        except TimeoutError:
            raise RegistryDownError("no answer in time") from None
        except (aiohttp.ClientError, OSError) as error:
            raise RegistryDownError(str(error) or type(error).__name__) from error

    def _is_schema(self, answer: Answer) -> str | None:
        """Why an answer is none; None if it has what was asked for, or says that there is no such thing."""
        if answer.status == 200 or (answer.status == 404 and answer.names_what_is_missing):
            return None
        if answer.status in {401, 403} and self._token is not None:
            return f"it refuses the token ({answer.status}): see whether it trusts the issuer of TRIAGE_OAUTH_TOKEN_URL"
        if answer.status in {401, 403}:
            checked = "TRIAGE_SCHEMA_REGISTRY_USERNAME and _PASSWORD, or _TOKEN"
            return f"it refuses the login ({answer.status}): check {checked}"
        return f"it answers {answer.status}"

    async def _login(self) -> dict[str, str]:
        if self._token is None:
            return {}
        try:
            return {"Authorization": f"Bearer {await self._token()}"}
        except TokenError as error:
            raise RegistryDownError(str(error).rstrip(".")) from error


@asynccontextmanager
async def open_client(settings: Settings) -> AsyncIterator[RegistryClient]:
    """Open the client of the registry in the settings, which has an address.

    Raises:
        ConfigError: a file for TLS cannot be loaded.
    """
    assert settings.schema_registry_url is not None
    headers = {"Accept": "application/vnd.schemaregistry.v1+json, application/json, */*"}
    if settings.schema_registry_token is not None:
        headers["Authorization"] = f"Bearer {settings.schema_registry_token.get_secret_value().strip()}"
    elif settings.schema_registry_username is not None and settings.schema_registry_password is not None:
        password = settings.schema_registry_password.get_secret_value()
        login = b64encode(f"{settings.schema_registry_username}:{password}".encode()).decode()
        headers["Authorization"] = f"Basic {login}"
    connector = aiohttp.TCPConnector(ssl=_ssl_context(settings))
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        token = token_source(settings).token if settings.schema_registry_oauth else None
        yield RegistryClient(session, settings.schema_registry_url.split(","), settings.schema_registry_id, token)


def _ssl_context(settings: Settings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.schema_registry_ssl_cafile)
        if settings.schema_registry_ssl_certfile is not None:
            # An empty password keeps OpenSSL from asking for one on the terminal.
            context.load_cert_chain(
                settings.schema_registry_ssl_certfile, settings.schema_registry_ssl_keyfile, password=""
            )
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"The TLS files of the schema registry cannot be loaded ({error}): check "
            f"TRIAGE_SCHEMA_REGISTRY_SSL_CAFILE, TRIAGE_SCHEMA_REGISTRY_SSL_CERTFILE and _SSL_KEYFILE."
        ) from error
    return context


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise RegistryDownError("it answers, but not with JSON: check TRIAGE_SCHEMA_REGISTRY_URL") from None


def _type(schema: Mapping[str, Any]) -> SchemaType:
    types: dict[str, SchemaType] = {"AVRO": "AVRO", "PROTOBUF": "PROTOBUF", "JSON": "JSON"}
    named = schema.get("schemaType") or "AVRO"
    if named not in types:
        raise UnknownSchemaError(f"its type is {named}")
    return types[named]


def _guessed_type(text: str) -> SchemaType:
    """The type of a schema that comes without one: only Protobuf is not JSON, and only Avro has Avro's types."""
    try:
        schema = orjson.loads(text)
    except orjson.JSONDecodeError:
        return "PROTOBUF"
    if not isinstance(schema, dict):
        return "AVRO"  # a name, or a union
    named = isinstance(schema.get("type"), str) and schema["type"] in AVRO_TYPES
    # Both languages have strings and arrays; those of JSON Schema say so, or have no names.
    is_array = schema.get("type") == "array" and isinstance(schema.get("items"), str)
    return "AVRO" if "$schema" not in schema and (named or is_array) else "JSON"


def _apicurio_root(url: str) -> str:
    """The address of Apicurio's own API, beside that which is like Confluent's."""
    return url if APICURIO in url else f"{url.partition('/apis/')[0]}{APICURIO}v3"


def _confluent_root(url: str) -> str:
    """The address of the API that is like Confluent's, beside Apicurio's own."""
    return f"{url.partition('/apis/')[0]}{CONFLUENT_OF_APICURIO}" if APICURIO in url else url
