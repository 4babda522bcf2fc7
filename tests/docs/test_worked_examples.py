"""The worked examples of CONTRIBUTING.md work, in a copy of the sources, with changes in the listed files only."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.import_graph import PACKAGES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SETTINGS = "worker/triage_worker/config/settings.py"

CSV_FORMAT = '''"""The format "csv": an id and a text."""

from triage_schemas.input.fields import text_problem
from triage_schemas.input.message import CustomerMessage, InputFormat


def decode_csv(value, source, shape):
    identity, text = value.decode().split(",", 1)
    return text_problem(text, shape) or CustomerMessage(text, identity)


FORMAT = InputFormat(name="csv", description="an id and a text", decode=decode_csv, codes=())
'''

HELPDESK_HEADER = """from collections.abc import Mapping
from triage_schemas.events import TicketEvent
from triage_worker.helpdesk.adapter import Adapter, Outcome
from triage_worker.helpdesk.http_client import HelpdeskClient, basic_auth
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
        paths = os.pathsep.join(str(self._folder / root) for root in PACKAGES)
        done = subprocess.run(
            [sys.executable, *arguments],
            env={**os.environ, "PYTHONPATH": paths},
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
    sources.replace(SETTINGS, 'HelpdeskName = Literal["zendesk", "gorgias"]', 'HelpdeskName = Literal["example"]')
    script = (
        "from triage_worker.config.settings import Settings; from triage_worker.helpdesk.adapter import load_adapter;"
        "print(load_adapter(Settings(helpdesk='example').helpdesk).connect.__name__)"
    )
    assert sources.run("-c", script) == "Example\n"


def test_an_input_format_is_one_new_file_and_one_line(sources: Sources) -> None:
    sources.create("schemas/triage_schemas/input/csv_format.py", CSV_FORMAT)
    formats = "schemas/triage_schemas/input/formats.py"
    sources.replace(
        formats, "        text_format.FORMAT,\n", "        text_format.FORMAT,\n        csv_format.FORMAT,\n"
    )
    sources.replace(formats, "import json_format, text_format", "import csv_format, json_format, text_format")
    script = (
        "from triage_schemas.input.decoder import decode; from triage_schemas.input.message import InputShape, Source;"
        "print(decode(b'm-1,hello', Source('t', 0, 1), InputShape('csv')).text)"
    )
    assert sources.run("-c", script) == "hello\n"
    assert "csv" in sources.run("-m", "triage_worker", "worker", "--help")


def test_an_output_topic_is_four_modules(sources: Sources) -> None:
    field = '    out_of_scope_topic: Topic = Field("customer.oos", description="without an intent")\n'
    sources.replace(SETTINGS, "    dead_letter_topic: Topic", f"{field}    dead_letter_topic: Topic")
    service = "worker/triage_worker/classify/service.py"
    sources.replace(service, '"fallback_topic": "Write"', '"fallback_topic": "Write", "out_of_scope_topic": "Write"')
    outputs = "worker/triage_worker/classify/outputs.py"
    sources.replace(outputs, "    fallback_topic: str\n", "    fallback_topic: str\n    out_of_scope_topic: str\n")
    sources.replace(outputs, "settings.fallback_topic)", "settings.fallback_topic, settings.out_of_scope_topic)")
    channels = "schemas/triage_schemas/asyncapi.py"
    sources.replace(channels, '"fallback": FallbackEvent,', '"fallback": FallbackEvent, "out_of_scope": FallbackEvent,')
    sources.replace(channels, '("output", "fallback", "dead', '("output", "fallback", "out_of_scope", "dead')

    assert "address: customer.oos" in sources.run("-m", "triage_worker", "asyncapi")
    script = (
        "from triage_worker.config.settings import Settings; from triage_worker.kafka.topic_plan import plan;"
        "from triage_worker.classify.outputs import OutputWriter; settings = Settings();"
        "print(OutputWriter.of(settings, None).out_of_scope_topic, *(spec.topic for spec in plan(settings)))"
    )
    assert sources.run("-c", script).split().count("customer.oos") == 2
