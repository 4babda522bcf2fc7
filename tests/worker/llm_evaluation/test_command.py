"""``triage evaluate --llm`` as a process: interrupted and continued, and its errors."""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from triage_worker.llm_evaluation.answer_cache import FILE

from tests.worker.fallback.llm_server import Handler, LlmServer
from tests.worker.llm_evaluation.test_llm_evaluation import hinted, knows


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A CSV for the shipped bundle."""
    file = tmp_path / "rows.csv"
    file.write_text("text,label\n" + "".join(f"WISMO where is my order {number}?,WISMO\n" for number in range(30)))
    return file


async def triage(*arguments: str, folder: Path) -> "asyncio.subprocess.Process":
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "triage_worker", "evaluate", *arguments,
        cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={"TRIAGE_LLM_PRICE_INPUT": "1", "PYTHONPATH": str(Path(__file__).parents[3])},
    )  # fmt: skip


async def test_the_command_continues_where_ctrl_c_stopped_it(rows: Path) -> None:
    reached, forever = asyncio.Event(), asyncio.Event()

    async def stops(body: dict[str, Any]) -> web.StreamResponse:
        if len(server.asked) > 12:
            reached.set()
            await forever.wait()
        return await knows(body)

    handler: Handler = stops
    async with LlmServer(handler) as server:
        arguments = ("--llm", server.url, "--llm-model", "m", "--data", str(rows), "--output", "out", "--json")
        first = await triage(*arguments, "--llm-concurrency", "2", folder=rows.parent)
        await reached.wait()
        first.send_signal(signal.SIGINT)
        out, err = await first.communicate()
        assert first.returncode == 130, err.decode()
        assert "out has the answers so far. Run the same command again to continue" in err.decode()
        assert b"Traceback" not in err
        assert out == b""
        stored = len((rows.parent / "out" / "answers.jsonl").read_text().splitlines())
        assert stored in (11, 12), "the answer to the question before the last may still have been under way"
        forever.set()
        server.handler = knows
        server.asked.clear()
        second = await triage(*arguments, folder=rows.parent)
        out, err = await second.communicate()
        assert second.returncode == 0, err.decode()
        assert len(server.asked) == 30 - stored + sum(map(hinted, server.asked))
    figures = json.loads(out)
    assert figures["rows"] == figures["llm"]["rows"] == 30
    assert figures["llm"]["answers_reused"] == stored
    assert figures["llm"]["ways"]["llm"]["accuracy"] == 1
    report = (rows.parent / "out" / "report.html").read_text()
    assert "<h2>Comparison with m</h2>" in report
    assert json.loads((rows.parent / "out" / "metrics.json").read_text()) == figures
    assert "where is my order" not in (rows.parent / "out" / FILE).read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rows", "5"], "--rows is about an LLM: give --llm URL, too."),
        (["--llm", "http://127.0.0.1:1/v1"], "give --llm-model"),
        (["--llm", "nowhere"], "--llm-url (flag) is not valid"),
        (
            ["--llm", "http://127.0.0.1:1/v1", "--llm-model", "m", "--llm-deadline-s", "1"],
            "answered no question (ClientC",
        ),
    ],
)
async def test_an_error_is_one_sentence(rows: Path, arguments: list[str], message: str) -> None:
    process = await triage("--data", str(rows), *arguments, folder=rows.parent)
    _, err = await process.communicate()
    assert process.returncode == 2
    assert message in err.decode()
    assert "Traceback" not in err.decode()
