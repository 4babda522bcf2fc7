"""The code on the page about batch classification runs, or is in an example that runs."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
BLOCKS = re.findall(r"^```python\n(.*?)^```", (DOCS / "batch.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
EXTRACTS = [block for block in BLOCKS if "arguments." in block]


def test_the_code_on_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    Path("messages.txt").write_text("where is my parcel\ngood morning\n", encoding="utf-8")
    names: dict[str, object] = {}
    for block in BLOCKS:
        if block not in EXTRACTS:
            exec(block, names)
    decision = names["decision"]
    assert getattr(decision, "reason", None) == "out_of_scope"
    assert "again_score_WISMO" in list(getattr(names["frame"], "columns", []))


def test_the_extracts_are_in_the_examples() -> None:
    examples = [
        re.sub(r"^ +", "", path.read_text("utf-8"), flags=re.MULTILINE) for path in (DOCS / "examples").glob("*.py")
    ]
    assert len(EXTRACTS) == 2
    for extract in EXTRACTS:
        assert sum(extract in example for example in examples) == 1, extract
