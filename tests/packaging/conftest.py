"""Each distribution is built once for all tests."""

from pathlib import Path

import pytest

from tests.packaging.distributions import ROOT, Environment, build_sdist, build_wheel


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of triage-worker."""
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution of triage-worker."""
    return build_sdist(ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Environment:
    """An environment with the wheel of triage-worker and its dependencies."""
    environment = Environment.create(tmp_path_factory.mktemp("installed") / "venv")
    environment.install(wheel)
    environment.add_all_packages()
    return environment
