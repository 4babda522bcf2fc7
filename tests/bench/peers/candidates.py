"""Triage and its peers: how each is started, and how a message is written for it."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import orjson
from triage_models.paths import DEFAULT_BUNDLE, FAST_BUNDLE

HERE = Path(__file__).parent
OWN_PACKAGES = ("aiokafka", "transformers", "torch")
"""What the plain loop runs on, in the environment of Triage."""


@dataclass(frozen=True)
class Place:
    """Where a candidate runs.

    Attributes:
        broker: its address.
        topics: by what they are for: ``input``, ``output``, ``fallback``, ``dead_letter``.
        group: of its consumer.
        folder: for its files.
        port: that is free.
        peers: the interpreter of the environment with the peers' packages.
    """

    broker: str
    topics: Mapping[str, str]
    group: str
    folder: Path
    port: int
    peers: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables that a peer reads, and nothing of Triage's."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TRIAGE_")}
        own = {
            "BROKER": self.broker,
            "BUNDLE": str(DEFAULT_BUNDLE),
            "FOLDER": str(self.folder),
            "GROUP": self.group,
            "INPUT": self.topics["input"],
            "OUTPUT": self.topics["output"],
        }
        return {**inherited, **{f"PEER_{name}": value for name, value in own.items()}}


@dataclass(frozen=True)
class Started:
    """A command with its environment."""

    command: list[str]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Candidate:
    """One row of the table.

    Attributes:
        name: what is printed.
        start: returns the command that runs it.
        value: writes a message for it; the record's key is the message's id.
        headers: of the record.
    """

    name: str
    start: Callable[[Place], Started]
    value: Callable[[str, str], bytes] = lambda key, text: orjson.dumps({"message_id": key, "text": text})
    headers: tuple[tuple[str, bytes], ...] = ()


def _triage(place: Place, delivery: str, bundle: Path = DEFAULT_BUNDLE) -> Started:
    settings = {
        "BOOTSTRAP_SERVERS": place.broker,
        "BUNDLE": str(bundle),
        "DELIVERY": delivery,
        "GROUP_ID": place.group,
        "HTTP_PORT": str(place.port),
        **{f"{name.upper()}_TOPIC": topic for name, topic in place.topics.items()},
    }
    environment = {**place.environment, **{f"TRIAGE_{name}": value for name, value in settings.items()}}
    return Started([sys.executable, "-m", "triage_worker", "worker"], environment)


def _script(place: Place, name: str, *arguments: str, python: str | None = None) -> Started:
    return Started([python or place.peers, str(HERE / name), *arguments], place.environment)


def _mlserver(place: Place) -> Started:
    """Write MLServer's two settings files: its own integration with Kafka, and adaptive batching."""
    server = {
        "http_port": place.port,
        "grpc_port": place.port + 1,
        "metrics_port": place.port + 2,
        "kafka_enabled": True,
        "kafka_servers": place.broker,
        "kafka_topic_input": place.topics["input"],
        "kafka_topic_output": place.topics["output"],
        "debug": False,
    }
    model = {
        "name": "intents",
        "implementation": "mlserver_model.Intents",
        "max_batch_size": 32,
        "max_batch_time": 0.05,
    }
    place.folder.mkdir(exist_ok=True)
    (place.folder / "settings.json").write_text(json.dumps(server))
    (place.folder / "model-settings.json").write_text(json.dumps(model))
    program = str(Path(place.peers).with_name("mlserver"))
    return Started([program, "start", str(place.folder)], {**place.environment, "PYTHONPATH": str(HERE)})


def _inference_request(key: str, text: str) -> bytes:
    tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": [text]}
    return orjson.dumps({"id": key, "inputs": [tensor]})


CANDIDATES = (
    Candidate("Triage", lambda place: _triage(place, "at_least_once")),
    Candidate("Triage, exactly once", lambda place: _triage(place, "exactly_once")),
    Candidate("Triage, `ecommerce-fast`", lambda place: _triage(place, "at_least_once", FAST_BUNDLE)),
    Candidate("Faust agent", lambda place: _script(place, "faust_agent.py", "worker", "--without-web", "-l", "warn")),
    Candidate("Quix Streams application", lambda place: _script(place, "quix_application.py")),
    Candidate(
        "MLServer, adaptive batching",
        _mlserver,
        value=_inference_request,
        headers=(("mlserver-model", b"intents"),),
    ),
    Candidate(
        "aiokafka and a transformers pipeline",
        lambda place: _script(place, "plain_loop.py", python=sys.executable),
    ),
)


def versions() -> str:
    """List the versions of what the peers run on."""
    lines = (HERE / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = [line.partition("#")[0].strip().replace("==", " ") for line in lines if "==" in line]
    return ", ".join([*pinned, *(f"{name} {version(name)}" for name in OWN_PACKAGES)])
