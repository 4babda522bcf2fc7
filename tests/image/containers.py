"""Starts the services of a test as containers of the image, without any right that they do not need."""

import os
import subprocess
import tomllib
import uuid
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.deploy.tools import ROOT
from tests.kafka.harness import KafkaHarness

ENGINE = os.environ.get("ENGINE", "")
"""The container engine, which deploy/image/engine sets."""

IMAGE = f"triage:{tomllib.loads((ROOT / 'pyproject.toml').read_text(encoding='utf-8'))['project']['version']}"

MARKS = [
    pytest.mark.image,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not ENGINE, reason="ENGINE is not set: `make image-test` sets it"),
]

STRANGER = "4321:4321"
"""A user that the image does not know, as OpenShift starts it: without a name and a home."""


def restrictions(user: str) -> list[str]:
    """Return the options of `run` that take away what a container has too much; the engine's default seccomp stays."""
    rights = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    return [*rights, "--user", user, "--cpus", "0.5", "--memory", "400m", "--network", "host"]


def engine(*arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    """Call the engine; fails with its complete output if the exit code is not 0."""
    done = subprocess.run([ENGINE, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0 or not check, f"{arguments}:\n{done.stdout}\n{done.stderr}"
    return done


def run(*command: str, user: str = STRANGER, program: str = "triage") -> str:
    """Run a program in a container of its own and return its output."""
    return engine("run", "--rm", *restrictions(user), "--entrypoint", program, IMAGE, *command).stdout


class ContainerHarness(KafkaHarness):
    """Topics of one test, and services on them, each in a container.

    Args:
        bootstrap: the servers of the broker.
        folder: for logs; containers see it at the same path.
        user: whom they run as.
    """

    def __init__(self, bootstrap: str, folder: Path, user: str = STRANGER) -> None:
        super().__init__(bootstrap, folder)
        self._shared = folder
        self._user = user
        self._names: list[str] = []

    def arguments(self, module: str, variables: Sequence[str]) -> list[str]:
        """Return the command that starts a container; the engine passes signals on to the service."""
        program, *command = module.split()
        assert program == "triage_worker", "the image has no other module"
        self._names.append(f"triage-test-{uuid.uuid4().hex[:8]}")
        passed = [option for name in variables for option in ("--env", name)]
        shared = ["--volume", f"{self._shared}:{self._shared}:ro", "--name", self._names[-1]]
        return [ENGINE, "run", "--rm", *shared, *restrictions(self._user), *passed, IMAGE, *command]

    def stop(self) -> None:
        """Remove the containers that still run."""
        super().stop()
        for name in self._names:
            engine("rm", "--force", name, check=False)
