"""The source distribution of triage-worker builds the same wheel."""

import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.packaging.distributions import VERSION, build_wheel

pytestmark = pytest.mark.packaging

TOP = {
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "PKG-INFO",
    "README.md",
    "constraints.txt",
    "models",
    "pyproject.toml",
    "schemas",
    "worker",
}


def test_its_top_level_is_the_sources_and_the_project_files(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        paths = [Path(name).parts for name in archive.getnames()]
    assert {parts[0] for parts in paths} == {f"triage_worker-{VERSION}"}
    assert {parts[1] for parts in paths} == TOP
    assert {parts[2] for parts in paths if parts[1] == "models"} == {"triage_models", "bundles", "corpus"}
    assert {parts[2] for parts in paths if parts[1] == "schemas"} == {"triage_schemas"}
    assert {parts[2] for parts in paths if parts[1] == "worker"} == {"triage_worker"}


def test_it_builds_the_same_wheel(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    rebuilt = build_wheel(sdist, tmp_path)
    assert sorted(ZipFile(rebuilt).namelist()) == sorted(ZipFile(wheel).namelist())
