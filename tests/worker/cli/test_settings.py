"""``triage settings``, ``triage topics``, ``triage schemas``, ``triage asyncapi``, ``--version`` and ``--help``."""

import json
import tomllib
from pathlib import Path

import pytest
from packaging.version import Version
from triage_worker.config.settings import Settings
from triage_worker.config.sources import variable

from tests.worker.cli.result import CommandResult, Triage, refused

DOCUMENT = Path(__file__).parents[3] / "docs" / "asyncapi.yaml"


def test_settings_shows_values_and_sources_and_masks_secrets(
    triage: Triage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRIAGE_LLM_API_KEY", "hunter2")
    (tmp_path / ".env").write_text("TRIAGE_THREADS=7\n")
    ran = triage("settings", "--group-id", "mine", "--include-text")
    assert "hunter2" not in ran.out
    lines = {line.split()[0]: line.split()[1:3] for line in ran.out.splitlines()}
    assert lines["TRIAGE_LLM_API_KEY"] == ["********", "environment"]
    assert lines["TRIAGE_THREADS"] == ["7", ".env"]
    assert lines["TRIAGE_GROUP_ID"] == ["mine", "flag"]
    assert lines["TRIAGE_INCLUDE_TEXT"] == ["True", "flag"]
    assert lines["TRIAGE_INPUT_TOPIC"] == ["customer.messages", "default"]
    assert {variable(name) for name in Settings.model_fields} <= set(lines)


def test_settings_as_json(triage: Triage) -> None:
    shown = json.loads(triage("settings", "--json").out)
    assert shown["TRIAGE_HTTP_PORT"] == {"value": 8080, "source": "default"}
    assert shown["TRIAGE_GROUP_ID"] == {"value": None, "source": "default"}


def test_secrets_have_no_flags(triage: Triage) -> None:
    assert triage("settings", "--llm-api-key", "hunter2").code == 2


def test_an_unknown_variable_stops_every_command(triage: Triage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAGE_BUNDEL", "x")
    for command in (["settings"], ["classify", "hello"], ["topics", "check"], ["asyncapi"]):
        refused(triage(*command), "did you mean TRIAGE_BUNDLE?")


def test_topics_without_a_broker_is_one_sentence(triage: Triage) -> None:
    refused(triage("topics", "check", "--bootstrap-servers", "127.0.0.1:1"), "No broker answers at 127.0.0.1:1")


def test_the_committed_document_is_the_generated_one(triage: Triage) -> None:
    assert triage("asyncapi").out == DOCUMENT.read_text(), "run `triage asyncapi > docs/asyncapi.yaml`"


def test_the_document_has_the_names_of_this_installation(triage: Triage) -> None:
    assert "address: shop.chat\n" in triage("asyncapi", "--input-topic", "shop.chat").out


def test_the_version_is_that_of_the_package(triage: Triage) -> None:
    pyproject = tomllib.loads((DOCUMENT.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    assert triage("--version") == CommandResult(0, f"triage {Version(pyproject['project']['version'])}\n", "")


def test_help_needs_no_model(triage: Triage) -> None:
    ran = triage("--help")
    assert ran.code == 0
    for command in ("classify", "bundle", "topics", "settings", "asyncapi"):
        assert command in ran.out


def test_json_has_no_schemas_to_check(triage: Triage) -> None:
    refused(triage("schemas", "check"), "set TRIAGE_OUTPUT_FORMAT to avro or json_schema")


def test_schemas_without_a_registry_is_one_sentence(triage: Triage) -> None:
    given = ("--output-format", "avro", "--schema-registry-url", "http://127.0.0.1:1")
    refused(triage("schemas", "check", *given), "The schema registry does not answer")
    refused(triage("schemas", "register", *given[:2]), "needs TRIAGE_SCHEMA_REGISTRY_URL")
