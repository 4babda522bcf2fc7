"""``python -m tests.worker.cli.run_fake ARGUMENTS``: the command line with a fake classifier, in a process of its own.

Prints the largest memory that the process had, in KiB, on the last line of standard error. The classifier takes
FAKE_BATCH_S seconds for each batch.
"""

import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from triage_models.serving.classifier import Classifier
from triage_models.serving.predictions import Predictions
from triage_worker.cli.main import main

from tests.worker.cli.fake_classifier import FakeClassifier

BATCH_S = float(os.environ.get("FAKE_BATCH_S", "0"))


class SlowClassifier(FakeClassifier):
    def predict(self, texts: Sequence[object]) -> Predictions:
        time.sleep(BATCH_S)
        return super().predict(texts)


def peak_kib() -> int:
    """Not by `resource`, which counts the memory of the process that started this one, too."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


def open_fake(*_: object, **__: Any) -> SlowClassifier:
    return SlowClassifier()


if __name__ == "__main__":
    Classifier.open = open_fake  # type: ignore[method-assign,assignment]
    try:
        main()
    finally:
        print(peak_kib(), file=sys.stderr)
