"""A helpdesk product is registered by its module in ``adapters`` and its name in ``HelpdeskName``."""

import json
import pkgutil
from pathlib import Path
from typing import get_args

import pytest
from triage_worker.config.errors import ConfigError
from triage_worker.config.routing_settings import HelpdeskName
from triage_worker.config.settings import Settings
from triage_worker.helpdesk import adapters
from triage_worker.helpdesk.adapter import Adapter, load_adapter

from tests.worker.helpdesk.desks import DESKS

NAMES = set(get_args(HelpdeskName))
CHART = Path(__file__).parents[3] / "deploy/helm/triage/values.schema.json"


def test_each_name_has_a_module_and_a_fake_server() -> None:
    assert {module.name for module in pkgutil.iter_modules(adapters.__path__)} == NAMES
    assert set(DESKS) == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_each_module_declares_its_adapter(name: str) -> None:
    adapter = load_adapter(name)
    assert isinstance(adapter, Adapter)
    headers = adapter.login("bot@shop.example", "secret")
    assert headers.keys() & {"Authorization", "api_access_token"}
    assert (adapter.open_tickets is not None) == (name in ("zendesk", "gorgias"))


def test_an_unknown_name_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"--helpdesk \(flag\).*'zendesk'.* or '") as caught:
        Settings.load(helpdesk="unknown")
    assert all(repr(name) in str(caught.value) for name in NAMES)


def test_the_chart_knows_the_same_names() -> None:
    schema = json.loads(CHART.read_text())
    kinds = [value["enum"] for value in _values(schema, "kind") if "zendesk" in value.get("enum", ())]
    assert [set(kind) for kind in kinds] == [NAMES]


def _values(schema: object, key: str) -> list[dict[str, list[str]]]:
    """All values of a key, at any depth."""
    if isinstance(schema, list):
        return [found for item in schema for found in _values(item, key)]
    if not isinstance(schema, dict):
        return []
    own = [schema[key]] if isinstance(schema.get(key), dict) else []
    return own + [found for value in schema.values() for found in _values(value, key)]
