"""How the command ends: one sentence and an exit code, and no traceback for what a user can cause."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

COMMANDS = [
    ["settings"],
    ["settings", "--json"],
    ["asyncapi"],
    ["bundle", "inspect"],
    ["classify", "where is my parcel"],
    ["classify", "--format", "jsonl", "where is my parcel"],
    ["--help"],
]


def triage(command: list[str], stdout: IO[str] | int, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "triage_worker", *command],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env=os.environ | variables,
    )


def triage_in_shell(command: list[str], redirections: str) -> "subprocess.CompletedProcess[str]":
    """Run a command with some of its streams closed."""
    line = f'exec "$@" {redirections}'
    arguments = ["sh", "-c", line, "sh", sys.executable, "-m", "triage_worker", *command]
    return subprocess.run(arguments, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_full_disk_is_one_sentence(command: list[str]) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 (a device)
        done = triage(command, full)
    assert done.stderr == "triage: The output cannot be written: No space left on device.\n"
    assert done.returncode == 2


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_closed_output_is_no_error(command: list[str]) -> None:
    done = triage_in_shell(command, ">&-")
    assert (done.returncode, done.stderr) == (0, "")


FIRST_PROCESS = """
import os, signal, time
pid, os.getpid = os.getpid(), lambda: {pid}
from triage_worker.cli import main

main._run = lambda: (os.kill(pid, signal.SIGTERM), time.sleep(60))
main.main()
"""
"""A command that gets a signal while it is being loaded."""


@pytest.mark.parametrize(("pid", "code"), [("1", 128 + signal.SIGTERM), ("pid", -signal.SIGTERM)])
def test_the_first_process_of_a_container_heeds_a_signal_from_the_beginning(pid: str, code: int) -> None:
    """Linux ignores signals for it that it does not handle, so that it would be killed a minute later."""
    done = subprocess.run([sys.executable, "-c", FIRST_PROCESS.format(pid=pid)], check=False, timeout=30)
    assert done.returncode == code


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_do_not_change_what_a_command_says(closed: str) -> None:
    done = triage_in_shell(["classify", "--format", "jsonl", "where is my parcel"], closed)
    assert done.returncode == 0
    assert done.stdout.startswith('{"text":"where is my parcel"') or ">&-" in closed.split()
    done = triage_in_shell(["classify", "--threads", "many"], closed)
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize(
    "command",
    [
        ["bundle", "inspect"],
        ["classify", "hi", "--bundle"],
        ["classify", "--output", "out.csv", "--input"],
        ["worker", "--security-protocol", "SSL", "--ssl-cafile"],
        ["router", "--routes"],
    ],
    ids=lambda command: command[-1],
)
@pytest.mark.parametrize("name", ["x" * 300, "loop"])
def test_a_path_that_cannot_be_used_is_one_sentence(tmp_path: Path, command: list[str], name: str) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    done = triage([*command, str(tmp_path / name)], subprocess.PIPE)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("triage: ")
    assert done.stderr.count("\n") == 1
    assert name in done.stderr


def test_an_encoding_without_emoji_gets_a_question_mark() -> None:
    command = ["classify", "where is my parcel \N{GRINNING FACE}"]
    done = triage(command, subprocess.PIPE, PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "where is my parcel ?" in done.stdout
    assert done.stderr == ""


def test_an_interruption_during_the_start_is_quiet() -> None:
    code = (
        "import builtins, sys\n"
        "real = builtins.__import__\n"
        "def interrupted(name, *more):\n"
        "    if name == 'triage_worker.cli.app': raise KeyboardInterrupt\n"
        "    return real(name, *more)\n"
        "from triage_worker.cli.main import main\n"
        "builtins.__import__ = interrupted\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
