"""The documentation of settings, topics, codes and faults agrees with the code."""

import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import SecretStr
from triage_models import DEFAULT_BUNDLE
from triage_worker.config.bundle_paths import BundlePaths
from triage_worker.config.settings import Settings
from triage_worker.config.sources import variable
from triage_worker.kafka.topic_plan import plan

from tests.kafka.faults import MATRIX
from tests.schemas.input.codes import REJECTION_CODES, SKIP_REASONS

DOCS = Path(__file__).parents[3] / "docs"


def row(name: str) -> str:
    """Return the row of a setting."""
    field = Settings.model_fields[name]
    default = "the shipped one" if field.default == BundlePaths(DEFAULT_BUNDLE) else f"`{field.default}`"
    return f"| `{variable(name)}` | {'' if field.default is None else default} | {field.description} |"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented_with_its_default_and_description(name: str) -> None:
    assert row(name) in (DOCS / "settings.md").read_text(encoding="utf-8").splitlines()


def test_every_secret_is_listed() -> None:
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    listed = page[page.index("- Secrets (") :].partition(")")[0]
    secrets = [name for name, field in Settings.model_fields.items() if SecretStr in get_args(field.annotation)]
    assert len(secrets) >= 4
    assert sorted(re.findall(r"`(\w+)`", listed)) == sorted(map(variable, secrets))


@pytest.mark.parametrize("code", sorted(REJECTION_CODES))
def test_every_rejection_code_is_documented(code: str) -> None:
    assert f"| `{code}` |" in (DOCS / "topics.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("reason", SKIP_REASONS)
def test_every_reason_to_skip_a_record_is_documented(reason: str) -> None:
    assert f"| `{reason}` |" in (DOCS / "topics.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("topic", [spec.topic for spec in plan(Settings())])
def test_every_topic_is_documented(topic: str) -> None:
    assert f"`{topic}`" in (DOCS / "topics.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("delivery", ["at least once", "exactly once"])
@pytest.mark.parametrize("fault", MATRIX)
def test_every_fault_is_documented_with_what_was_measured(fault: str, delivery: str) -> None:
    page = (DOCS / "reliability.md").read_text(encoding="utf-8")
    assert f"\n| {fault} |" in page
    assert page.count(f"\n| {fault} | {delivery} |") == 2
