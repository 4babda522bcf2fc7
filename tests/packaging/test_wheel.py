"""The wheel of triage-worker contains what a user needs, and nothing else."""

import subprocess
import tomllib
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from packaging.metadata import Metadata

from tests.packaging.distributions import ROOT, VERSION

pytestmark = pytest.mark.packaging

PACKAGES = ("triage_models", "triage_schemas", "triage_worker")
DIST_INFO = f"triage_worker-{VERSION}.dist-info"
SOURCES = {
    "schemas/triage_schemas/": "triage_schemas/",
    "models/triage_models/": "triage_models/",
    "models/bundles/ecommerce/": "triage_models/bundles/ecommerce/",
    "models/corpus/": "triage_models/corpus/",
    "worker/triage_worker/": "triage_worker/",
}
LIMIT_MB = 80
"""PyPI accepts 100 MB. The model's weights are 73 MB before compression."""


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    return set(ZipFile(wheel).namelist())


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Metadata:
    """Validated: `Metadata` refuses unknown licences, malformed URLs and the like."""
    return Metadata.from_email(ZipFile(wheel).read(f"{DIST_INFO}/METADATA"))


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    loaded: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return loaded


def test_its_top_level_is_the_three_packages(names: set[str]) -> None:
    assert {name.partition("/")[0] for name in names} == {*PACKAGES, DIST_INFO}


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git clone: the expected files are unknown")
def test_it_contains_the_files_of_the_repository_and_no_others(names: set[str]) -> None:
    listing = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *SOURCES)
    listed = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
    expected = {
        target + path.removeprefix(source)
        for path in listed
        for source, target in SOURCES.items()
        if path.startswith(source) and (ROOT / path).exists()
    }
    assert {name for name in names if not name.startswith(DIST_INFO)} == expected


def test_it_contains_the_data_that_the_code_opens(names: set[str]) -> None:
    assert {
        "triage_models/bundles/ecommerce/triage.json",
        "triage_models/bundles/ecommerce/model.int8.onnx",
        "triage_models/bundles/ecommerce/model.fp16.onnx",
        "triage_models/corpus/messages.csv",
        "triage_worker/demo/data/demo_messages.jsonl",
        "triage_worker/routing/routes.yaml",
    } <= names


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_is_typed(names: set[str], package: str) -> None:
    assert f"{package}/py.typed" in names


def test_it_has_the_command_and_the_licence(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        entry_points = archive.read(f"{DIST_INFO}/entry_points.txt").decode()
        licence = archive.read(f"{DIST_INFO}/licenses/LICENSE").decode()
    assert entry_points.split() == ["[console_scripts]", "triage", "=", "triage_worker.cli.main:main"]
    assert licence == (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_its_metadata_is_complete(metadata: Metadata, project: dict[str, Any]) -> None:
    assert metadata.license_expression == "Apache-2.0"
    assert metadata.license_files == ["LICENSE"]
    assert metadata.summary == project["description"]
    assert metadata.keywords == sorted(project["keywords"])
    assert metadata.classifiers == project["classifiers"]
    assert metadata.description == (ROOT / "README.md").read_text(encoding="utf-8")
    assert metadata.description_content_type == "text/markdown"
    assert str(metadata.requires_python) == project["requires-python"]
    assert {str(name) for name in metadata.provides_extra or ()} >= {
        "gpu",
        "router",
        "otel",
        "registry",
        "demo",
        "train",
    }


def test_the_image_copies_the_files_that_the_build_reads(project: dict[str, Any]) -> None:
    stage = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8").split(" AS code\n")[1].split("\nFROM ")[0]
    needed = {"pyproject.toml", project["readme"], *project["license-files"]}
    assert needed <= set(stage.split())
    admitted = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {f"!{name}" for name in needed} <= set(admitted)


def test_its_size_fits_a_package_index(wheel: Path) -> None:
    assert wheel.stat().st_size < LIMIT_MB * 1_000_000
