"""ONNX Runtime's own packages report their use by default; Triage disables that."""

import os
import subprocess
import sys
from pathlib import Path

from tests.deploy.tools import ROOT

OPENED = (
    "from triage_models import DEFAULT_BUNDLE; "
    "from triage_models.serving.classifier import Classifier; Classifier.open(DEFAULT_BUNDLE)"
)


def test_a_model_that_is_opened_leaves_no_trace_at_home(tmp_path: Path) -> None:
    """What reports keeps an id of the machine and what it has yet to send there."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", OPENED], env=environment, check=True)
    assert list(tmp_path.iterdir()) == []
