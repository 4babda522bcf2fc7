"""The reports in docs/upstream.md are true: each snippet shows its bug."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.kafka

DOCUMENT = Path(__file__).parents[2] / "docs" / "upstream.md"
REPORTS = {
    section.split(".", 1)[0]: snippet[1]
    for section in re.split(r"^### ", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    if (snippet := re.search(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL))
}


def test_there_are_snippets() -> None:
    assert len(REPORTS) > 10


@pytest.mark.parametrize("report", REPORTS)
def test_a_snippet_shows_its_bug(report: str, bootstrap: str, tmp_path: Path) -> None:
    script = tmp_path / f"{report}.py"
    script.write_text(REPORTS[report].replace("localhost:9092", bootstrap), encoding="utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
