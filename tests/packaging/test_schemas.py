"""The distribution triage-schemas reads every event without the worker's dependencies."""

import ast
import json
import sys
import tomllib
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from packaging.metadata import Metadata
from triage_schemas.events import AlertEvent, Event, FallbackEvent, IntentEvent, LabelEvent, ReviewEvent, TicketEvent

from tests.packaging.distributions import ROOT, VERSION, Environment, build_sdist, build_wheel, run

pytestmark = pytest.mark.packaging

PROJECT = ROOT / "schemas"
DIST_INFO = f"triage_schemas-{VERSION}.dist-info"
TYPES: tuple[type[Event], ...] = (IntentEvent, FallbackEvent, ReviewEvent, LabelEvent, TicketEvent, AlertEvent)
ABSENT = ("aiokafka", "faust", "numpy", "onnxruntime", "tokenizers", "triage_models", "triage_worker", "yaml")

AT = "2025-11-24T10:00:00.123Z"
MESSAGE = {
    "message_id": "m-1",
    "conversation_id": "c-1",
    "customer_id": "u-1",
    "channel": "chat",
    "language": "en",
    "metadata": {"tier": "gold"},
    "source": {"topic": "customer.messages", "partition": 3, "offset": 1042},
}
INTENT = {
    **MESSAGE,
    "intent": "WISMO",
    "confidence": 0.93,
    "scores": {"WISMO": 0.93, "OTHER": 0.05},
    "decided_by": "model",
    "threshold": 0.8,
    "model": {"name": "ecommerce", "version": "1"},
    "classified_at": AT,
}
REFUSED = {**INTENT, "reason": "ambiguous", "text": "where is it", "labels": {"WISMO": "where is my order"}}
TICKET = {
    "ticket_id": "t-1",
    "conversation_id": "c-1",
    "customer_id": None,
    "event": "opened",
    "status": "open",
    "intent": "WISMO",
    "intents": ["WISMO"],
    "queue": "orders",
    "priority": "high",
    "tags": ["late"],
    "due_at": AT,
    "messages": 1,
    "opened_at": AT,
    "updated_at": AT,
}
ALERT = {
    "alert_id": "a-1",
    "event": "started",
    "intent": "DAMAGED_ITEM",
    "count": 50,
    "usual": 9.5,
    "examples": ["m-1"],
    "window_start": AT,
    "window_end": AT,
}
EVENTS: dict[str, dict[str, Any]] = {
    "IntentEvent": INTENT,
    "FallbackEvent": REFUSED,
    "ReviewEvent": {**REFUSED, "review_reason": "unsure"},
    "LabelEvent": {**MESSAGE, "text": "where is it", "label": "WISMO", "decided_by": "human", "labelled_at": AT},
    "TicketEvent": TICKET,
    "AlertEvent": ALERT,
}
READER = f"""
import importlib.util, json, sys

from triage_schemas import events
from triage_schemas.input.decoder import decode
from triage_schemas.messages.message import InputShape, Source

present = [name for name in {ABSENT} if importlib.util.find_spec(name)]
assert not present, present
assert decode(b'{{"text": "hello"}}', Source("t", 0, 1), InputShape()).text == "hello"
for line in sys.stdin:
    name, value = json.loads(line)
    print(getattr(events, name).read(json.dumps(value)).write().decode())
"""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of triage-schemas."""
    return build_wheel(PROJECT, tmp_path_factory.mktemp("schemas"))


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    loaded: dict[str, Any] = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return loaded


@pytest.fixture(scope="module")
def worker() -> dict[str, Any]:
    loaded: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return loaded


def test_there_is_an_example_of_every_event() -> None:
    assert [event.__name__ for event in TYPES] == list(EVENTS)


def test_it_reads_every_event_with_its_own_dependencies_alone(
    alone: Path, project: dict[str, Any], tmp_path: Path
) -> None:
    environment = Environment.create(tmp_path / "venv")
    environment.install(alone)
    environment.add_packages(project["dependencies"])
    lines = "\n".join(json.dumps([name, value]) for name, value in EVENTS.items())
    output = run(environment.python, "-I", "-c", READER, cwd=tmp_path, standard_input=lines)
    assert [json.loads(line) for line in output.splitlines()] == list(EVENTS.values())


def test_it_contains_the_package_as_the_worker_does(alone: Path, wheel: Path) -> None:
    own = {name for name in ZipFile(alone).namelist() if not name.startswith(DIST_INFO)}
    assert own == {name for name in ZipFile(wheel).namelist() if name.startswith("triage_schemas/")}
    assert f"{DIST_INFO}/licenses/LICENSE" in ZipFile(alone).namelist()
    assert alone.stat().st_size < 100_000


def test_its_source_distribution_builds_the_same_wheel(alone: Path, tmp_path: Path) -> None:
    rebuilt = build_wheel(build_sdist(PROJECT, tmp_path / "sdist"), tmp_path / "wheel")
    assert sorted(ZipFile(rebuilt).namelist()) == sorted(ZipFile(alone).namelist())


def test_its_metadata_agrees_with_the_workers(alone: Path, project: dict[str, Any], worker: dict[str, Any]) -> None:
    metadata = Metadata.from_email(ZipFile(alone).read(f"{DIST_INFO}/METADATA"))
    assert str(metadata.version) == worker["version"]
    assert str(metadata.requires_python) == worker["requires-python"]
    assert metadata.license_expression == worker["license"]
    assert (PROJECT / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert set(project["dependencies"]) <= set(worker["dependencies"])
    pythons = {line for line in worker["classifiers"] if line.startswith("Programming Language")}
    assert pythons <= set(project["classifiers"])


def test_its_requirements_are_what_the_package_imports(project: dict[str, Any]) -> None:
    imported = {
        name.partition(".")[0]
        for path in (PROJECT / "triage_schemas").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in _imports(node)
    }
    assert imported - sys.stdlib_module_names - {"triage_schemas"} == {
        *("orjson", "pydantic", "pydantic_core", "yaml"),
        *("fastavro", "google"),  # google.protobuf
    }
    assert [line.partition(">=")[0] for line in project["dependencies"]] == ["orjson", "pydantic", "pydantic-core"]
    assert [line.partition(">=")[0] for line in project["optional-dependencies"]["asyncapi"]] == ["pyyaml"]
    registry = project["optional-dependencies"]["registry"]
    assert [line.partition(">=")[0] for line in registry] == ["fastavro", "grpcio-tools", "protobuf"]


def _imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
