"""An LLM beside a bundle: what is asked, what counts, what it costs, and what a second run does not pay for again."""

import asyncio
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from triage_models.metrics.rows import LabelledRows
from triage_models.report import comparison as beside
from triage_models.report.evaluation import Measured
from triage_models.serving.decision import Decision
from triage_worker.config.errors import ConfigError, TriageError
from triage_worker.config.settings import Settings
from triage_worker.llm_evaluation.answer_cache import FILE, AnswerCache
from triage_worker.llm_evaluation.comparison import LlmComparison, Plan

from tests.models.samples import manifest
from tests.worker.fallback.llm_server import (
    Handler,
    LlmServer,
    always,
    answer,
    completion,
    fails_a_third_of_the_time,
    message,
)

LABELS = ("WISMO", "RETURN_REQUEST", "OTHER")
SETTINGS: dict[str, Any] = {
    "llm_model": "m",
    "llm_price_input": 1.0,
    "llm_price_output": 2.0,
    # Longer than any pause of a busy machine: a call that times out is repeated, and the counts below would not add up.
    "llm_timeout_s": 120.0,
    "llm_deadline_s": 200.0,
}
PRICE = (100 * 1.0 + 10 * 2.0) / 1e6
"""Of one answer of the fake endpoint."""


def measured(*rows: tuple[str, str, str, str | None], speed: float = 1_000.0) -> Measured:
    """Rows of text, label, the bundle's intent, and why it refused."""
    decisions = [
        Decision(intent, 0.9 if reason is None else 0.3, reason is None, reason, dict.fromkeys(LABELS, 0.3), 0.9, False)  # type: ignore[arg-type]
        for _, _, intent, reason in rows
    ]
    labelled = LabelledRows([row[0] for row in rows], [row[1] for row in rows], {})
    return Measured(manifest(LABELS), frozenset({"OOS"}), labelled, decisions, speed)


def easy(rows: int) -> Measured:
    """Every other row is refused by the bundle; each text begins with its label."""
    labels = [LABELS[number % 3] for number in range(rows)]
    return measured(
        *((f"{label} {number}", label, label, "low_confidence" if number % 2 else None)
          for number, label in enumerate(labels))
    )  # fmt: skip


async def ask(server: LlmServer, what: Measured, folder: Path | None = None, **more: Any) -> dict[str, Any]:
    """The comparison; ``more`` are settings, or a plan."""
    plan = more.pop("plan", Plan())
    settings = Settings.load(**(SETTINGS | {"llm_url": server.url} | more))
    # In a thread of its own, since it runs an event loop, as the command does.
    result: dict[str, Any] = (await asyncio.to_thread(LlmComparison(settings, plan, folder), what))["llm"]
    assert list(beside.rows(result))
    assert beside.section(result).count("<tr>") == 1 + len(list(beside.rows(result)))
    json.dumps(result, allow_nan=False)
    return result


def hinted(body: dict[str, Any]) -> bool:
    """Whether a question has the bundle's guesses."""
    return "candidates" in body["messages"][1]["content"]


async def knows(body: dict[str, Any]) -> web.StreamResponse:
    """Right, by the label that a text begins with."""
    return answer(message(body).split()[0])


async def test_three_ways_on_the_same_rows_with_their_money() -> None:
    what = measured(
        ("WISMO 1", "WISMO", "WISMO", None),
        ("OTHER 2", "RETURN_REQUEST", "RETURN_REQUEST", None),
        ("WISMO 3", "WISMO", "OTHER", "low_confidence"),
        ("none 4", "OOS", "OTHER", "unfamiliar"),
    )

    async def handle(body: dict[str, Any]) -> web.StreamResponse:
        first = message(body).split()[0]
        return answer(
            "none of these" if first == "none" else first,
            0.5 if "candidates" in body["messages"][1]["content"] else 0.9,
        )

    async with LlmServer(handle) as server:
        found = await ask(server, what, llm_min_confidence=0.5, plan=Plan(machine_price=3.6))
        ways = found["ways"]
        assert [ways[name]["accuracy"] for name in beside.WAYS] == pytest.approx([2 / 3, 2 / 3, 1])
        assert [ways[name]["accepted_errors"] for name in beside.WAYS] == [1, 0, 0]
        assert [ways[name]["review_share"] for name in beside.WAYS] == [0.25, 0.5, 0.25]
        machine = 1000 * 3.6 / 3600 / 1_000
        assert [ways[name]["money_per_1000"] for name in beside.WAYS] == pytest.approx(
            [1000 * PRICE, machine, machine + 1000 * PRICE / 2]
        )
        assert found["answers"] == {
            "llm": {"decided": 3, "none_of_these": 1},
            "cascade": {"decided": 1, "none_of_these": 1},
        }
        unsure = await ask(server, what, llm_min_confidence=0.6)
        assert unsure["answers"]["cascade"] == {"unsure": 1, "none_of_these": 1}
        assert unsure["ways"]["cascade"]["review_share"] == 0.5, "what nobody is sure of goes to a person"
        assert unsure["ways"]["cascade"]["accuracy"] == 1, "the unsure answer would have been right"


