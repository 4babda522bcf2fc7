"""A schema registry behind TLS, with an authority of its own and client certificates."""

import ssl
from pathlib import Path
from typing import Any

import pytest
from triage_schemas.input.registry.frames import SchemaId
from triage_schemas.input.registry.schema import SchemaText
from triage_worker.config.settings import Settings
from triage_worker.kafka.registry_client import RegistryDownError, open_client

from tests.kafka.certificates import Authority
from tests.worker.kafka.fake_registry import FakeRegistry


async def ask(url: str, **settings: Any) -> object:
    async with open_client(Settings(schema_registry_url=url, **settings)) as client:
        return await client.schema(SchemaId("short", "1"))


async def test_a_registry_can_have_its_own_authority_and_ask_for_a_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server, client = authority.sign("registry"), authority.sign("triage")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.certificate)
    context.load_cert_chain(server.certificate, server.key)
    context.verify_mode = ssl.CERT_REQUIRED
    registry = FakeRegistry()
    registry.answers = {"/schemas/ids/1": {"schema": '"string"'}}
    async with registry.running(context) as url:
        trusting = {"schema_registry_ssl_cafile": authority.certificate}
        presenting = {
            "schema_registry_ssl_certfile": client.certificate,
            "schema_registry_ssl_keyfile": client.key,
        }
        assert await ask(url, **trusting, **presenting) == SchemaText("AVRO", '"string"')
        with pytest.raises(RegistryDownError, match="certificate"):
            await ask(url, **presenting)
        with pytest.raises(RegistryDownError):
            await ask(url, **trusting)
    assert registry.asked == ["/schemas/ids/1"]
