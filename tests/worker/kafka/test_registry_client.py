"""The client of a schema registry: both APIs, references, logins, several nodes, and answers that are none."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from triage_schemas.input.registry.frames import SchemaId
from triage_schemas.input.registry.schema import SchemaText, UnusableSchema
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.kafka.registry_client import RegistryDownError, open_client

from tests.kafka.broker import free_ports
from tests.token_issuer import SECRET, forget_sources, running_issuer
from tests.worker.kafka.fake_registry import FakeRegistry

RECORD = '{"type": "record", "name": "M", "fields": []}'
ONE = SchemaId("short", "1")


async def ask(schema_id: SchemaId, **settings: Any) -> SchemaText | UnusableSchema:
    async with open_client(Settings(**settings)) as client:
        return await client.schema(schema_id)


async def test_a_schema_comes_with_all_that_it_refers_to_in_order() -> None:
    registry = FakeRegistry()
    registry.answers = {
        "/schemas/ids/1": {
            "schema": "main",
            "schemaType": "PROTOBUF",
            "references": [{"name": "b.proto", "subject": "shop/b", "version": 2}],
        },
        "/subjects/shop%2Fb/versions/2?deleted=true": {
            "schema": "b",
            "references": [{"name": "c.proto", "subject": "c", "version": 1}],
        },
        "/subjects/c/versions/1?deleted=true": {"schema": "c"},
    }
    async with registry.running() as url:
        found = await ask(ONE, schema_registry_url=url)
    assert found == SchemaText("PROTOBUF", "main", {"c.proto": "c", "b.proto": "b"})
    assert isinstance(found, SchemaText)
    assert list(found.references) == ["c.proto", "b.proto"]


@pytest.mark.parametrize(
    ("schema_id", "path"),
    [
        (SchemaId("short", "7"), "/schemas/ids/7"),
        (SchemaId("long", "7"), "/schemas/ids/7"),
        (
            SchemaId("guid", "89791762-2336-186f-9674-299b90a8e2ec"),
            "/schemas/guids/89791762-2336-186f-9674-299b90a8e2ec",
        ),
    ],
)
async def test_a_schema_without_a_type_is_avro(schema_id: SchemaId, path: str) -> None:
    registry = FakeRegistry()
    registry.answers = {path: {"schema": RECORD}}
    async with registry.running() as url:
        assert await ask(schema_id, schema_registry_url=url) == SchemaText("AVRO", RECORD)


@pytest.mark.parametrize(
    ("schema_id", "chosen", "path"),
    [
        (SchemaId("short", "7"), "auto", "/apis/registry/v3/ids/contentIds/7"),
        (SchemaId("long", "7"), "auto", "/apis/registry/v3/ids/globalIds/7"),
        (SchemaId("short", "7"), "global", "/apis/registry/v3/ids/globalIds/7"),
        (SchemaId("long", "7"), "content", "/apis/registry/v3/ids/contentIds/7"),
        (SchemaId("global", "7"), "content", "/apis/registry/v3/ids/globalIds/7"),
    ],
)
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (RECORD, "AVRO"),
        ('["null", "string"]', "AVRO"),
        ('{"type": "object"}', "JSON"),
        ('{"$schema": "s", "type": "string"}', "JSON"),
        ('{"type": "array", "items": "string"}', "AVRO"),
        ('syntax = "proto3";', "PROTOBUF"),
    ],
)
async def test_apicurio_has_two_kinds_of_id_and_does_not_say_the_type(
    schema_id: SchemaId, chosen: str, path: str, text: str, kind: str
) -> None:
    registry = FakeRegistry()
    registry.answers = {
        path: text,
        f"{path}/references": [{"groupId": None, "artifactId": "a/b", "version": "1", "name": "n"}],
        "/apis/registry/v3/groups/default/artifacts/a%2Fb/versions/1/references": [],
        "/apis/registry/v3/groups/default/artifacts/a%2Fb/versions/1/content": "other",
    }
    async with registry.running() as url:
        found = await ask(schema_id, schema_registry_url=f"{url}/apis/registry/v3", schema_registry_id=chosen)
    assert found == SchemaText(kind, text, {"n": "other"})  # type: ignore[arg-type]


async def test_an_id_of_a_header_is_asked_for_by_apicurios_own_api() -> None:
    registry = FakeRegistry()
    path = "/apis/registry/v3/ids/globalIds/7"
    registry.answers = {path: RECORD, f"{path}/references": []}
    async with registry.running() as url:
        found = await ask(SchemaId("global", "7"), schema_registry_url=f"{url}/apis/ccompat/v7")
    assert found == SchemaText("AVRO", RECORD)


async def test_only_the_registrys_own_404_says_that_a_schema_does_not_exist() -> None:
    registry = FakeRegistry()
    async with registry.running() as url:
        unknown = await ask(ONE, schema_registry_url=url)
        registry.status = 404
        with pytest.raises(RegistryDownError, match="404"):
            await ask(ONE, schema_registry_url=url)
        too_large = await ask(SchemaId("long", str(2**40)), schema_registry_url=url)
    for found in (unknown, too_large):
        assert isinstance(found, UnusableSchema)
        assert found.code == "unknown_schema"


@pytest.mark.parametrize("answer", ["<html>", '"text"', '{"schema": 1}'])
async def test_an_answer_that_is_no_schema_is_no_answer(answer: str) -> None:
    registry = FakeRegistry()
    registry.answers = {"/schemas/ids/1": answer}
    async with registry.running() as url:
        with pytest.raises(RegistryDownError, match="TRIAGE_SCHEMA_REGISTRY_URL"):
            await ask(ONE, schema_registry_url=url)


async def test_the_next_node_is_asked_where_one_does_not_answer() -> None:
    registry = FakeRegistry()
    registry.answers = {"/schemas/ids/1": {"schema": RECORD}}
    (closed,) = free_ports(1)
    async with registry.running() as url:
        urls = f"http://127.0.0.1:{closed}, {url}/"
        assert await ask(ONE, schema_registry_url=urls) == SchemaText("AVRO", RECORD)
    with pytest.raises(RegistryDownError, match=str(closed)):
        await ask(ONE, schema_registry_url=urls)


async def test_the_login_is_sent_and_its_refusal_says_which_settings_to_check() -> None:
    registry = FakeRegistry()
    registry.answers = {"/schemas/ids/1": {"schema": RECORD}}
    async with registry.running() as url:
        await ask(ONE, schema_registry_url=url, schema_registry_token="t0ken\n")
        assert registry.headers["Authorization"] == "Bearer t0ken"
        await ask(ONE, schema_registry_url=url, schema_registry_username="ann", schema_registry_password="pass:ü")
        assert registry.headers["Authorization"] == "Basic " + b64encode("ann:pass:ü".encode()).decode()
        registry.status = 401
        with pytest.raises(RegistryDownError, match="TRIAGE_SCHEMA_REGISTRY_USERNAME"):
            await ask(ONE, schema_registry_url=url)


async def test_a_token_of_the_issuer_is_the_login() -> None:
    registry = FakeRegistry()
    registry.answers = {"/schemas/ids/1": {"schema": RECORD}}
    with running_issuer() as issuer:
        oauth = {"oauth_token_url": issuer.token_url, "oauth_client_id": "triage", "oauth_client_secret": SECRET}
        try:
            async with registry.running() as url:
                settings: dict[str, Any] = {"schema_registry_url": url, "schema_registry_oauth": True, **oauth}
                for _ in range(2):
                    await ask(ONE, **settings)
                assert registry.headers["Authorization"].startswith("Bearer eyJ")
                assert len(issuer.asked) == 1
                registry.status = 401
                with pytest.raises(
                    RegistryDownError, match=r"refuses the token .401.: see whether it trusts the issuer"
                ):
                    await ask(ONE, **settings)
                registry.status = None
                with pytest.raises(RegistryDownError, match=r"refused the client nobody .*_CLIENT_AUTH=basic or post"):
                    await ask(ONE, **settings | {"oauth_client_id": "nobody"})
        finally:
            forget_sources()


async def test_files_for_tls_that_cannot_be_loaded_stop_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="TRIAGE_SCHEMA_REGISTRY_SSL_CAFILE"):
        await ask(ONE, schema_registry_url="https://registry", schema_registry_ssl_cafile=tmp_path / "no.pem")
