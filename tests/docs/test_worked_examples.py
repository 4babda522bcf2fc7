"""The worked examples of CONTRIBUTING.md work, in a copy of the sources, with changes in the listed files only."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.import_graph import PACKAGES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ROUTING_SETTINGS = "worker/triage_worker/config/routing_settings.py"
MESSAGE_SETTINGS = "worker/triage_worker/config/message_settings.py"

CSV_FORMAT = '''"""The format "csv": an id and a text."""

from triage_schemas.input.fields import text_problem
from triage_schemas.messages.message import CustomerMessage, InputFormat


def decode_csv(value, source, shape):
    identity, text = value.decode().split(",", 1)
    return text_problem(text, shape) or CustomerMessage(text, identity)


FORMAT = InputFormat(name="csv", description="an id and a text", decode=decode_csv, codes=())
'''

DEFERRED_EVENT = '''class DeferredEvent(ReviewEvent):
    """A message that the larger model decides when there is budget again."""

    TYPE = "triage.intent.deferred"


class LabelEvent'''

DERIVED = """
from types import SimpleNamespace
from triage_schemas.events import DeferredEvent
from triage_worker.config.settings import Settings
from triage_worker.fallback.llm_decider import Undecided
from triage_worker.fallback.outputs import OutputBuilder
from triage_worker.kafka.topic_plan import plan, required_operations
from triage_worker.streaming.async_processor import PendingEvent
from tests.worker.fallback.events import event

settings = Settings(llm_model="an LLM")
assert "customer.deferred" in {spec.topic for spec in plan(settings)}
assert required_operations("fallback")["deferred_topic"] == "Write"
assert "deferred_topic" not in required_operations("worker")
pending = PendingEvent(None, SimpleNamespace(key=b"k", headers=[]), event())
for reason in ("over_budget", "unsure"):
    output = OutputBuilder.from_settings(settings).build(pending, Undecided(reason))
    print(output.topic, dict(output.headers)["ce_type"].decode(), DeferredEvent.read(output.value).review_reason)
