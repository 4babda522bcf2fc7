"""The Compose file: Docker Compose accepts it, and the files that it names exist."""

import json
from typing import Any

import yaml
from triage_worker.config.settings import Settings
from triage_worker.config.sources import variable

from tests.deploy.tools import CHART, DEPLOY, ROOT, call

FILE = DEPLOY / "compose.yaml"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


def test_compose_accepts_it_with_and_without_the_llm_and_the_helpdesk() -> None:
    known = {variable(field) for field in Settings.model_fields}
    for profile, services in (
        ((), 6),
        (("--profile", "llm"), 7),
        (("--profile", "audit"), 7),
        (("--profile", "serve"), 7),
        (("--profile", "intake"), 7),
        (("--profile", "console"), 7),
        (("--profile", "*"), 12),
    ):
        text = call("venv/bin/docker-compose", "-f", FILE, *profile, "config", "--format", "json")
        config: dict[str, Any] = json.loads(text)
        assert len(config["services"]) == services
        for name, service in config["services"].items():
            if service.get("image", "").startswith("triage:"):
                assert set(service["environment"]) <= known | {ENDPOINT}, name
                assert service["read_only"] is True
                assert service["cap_drop"] == ["ALL"]
            for volume in service.get("volumes", ()):
                assert volume["type"] == "volume" or (ROOT / volume["source"]).exists()


def test_services_get_every_setting_of_their_endpoint() -> None:
    services = yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]
    llm = ["llm_url", "llm_model", "llm_api_key", "llm_key_header", "llm_headers"]
    helpdesk = ["helpdesk", "helpdesk_url", "helpdesk_user", "helpdesk_token", "helpdesk_poll_s"]
    events = ["schema_registry_url", "schema_registry_username", "schema_registry_password", "output_format"]
    own: dict[str, list[str]] = {"router": [], "fallback": llm, "helpdesk": helpdesk, "worker": ["audit_share"]}
    for service, names in ((service, [*names, *events]) for service, names in own.items()):
        for name in map(variable, names):
            assert services[service]["environment"][name].startswith(f"${{{name}:-"), "empty counts as not set"


def test_the_kafka_version_is_the_tested_one() -> None:
    compose = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    version = compose["services"]["kafka"]["image"].partition(":")[2]
    assert f"<version>{version}</version>" in (ROOT / "tests" / "kafka" / "pom.xml").read_text(encoding="utf-8")


def test_all_ports_are_bound_to_this_machine() -> None:
    compose = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    ports = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_prometheus_and_the_rules_use_the_same_job_names() -> None:
    scraped = yaml.safe_load((DEPLOY / "compose" / "prometheus.yaml").read_text(encoding="utf-8"))
    jobs = {job["job_name"] for job in scraped["scrape_configs"]}
    rules = (CHART / "files" / "rules.yaml").read_text(encoding="utf-8")
    assert all(
        job in jobs for job in ("triage-worker", "triage-router", "triage-fallback", "triage-helpdesk", "triage-audit")
    )
    assert all(name in rules for name in ("triage-worker", "triage-fallback"))
