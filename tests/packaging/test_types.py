"""Type checkers see the types of the installed wheel in a user's project, without any configuration."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.distributions import Environment

pytestmark = pytest.mark.packaging

RIGHT = """
from pathlib import Path

from triage_models import DEFAULT_BUNDLE, Classifier, Decision
from triage_schemas.events import FallbackEvent, IntentEvent, LabelEvent, SourceRef
from triage_schemas.input.decoder import decode
from triage_schemas.messages.message import CustomerMessage, InputShape, Source
from triage_worker.config.settings import Settings

bundle: Path = DEFAULT_BUNDLE
decisions: list[Decision] = Classifier.open(bundle).classify(["where is my parcel"])
threads: int = Settings.load().threads


def intent(value: bytes) -> str:
    return IntentEvent.read(value).intent


def label(refused: FallbackEvent, answer: str) -> bytes:
    event = LabelEvent(
        message_id=refused.message_id,
        conversation_id=None,
        customer_id=None,
        channel=None,
        source=SourceRef(topic="answers", partition=0, offset=0),
        text=refused.text,
        label=answer,
        decided_by="human",
        labelled_at=refused.classified_at,
    )
    return event.write()


def text(value: bytes) -> str | None:
    message = decode(value, Source("customer.messages", 0, 0), InputShape())
    return message.text if isinstance(message, CustomerMessage) else None
"""
WRONG = """
from triage_schemas.events import IntentEvent
from triage_worker.config.settings import Settings

intent: int = IntentEvent.read(b"").intent
threads: str = Settings.load().threads
"""
MYPY = ("mypy", "--strict", "--config-file=", "--no-error-summary")
BUNDLED = {"PYRIGHT_PYTHON_USE_BUNDLED_PYRIGHT": "1", "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
"""The Python package downloads the newest pyright unless a setting makes it use its own copy."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("typed")
    (folder / "right.py").write_text(RIGHT, encoding="utf-8")
    (folder / "wrong.py").write_text(WRONG, encoding="utf-8")
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}', encoding="utf-8")
    return folder


def errors(project: Path, *checker: str) -> list[str]:
    """The lines of a type checker's report that are errors, for both files."""
    command = [sys.executable, "-m", *checker, "right.py", "wrong.py"]
    done = subprocess.run(
        command, cwd=project, env={**os.environ, **BUNDLED}, capture_output=True, text=True, check=False
    )
    found = [line for line in done.stdout.splitlines() if " error: " in line]
    assert found, done.stdout + done.stderr
    return found


def test_mypy_finds_the_wrong_types_and_nothing_else(installed: Environment, project: Path) -> None:
    found = errors(project, *MYPY, "--python-executable", str(installed.python))
    assert found == [
        'wrong.py:5: error: Incompatible types in assignment (expression has type "str", variable has type "int")'
        "  [assignment]",
        'wrong.py:6: error: Incompatible types in assignment (expression has type "int", variable has type "str")'
        "  [assignment]",
    ]


@pytest.mark.skipif(shutil.which("node") is None, reason="pyright needs Node.js")
def test_pyright_finds_the_wrong_types_and_nothing_else(installed: Environment, project: Path) -> None:
    found = errors(project, "pyright", "--pythonpath", str(installed.python))
    assert [line.partition(" - ")[2] for line in found] == [
        'error: Type "str" is not assignable to declared type "int"',
        'error: Type "NonNegativeInt" is not assignable to declared type "str"',
    ]
