"""The limit of open files: raised as far as the system allows, and unknown where it is unlimited."""

import resource
from pathlib import Path

import pytest
from triage_worker.resilience import file_descriptors


def test_without_a_limit_the_number_of_further_files_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert (file_descriptors.limit(), file_descriptors.available()) == (None, None)


def test_a_system_that_does_not_list_open_files_leaves_their_number_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_descriptors, "OPEN_FILES", tmp_path / "fd")
    assert file_descriptors.available() is None


def test_the_soft_limit_becomes_the_hard_one_if_the_system_allows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted: list[tuple[int, int]] = []

    def refuse(_: int, limits: tuple[int, int]) -> None:
        wanted.append(limits)
        raise ValueError("no")

    monkeypatch.setattr(resource, "getrlimit", lambda _: (10, 99))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    file_descriptors.raise_limit()
    assert wanted == [(99, 99)]
