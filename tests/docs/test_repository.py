"""Files that GitHub and pre-commit read: workflows run make targets, forms are well formed, hooks name what exists."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FORMS = sorted(path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_the_workflow_runs_what_a_developer_runs() -> None:
    workflow = load(ROOT / ".github" / "workflows" / "ci.yml")
    assert workflow["permissions"] == {"contents": "read"}
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert [step["run"] for step in steps if "run" in step] == ["bash .ci/run"]


def test_the_weekly_workflow_runs_what_ci_leaves_out() -> None:
    workflow = load(ROOT / ".github" / "workflows" / "weekly.yml")
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == ["make ${{ matrix.target }}"]
    targets = {one["target"] for one in job["strategy"]["matrix"]["include"]}
    assert targets == {"examples", "lowest", "newest"}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert targets <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_is_well_formed(form: Path) -> None:
    fields = load(form)
    assert {"name", "description", "body"} <= set(fields)
    inputs = [field for field in fields["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in inputs}) == len(inputs) > 0
    assert all(field["attributes"]["label"] for field in inputs)


def test_hooks_run_tools_of_the_dev_extra() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    tools = {"ruff": "ruff", "mypy": "mypy", "lint-imports": "import-linter"}
    hooks = [hook for repo in load(ROOT / ".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    entries = [hook["entry"].split()[0] for hook in hooks if hook["entry"].startswith(".venv/bin/")]
    assert len(entries) >= 4
    assert all(f'"{tools[Path(entry).name]}>=' in project for entry in entries)
