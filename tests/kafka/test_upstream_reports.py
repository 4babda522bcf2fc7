"""The reports in docs/upstream.md are true: each snippet shows its bug."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kafka.fault_environment import running_cluster

pytestmark = pytest.mark.kafka

DOCUMENT = Path(__file__).parents[2] / "docs" / "upstream.md"
SECTIONS = re.split(r"^### ", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
SNIPPETS = {
    section.split(".", 1)[0]: snippet[1]
    for section in SECTIONS
    if (snippet := re.search(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL))
}
REPLICATED = {section.split(".", 1)[0] for section in SECTIONS if "Needs a cluster" in section}
"""The reports whose snippets need more than one broker."""


def test_there_are_snippets() -> None:
    assert len(SNIPPETS) > 10
    assert len(REPLICATED) == 1


@pytest.mark.parametrize("report", sorted(SNIPPETS.keys() - REPLICATED))
def test_a_snippet_shows_its_bug(report: str, bootstrap: str, tmp_path: Path) -> None:
    run(report, bootstrap, tmp_path)


@pytest.mark.parametrize("report", sorted(REPLICATED))
def test_a_snippet_shows_its_bug_in_a_cluster(report: str, bootstrap: str, tmp_path: Path) -> None:
    with running_cluster(tmp_path / "brokers", 2, {}) as nodes:
        run(report, ",".join(node.bootstrap for node in nodes), tmp_path)


def run(report: str, bootstrap: str, folder: Path) -> None:
    """Run a snippet against brokers; it ends well where the bug is present."""
    script = folder / f"{report}.py"
    script.write_text(SNIPPETS[report].replace("localhost:9092", bootstrap), encoding="utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