async def test_alone_the_llm_is_not_told_what_the_bundle_thinks() -> None:
    async with LlmServer(knows) as server:
        await ask(server, easy(4))
        alone = [body for body in server.asked if not hinted(body)]
        assert len(alone) == 4
        assert not any("candidates" in body["messages"][0]["content"] for body in alone)
        assert len(server.asked) == 6, "and as the fallback about what the bundle refused"


@pytest.mark.parametrize(("wanted", "questions"), [(False, 1), (True, 2)])
async def test_what_has_no_intent_is_asked_about_as_the_fallback_would(wanted: bool, questions: int) -> None:
    async with LlmServer(knows) as server:
        found = await ask(server, measured(("OTHER hi", "OOS", "OTHER", "out_of_scope")), llm_out_of_scope=wanted)
        assert len(server.asked) == questions
        assert found["ways"]["cascade"]["review_share"] == (0 if wanted else 1)


async def test_an_endpoint_that_fails_in_five_ways_is_counted_to_the_last_row() -> None:
    hang = asyncio.Event()
    async with LlmServer(fails_a_third_of_the_time(hang)) as server:
        found = await ask(server, easy(40), llm_timeout_s=0.2)
        hang.set()
    assert sum(found["answers"]["llm"].values()) == found["rows"] == 40
    assert sum(found["answers"]["cascade"].values()) == 20
    assert found["calls"]["unavailable"] >= 10
    assert found["answers"]["llm"].get("unparsable", 0) + found["answers"]["llm"].get("not_a_label", 0) >= 2
    assert found["ways"]["llm"]["accuracy"] == found["answers"]["llm"]["decided"] / 40
    assert found["calls"]["answered"] + found["calls"]["unavailable"] == len(server.asked)
    assert any("failed calls" in sentence for sentence in beside.notes(found))


@pytest.mark.parametrize(
    ("response", "why"),
    [
        (lambda: completion("I think that it is about a parcel."), "unparsable"),
        (lambda: answer("REFUND_ALL"), "not_a_label"),
        (lambda: answer("WISMO", 0.1), "unsure"),
    ],
)
async def test_useless_answers_are_paid_for_and_none_is_acted_on(
    response: Callable[[], web.Response], why: str
) -> None:
    async with LlmServer(always(response)) as server:
        found = await ask(server, easy(12))
    assert found["answers"]["llm"] == {why: 12}
    assert found["ways"]["llm"]["review_share"] == 1
    assert found["spent"] == pytest.approx(PRICE * len(server.asked))


async def test_tokens_are_counted_where_the_endpoint_does_not_say() -> None:
    content = '{"intent": "WISMO", "confidence": 0.9}'
    async with LlmServer(always(lambda: completion(content, usage=None))) as server:
        found = await ask(server, easy(6))
    assert found["calls"]["without_usage"] == 9
    assert found["calls"]["tokens_out_per_message"] == len(content) // 4
    assert 100 < found["calls"]["tokens_in_per_message"] < 600
    assert any("came without a count of tokens" in sentence for sentence in beside.notes(found))


async def test_money_stops_it_cleanly_with_a_report_on_what_was_asked() -> None:
    async with LlmServer(knows) as server:
        # What is set aside for a call is far more than what it takes, and eight calls are under way at once.
        found = await ask(server, easy(300), plan=Plan(max_money=20 * PRICE))
        assert found["stopped"] == "max_money"
        assert 4 <= found["rows"] < 20
        assert found["rows_wanted"] == 300
        assert found["spent"] == pytest.approx(PRICE * len(server.asked))
        assert found["spent"] <= 20 * PRICE
        with pytest.raises(TriageError, match="does not pay for one message"):
            await ask(server, easy(3), plan=Plan(max_money=PRICE))
        with pytest.raises(ConfigError, match="--max-money needs TRIAGE_LLM_PRICE_INPUT and TRIAGE_LLM_PRICE_OUTPUT"):
            await ask(server, easy(3), plan=Plan(max_money=1.0), llm_price_input=0.0, llm_price_output=0.0)


async def test_a_failed_call_that_may_be_billed_uses_up_money_but_is_not_reported_as_spent() -> None:
    async def first_fails(body: dict[str, Any]) -> web.StreamResponse:
        return web.Response(text="<html>out of order") if len(server.asked) == 1 else await knows(body)

    async with LlmServer(first_fails) as server:
        found = await ask(server, easy(300), plan=Plan(max_money=20 * PRICE))
    assert found["stopped"] == "max_money"
    assert found["spent"] == pytest.approx(PRICE * (len(server.asked) - 1))
    assert found["spent"] + 700e-6 <= 20 * PRICE, "what was reserved for the failed call stays reserved"


