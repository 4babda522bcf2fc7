"""Only versions of the client libraries that the patches were written for are accepted."""

import tomllib
from pathlib import Path

import pytest
from triage_worker.config.errors import ConfigError
from triage_worker.kafka.client_compat import versions
from triage_worker.kafka.client_compat.versions import AIOKAFKA, FAUST, Supported

PYPROJECT = Path(__file__).parents[4] / "pyproject.toml"


@pytest.mark.parametrize("supported", [AIOKAFKA, FAUST])
def test_the_installed_versions_are_supported(supported: Supported) -> None:
    versions.require(supported)


def test_packages_are_installed_within_the_supported_bounds() -> None:
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    assert str(AIOKAFKA) in project["dependencies"]
    assert str(FAUST) in project["optional-dependencies"]["router"]


@pytest.mark.parametrize("installed", ["0.14", "0.14.0", "0.14.3", "0.14.0rc1", "0.14.9.dev2+local"])
def test_a_supported_version_passes(installed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "version", lambda _: installed)
    versions.require(AIOKAFKA)


@pytest.mark.parametrize("installed", ["0.9", "0.13.0", "0.15.0", "0.15.0.dev1", "1.0", "unknown"])
def test_an_error_names_the_installed_and_the_supported_versions(
    installed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "version", lambda _: installed)
    with pytest.raises(ConfigError) as caught:
        versions.require(AIOKAFKA)
    assert str(caught.value) == (
        f"aiokafka {installed} is installed, but Triage works with aiokafka 0.14 up to, but not including, 0.15: "
        f"install it by `pip install 'aiokafka>=0.14,<0.15'`."
    )
