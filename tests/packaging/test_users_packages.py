"""A user's own packages `models`, `schemas`, `worker` and `tests` and the installed wheel do not disturb each other."""

import json
from pathlib import Path

import pytest

from tests.packaging.distributions import Environment, run

pytestmark = pytest.mark.packaging

OWN = ("models", "schemas", "tests", "worker")
CLASSIFY = ("classify", "--format", "jsonl", "where is my parcel")
SCRIPT = """
import sys

import models, schemas, tests, worker
from triage_models import DEFAULT_BUNDLE
from triage_schemas.events import IntentEvent
from triage_worker.cli.main import main

assert {package.OWNER for package in (models, schemas, tests, worker)} == {"the user"}
main()
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's project with packages of these names, and a script that imports them and Triage."""
    folder = tmp_path_factory.mktemp("project")
    for name in OWN:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text('OWNER = "the user"\n', encoding="utf-8")
    (folder / "script.py").write_text(SCRIPT, encoding="utf-8")
    return folder


def intent(output: str) -> str:
    found = json.loads(output)["intent"]
    assert isinstance(found, str)
    return found


def test_nothing_is_imported_from_the_checkout(installed: Environment, tmp_path: Path) -> None:
    code = (
        "import triage_models, triage_schemas, triage_worker\n"
        "print(triage_schemas.__file__, triage_worker.__file__, triage_models.DEFAULT_BUNDLE)"
    )
    paths = run(installed.python, "-c", code, cwd=tmp_path).split()
    assert len(paths) == 3
    assert all(Path(path).is_relative_to(installed.packages) for path in paths)


def test_a_script_imports_both(installed: Environment, project: Path) -> None:
    assert intent(run(installed.python, "script.py", *CLASSIFY, cwd=project)) == "WISMO"


def test_the_module_runs_in_the_users_folder(installed: Environment, project: Path) -> None:
    assert intent(run(installed.python, "-m", "triage_worker", *CLASSIFY, cwd=project)) == "WISMO"


def test_the_command_runs_in_the_users_folder(installed: Environment, project: Path) -> None:
    assert intent(run(installed.folder / "bin" / "triage", *CLASSIFY, cwd=project)) == "WISMO"


def test_the_command_runs_with_the_users_folder_on_the_path(
    installed: Environment, project: Path, tmp_path: Path
) -> None:
    variables = {"PYTHONPATH": str(project)}
    command = installed.folder / "bin" / "triage"
    assert intent(run(command, *CLASSIFY, cwd=tmp_path, variables=variables)) == "WISMO"