"""

HELPDESK_HEADER = """from collections.abc import Mapping
from typing import ClassVar
from triage_worker.helpdesk.adapter import Adapter, Author, ChangedPage, Fields
from triage_worker.helpdesk.http_client import HelpdeskClient, basic_auth
from triage_worker.helpdesk.ticket_state import Changes, TicketState
"""


class Sources:
    """A copy of the three packages."""

    def __init__(self, folder: Path) -> None:
        for root, package in PACKAGES.items():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / root / package, folder / root / package, ignore=ignored)
        self._folder = folder

    def create(self, path: str, content: str) -> None:
        target = self._folder / path
        assert not target.exists()
        target.write_text(content, encoding="utf-8")

    def replace(self, path: str, old: str, new: str) -> None:
        assert path in PAGE, f"CONTRIBUTING.md does not name {path}"
        text = (self._folder / path).read_text(encoding="utf-8")
        assert text.count(old) == 1, (path, old)
        (self._folder / path).write_text(text.replace(old, new), encoding="utf-8")

    def run(self, *arguments: str) -> str:
        paths = [str(self._folder / root) for root in PACKAGES]
        done = subprocess.run(
            [sys.executable, *arguments],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([*paths, str(ROOT)])},
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    return Sources(tmp_path)


def test_a_helpdesk_is_one_new_file_and_one_line(sources: Sources) -> None:
    section = PAGE[PAGE.index("### To add a helpdesk") : PAGE.index("### To add an input format")]
    example = re.search(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert example is not None
    sources.create("worker/triage_worker/helpdesk/adapters/example.py", HELPDESK_HEADER + example[1])
    sources.replace(
        ROUTING_SETTINGS,
        'HelpdeskName = Literal["zendesk", "gorgias", "freshdesk", "intercom", "chatwoot", "zammad"]',
        'HelpdeskName = Literal["example"]',
    )
    script = (
        "from triage_worker.config.settings import Settings; from triage_worker.helpdesk.adapter import load_adapter;"
        "print(load_adapter(Settings(helpdesk='example').helpdesk).connect.__name__)"
    )
    assert sources.run("-c", script) == "Example\n"


def test_an_input_format_is_one_new_file_and_one_line(sources: Sources) -> None:
    sources.create("schemas/triage_schemas/input/csv_format.py", CSV_FORMAT)
    formats = "schemas/triage_schemas/input/formats.py"
    sources.replace(formats, 'FormatName = Literal["json", "text", ', 'FormatName = Literal["csv", "json", "text", ')
    script = (
        "from triage_schemas.input.decoder import decode\n"
        "from triage_schemas.messages.message import InputShape, Source\n"
        "print(decode(b'm-1,hello', Source('t', 0, 1), InputShape('csv')).text)"
    )
    assert sources.run("-c", script) == "hello\n"
    assert "csv" in sources.run("-m", "triage_worker", "worker", "--help")


def test_an_output_topic_is_four_modules(sources: Sources) -> None:
    field = '    deferred_topic: Topic = Field("customer.deferred", description="over budget")\n'
    sources.replace(MESSAGE_SETTINGS, "    labels_topic: Topic", f"{field}    labels_topic: Topic")
    sources.replace("schemas/triage_schemas/events.py", "class LabelEvent", DEFERRED_EVENT)
    channels = "schemas/triage_schemas/channels.py"
    sources.replace(channels, "    AlertEvent,\n", "    AlertEvent,\n    DeferredEvent,\n")
    channel = '    Channel("deferred", DeferredEvent, writers=("fallback",)),\n'
    sources.replace(channels, '    Channel(\n        "labels"', f'{channel}    Channel(\n        "labels"')
    outputs = "worker/triage_worker/fallback/outputs.py"
    sources.replace(outputs, "    review_topic: str\n", "    review_topic: str\n    deferred_topic: str\n")
    sources.replace(
        outputs, "            labels_topic=", "            deferred_topic=settings.deferred_topic, labels_topic="
    )
    sources.replace(outputs, "import FallbackEvent, ", "import DeferredEvent, FallbackEvent, ")
    choice = (
        '        kind, topic = (DeferredEvent, self.deferred_topic) if decision.reason == "over_budget" else'
        " (ReviewEvent, self.review_topic)\n"
    )
    sources.replace(outputs, "        review = decision_record(", f"{choice}        review = decision_record(")
    sources.replace(outputs, "ReviewEvent(**fields, ", "kind(**fields, ")
    sources.replace(outputs, "            self.review_topic,\n", "            topic,\n")

    assert sources.run("-c", DERIVED).splitlines() == [
        "customer.deferred triage.intent.deferred over_budget",
        "customer.intents.review triage.intent.review unsure",
    ]
    asyncapi = yaml.safe_load(sources.run("-m", "triage_worker", "asyncapi"))
    assert asyncapi["channels"]["deferred"]["address"] == "customer.deferred"
    assert asyncapi["components"]["messages"]["deferred"]["name"] == "triage.intent.deferred"
    assert "DeferredEvent" in asyncapi["components"]["schemas"]
    assert [name for name in asyncapi["operations"] if "deferred" in name] == ["fallback.send.deferred"]
    for command in (["fallback"], ["topics", "create"], ["topics", "check"], ["asyncapi"]):
        assert "--deferred-topic" in sources.run("-m", "triage_worker", *command, "--help")
    assert "--deferred-topic" not in sources.run("-m", "triage_worker", "worker", "--help")


def test_a_change_of_batching_is_two_modules(sources: Sources) -> None:
    batching = "worker/triage_worker/inference/batching.py"
    sources.replace(batching, "    budget: int\n    padding", "    budget: int\n    rows: int = 64\n    padding")
    sources.replace(
        batching, "        if batches and padded", "        if batches and len(batches[-1]) < limits.rows and padded"
    )
    bundle = "worker/triage_worker/inference/loaded_bundle.py"
    sources.replace(
        bundle, "budget=settings.batch_tokens, ", 'budget=settings.batch_tokens, rows=2 if device == "cpu" else 64, '
    )
    script = (
        "from types import SimpleNamespace; from triage_worker.config.settings import Settings;"
        "from triage_worker.inference.batching import cut; from triage_worker.inference.loaded_bundle import limits;"
        "print(cut([9] * 5, limits(Settings(), SimpleNamespace(device='cpu', threads=1))))"
    )
    assert sources.run("-c", script) == "[[0, 1], [2, 3], [4]]\n"