async def test_a_second_run_asks_only_what_the_first_did_not(tmp_path: Path) -> None:
    async with LlmServer(knows) as server:
        first = await ask(server, easy(60), tmp_path, plan=Plan(max_money=30 * PRICE))
        paid = len(server.asked)
        second = await ask(server, easy(60), tmp_path)
        assert len(server.asked) == 90, "60 rows, and again the half that the bundle refused"
        assert second["answers_reused"] == paid
        assert second["spent"] == pytest.approx(PRICE * (90 - paid))
        assert second["rows"] == 60 > first["rows"]
        third = await ask(server, easy(60), tmp_path)
        assert (len(server.asked), third["spent"]) == (90, 0)
        assert third["ways"] == second["ways"], "what an answer cost belongs to it, whoever paid"
        await ask(server, easy(60), tmp_path, llm_model="another")
        assert len(server.asked) == 180, "another model is asked anew"


async def test_failures_are_not_kept(tmp_path: Path) -> None:
    async with LlmServer(knows) as server:
        server.handler = always(lambda: web.Response(status=500))
        with pytest.raises(TriageError, match=r"answered no question \(status 500\)"):
            await ask(server, easy(2), tmp_path, llm_deadline_s=0.2)
        server.handler = knows
        assert (await ask(server, easy(2), tmp_path))["answers"]["llm"] == {"decided": 2}


async def test_an_endpoint_that_goes_away_is_not_waited_for_a_thousand_times() -> None:
    async with LlmServer(knows) as server:

        async def dies(body: dict[str, Any]) -> web.StreamResponse:
            return await knows(body) if len(server.asked) <= 20 else web.Response(status=503)

        server.handler = dies
        found = await ask(server, easy(1_000), llm_deadline_s=0.3)
    assert found["stopped"] == "no_answer"
    assert found["rows"] < 100
    assert found["answers"]["llm"]["decided"] >= 10
    assert {"unavailable", "deadline"} & found["answers"]["llm"].keys(), "they count, and are not dropped"


async def test_a_sample_is_drawn_by_label_and_seed() -> None:
    async with LlmServer(knows) as server:
        found = await ask(server, easy(90), plan=Plan(rows=9, seed=3))
        texts = [message(body) for body in server.asked]
        server.asked.clear()
        await ask(server, easy(90), plan=Plan(rows=9, seed=3))
        assert sorted(texts) == sorted(message(body) for body in server.asked)
    assert found["rows"] == 9
    assert {label: len({text for text in texts if text.startswith(label)}) for label in LABELS} == dict.fromkeys(
        LABELS, 3
    )


async def test_a_refused_key_stops_before_anything_is_asked() -> None:
    async with LlmServer(knows, key="right") as server:
        with pytest.raises(ConfigError, match="check TRIAGE_LLM_API_KEY"):
            await ask(server, easy(2), llm_api_key="wrong")
        assert server.asked == []


@pytest.mark.parametrize("cut", range(1, 30, 7))
def test_an_answer_cut_off_in_the_middle_is_left_out_and_the_rest_is_read(tmp_path: Path, cut: int) -> None:
    line = '{"question":"%s","said":{"answer":{"intent":"WISMO","confidence":0.9},"calls":[]}}\n'
    whole = line % "a" + line % "b"
    (tmp_path / FILE).write_text(whole[:-cut])
    with AnswerCache(tmp_path) as cache:
        assert ("a" in cache, "b" in cache) == (True, cut == 1)
        said = cache.get("a")
        assert said is not None
        cache.add("c", said)
    with AnswerCache(tmp_path) as cache:
        assert "a" in cache
        assert "c" in cache


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TriageError, match="Answers cannot be stored in"), AnswerCache(tmp_path / "file"):
        pass


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


async def test_the_command_goes_on_where_ctrl_c_stopped_it(rows: Path) -> None:
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
        kept = len((rows.parent / "out" / "answers.jsonl").read_text().splitlines())
        assert kept in (11, 12), "the one that was asked last but one may have been on its way"
        forever.set()
        server.handler = knows
        server.asked.clear()
        second = await triage(*arguments, folder=rows.parent)
        out, err = await second.communicate()
        assert second.returncode == 0, err.decode()
        assert len(server.asked) == 30 - kept + sum(map(hinted, server.asked))
    figures = json.loads(out)
    assert figures["rows"] == figures["llm"]["rows"] == 30
    assert figures["llm"]["answers_reused"] == kept
    assert figures["llm"]["ways"]["llm"]["accuracy"] == 1
    report = (rows.parent / "out" / "report.html").read_text()
    assert "<h2>Beside m</h2>" in report
    assert json.loads((rows.parent / "out" / "metrics.json").read_text()) == figures
    assert "where is my order" not in (rows.parent / "out" / FILE).read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--rows", "5"], "--rows is about an LLM: give --llm URL, too."),
        (["--llm", "http://127.0.0.1:1/v1"], "give --llm-model"),
        (["--llm", "nowhere"], "--llm-url (flag) is not valid"),
        (
            ["--llm", "http://127.0.0.1:1/v1", "--llm-model", "m", "--llm-deadline-s", "0.1"],
            "answered no question (ClientC",
        ),
    ],
)
async def test_what_cannot_be_measured_is_one_sentence(rows: Path, arguments: list[str], says: str) -> None:
    process = await triage("--data", str(rows), *arguments, folder=rows.parent)
    _, err = await process.communicate()
    assert process.returncode == 2
    assert says in err.decode()
    assert "Traceback" not in err.decode()
