"""The comparison of an LLM with a bundle: its questions, figures and costs, and what a second run reuses."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from triage_models.data.evaluation_rows import LabelledRows
from triage_models.report import llm_comparison
from triage_models.report.evaluation import ClassifiedRows
from triage_models.serving.decision import Decision
from triage_worker.config.errors import ConfigError, TriageError
from triage_worker.config.settings import Settings
from triage_worker.llm_evaluation.comparison import LlmComparison, Plan

from tests.models.samples import manifest
from tests.worker.fallback.llm_server import (
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


def measured(*rows: tuple[str, str, str, str | None], speed: float = 1_000.0) -> ClassifiedRows:
    """Rows of text, label, the bundle's intent, and why it was not accepted (None: it was)."""
    decisions = [
        Decision(intent, 0.9 if reason is None else 0.3, reason is None, reason, dict.fromkeys(LABELS, 0.3), 0.9, False)  # type: ignore[arg-type]
        for _, _, intent, reason in rows
    ]
    labelled = LabelledRows([row[0] for row in rows], [row[1] for row in rows], {})
    return ClassifiedRows(manifest(LABELS), frozenset({"OOS"}), labelled, decisions, speed)


def easy(rows: int) -> ClassifiedRows:
    """Rows whose text begins with the label; the bundle accepts every other one."""
    labels = [LABELS[number % 3] for number in range(rows)]
    return measured(
        *((f"{label} {number}", label, label, "low_confidence" if number % 2 else None)
          for number, label in enumerate(labels))
    )  # fmt: skip


async def ask(server: LlmServer, rows: ClassifiedRows, folder: Path | None = None, **more: Any) -> dict[str, Any]:
    """Run the comparison and return its figures; ``more`` are settings, or a plan."""
    plan = more.pop("plan", Plan())
    settings = Settings.load(**(SETTINGS | {"llm_url": server.url} | more))
    # In a thread of its own, because it runs its own event loop, as the command does.
    result: dict[str, Any] = (await asyncio.to_thread(LlmComparison(settings, plan, folder), rows))["llm"]
    assert list(llm_comparison.comparison_rows(result))
    assert llm_comparison.render_section(result).count("<tr>") == 1 + len(list(llm_comparison.comparison_rows(result)))
    json.dumps(result, allow_nan=False)
    return result


def hinted(body: dict[str, Any]) -> bool:
    """Whether a question has the bundle's most likely intents as hints."""
    return "candidates" in body["messages"][1]["content"]


async def knows(body: dict[str, Any]) -> web.StreamResponse:
    """Answers with the label that the text begins with, which is right."""
    return answer(message(body).split()[0])


async def test_three_strategies_on_the_same_rows_with_their_costs() -> None:
    rows = measured(
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
        figures = await ask(server, rows, llm_min_confidence=0.5, plan=Plan(machine_price=3.6))
        strategies = figures["ways"]
        assert [strategies[name]["accuracy"] for name in llm_comparison.STRATEGIES] == pytest.approx([2 / 3, 2 / 3, 1])
        assert [strategies[name]["accepted_errors"] for name in llm_comparison.STRATEGIES] == [1, 0, 0]
        assert [strategies[name]["review_share"] for name in llm_comparison.STRATEGIES] == [0.25, 0.5, 0.25]
        machine = 1000 * 3.6 / 3600 / 1_000
        assert [strategies[name]["money_per_1000"] for name in llm_comparison.STRATEGIES] == pytest.approx(
            [1000 * PRICE, machine, machine + 1000 * PRICE / 2]
        )
        assert figures["answers"] == {
            "llm": {"decided": 3, "none_of_these": 1},
            "cascade": {"decided": 1, "none_of_these": 1},
        }
        unsure = await ask(server, rows, llm_min_confidence=0.6)
        assert unsure["answers"]["cascade"] == {"unsure": 1, "none_of_these": 1}
        assert unsure["ways"]["cascade"]["review_share"] == 0.5, "unsure answers go to a person"
        assert unsure["ways"]["cascade"]["accuracy"] == 1, "the unsure answer would have been right"


async def test_alone_the_llm_gets_no_hints_of_the_bundle() -> None:
    async with LlmServer(knows) as server:
        await ask(server, easy(4))
        alone = [body for body in server.asked if not hinted(body)]
        assert len(alone) == 4
        assert not any("candidates" in body["messages"][0]["content"] for body in alone)
        assert len(server.asked) == 6, "and again, as the fallback, about what the bundle did not accept"


@pytest.mark.parametrize(("wanted", "questions"), [(False, 1), (True, 2)])
async def test_out_of_scope_messages_are_asked_about_if_the_fallback_would(wanted: bool, questions: int) -> None:
    async with LlmServer(knows) as server:
        figures = await ask(server, measured(("OTHER hi", "OOS", "OTHER", "out_of_scope")), llm_out_of_scope=wanted)
        assert len(server.asked) == questions
        assert figures["ways"]["cascade"]["review_share"] == (0 if wanted else 1)


async def test_every_row_is_counted_when_the_endpoint_fails_in_five_ways() -> None:
    hang = asyncio.Event()
    async with LlmServer(fails_a_third_of_the_time(hang)) as server:
        figures = await ask(server, easy(40), llm_timeout_s=0.2)
        hang.set()
    assert sum(figures["answers"]["llm"].values()) == figures["rows"] == 40
    assert sum(figures["answers"]["cascade"].values()) == 20
    assert figures["calls"]["unavailable"] >= 10
    assert figures["answers"]["llm"].get("unparsable", 0) + figures["answers"]["llm"].get("not_a_label", 0) >= 2
    assert figures["ways"]["llm"]["accuracy"] == figures["answers"]["llm"]["decided"] / 40
    assert figures["calls"]["answered"] + figures["calls"]["unavailable"] == len(server.asked)
    assert any("failed calls" in sentence for sentence in llm_comparison.comparison_notes(figures))


@pytest.mark.parametrize(
    ("response", "why"),
    [
        (lambda: completion("I think that it is about a parcel."), "unparsable"),
        (lambda: answer("REFUND_ALL"), "not_a_label"),
        (lambda: answer("WISMO", 0.1), "unsure"),
    ],
)
async def test_unusable_answers_are_paid_for_and_none_is_accepted(
    response: Callable[[], web.Response], why: str
) -> None:
    async with LlmServer(always(response)) as server:
        figures = await ask(server, easy(12))
    assert figures["answers"]["llm"] == {why: 12}
    assert figures["ways"]["llm"]["review_share"] == 1
    assert figures["spent"] == pytest.approx(PRICE * len(server.asked))


async def test_tokens_are_estimated_without_usage() -> None:
    content = '{"intent": "WISMO", "confidence": 0.9}'
    async with LlmServer(always(lambda: completion(content, usage=None))) as server:
        figures = await ask(server, easy(6))
    assert figures["calls"]["without_usage"] == 9
    assert figures["calls"]["tokens_out_per_message"] == len(content) // 4
    assert 100 < figures["calls"]["tokens_in_per_message"] < 600
    assert any("reported no token count" in sentence for sentence in llm_comparison.comparison_notes(figures))


async def test_max_money_stops_the_run_with_a_report_so_far() -> None:
    async with LlmServer(knows) as server:
        # Far more is reserved for a call than it costs, and eight calls run at once.
        figures = await ask(server, easy(300), plan=Plan(max_money=20 * PRICE))
        assert figures["stopped"] == "max_money"
        assert 4 <= figures["rows"] < 20
        assert figures["rows_wanted"] == 300
        assert figures["spent"] == pytest.approx(PRICE * len(server.asked))
        assert figures["spent"] <= 20 * PRICE
        with pytest.raises(TriageError, match="does not pay for one message"):
            await ask(server, easy(3), plan=Plan(max_money=PRICE))
        with pytest.raises(ConfigError, match="--max-money needs TRIAGE_LLM_PRICE_INPUT and TRIAGE_LLM_PRICE_OUTPUT"):
            await ask(server, easy(3), plan=Plan(max_money=1.0), llm_price_input=0.0, llm_price_output=0.0)


async def test_a_failed_call_that_may_be_billed_uses_up_money_but_is_not_reported_as_spent() -> None:
    async def first_fails(body: dict[str, Any]) -> web.StreamResponse:
        return web.Response(text="<html>out of order") if len(server.asked) == 1 else await knows(body)

    async with LlmServer(first_fails) as server:
        figures = await ask(server, easy(300), plan=Plan(max_money=20 * PRICE))
    assert figures["stopped"] == "max_money"
    assert figures["spent"] == pytest.approx(PRICE * (len(server.asked) - 1))
    assert figures["spent"] + 700e-6 <= 20 * PRICE, "what was reserved for the failed call stays reserved"


async def test_a_second_run_asks_only_what_the_first_did_not(tmp_path: Path) -> None:
    async with LlmServer(knows) as server:
        first = await ask(server, easy(60), tmp_path, plan=Plan(max_money=30 * PRICE))
        paid = len(server.asked)
        second = await ask(server, easy(60), tmp_path)
        assert len(server.asked) == 90, "60 rows, and again the half that the bundle did not accept"
        assert second["answers_reused"] == paid
        assert second["spent"] == pytest.approx(PRICE * (90 - paid))
        assert second["rows"] == 60 > first["rows"]
        third = await ask(server, easy(60), tmp_path)
        assert (len(server.asked), third["spent"]) == (90, 0)
        assert third["ways"] == second["ways"], "an answer keeps its cost, whichever run paid for it"
        await ask(server, easy(60), tmp_path, llm_model="another")
        assert len(server.asked) == 180, "another model has no stored answers"


async def test_failures_are_not_stored(tmp_path: Path) -> None:
    async with LlmServer(knows) as server:
        server.handler = always(lambda: web.Response(status=500))
        with pytest.raises(TriageError, match=r"answered no question \(status 500\)"):
            await ask(server, easy(2), tmp_path, llm_deadline_s=1.0)
        server.handler = knows
        assert (await ask(server, easy(2), tmp_path))["answers"]["llm"] == {"decided": 2}


async def test_an_endpoint_that_stops_answering_ends_the_run() -> None:
    async with LlmServer(knows) as server:

        async def dies(body: dict[str, Any]) -> web.StreamResponse:
            return await knows(body) if len(server.asked) <= 20 else web.Response(status=503)

        server.handler = dies
        figures = await ask(server, easy(1_000), llm_deadline_s=1.5)
    assert figures["stopped"] == "no_answer"
    assert figures["rows"] < 100
    assert figures["answers"]["llm"]["decided"] >= 10
    assert {"unavailable", "deadline"} & figures["answers"]["llm"].keys(), "failures are counted, and not dropped"


async def test_a_sample_is_drawn_by_label_and_seed() -> None:
    async with LlmServer(knows) as server:
        figures = await ask(server, easy(90), plan=Plan(rows=9, seed=3))
        texts = [message(body) for body in server.asked]
        server.asked.clear()
        await ask(server, easy(90), plan=Plan(rows=9, seed=3))
        assert sorted(texts) == sorted(message(body) for body in server.asked)
    assert figures["rows"] == 9
    assert {label: len({text for text in texts if text.startswith(label)}) for label in LABELS} == dict.fromkeys(
        LABELS, 3
    )


async def test_a_rejected_key_stops_the_run_before_any_question() -> None:
    async with LlmServer(knows, key="right") as server:
        with pytest.raises(ConfigError, match="check TRIAGE_LLM_API_KEY"):
            await ask(server, easy(2), llm_api_key="wrong")
        assert server.asked == []


@pytest.mark.parametrize("concurrency", [1, 2, 8, 32])
async def test_an_endpoint_that_refuses_everything_ends_the_run_at_once_with_its_words(concurrency: int) -> None:
    words = {"error": {"message": "Your credit balance is too low"}}
    async with LlmServer(always(lambda: web.json_response(words, status=400))) as server:
        with pytest.raises(TriageError, match=r"answered no question \(.*status 400: “Your credit balance is too low”"):
            await ask(server, easy(300), llm_concurrency=concurrency)
        assert len(server.asked) <= 4


@pytest.mark.parametrize("concurrency", [1, 8])
async def test_an_endpoint_that_begins_to_refuse_ends_the_run_and_no_refusal_is_stored(
    tmp_path: Path, concurrency: int
) -> None:
    async with LlmServer(knows) as server:

        async def used_up(body: dict[str, Any]) -> web.StreamResponse:
            return await knows(body) if len(server.asked) <= 20 else web.Response(status=402, text="no credit")

        server.handler = used_up
        figures = await ask(server, easy(300), tmp_path, llm_concurrency=concurrency)
        assert figures["stopped"] == "no_answer"
        assert len(server.asked) <= 20 + concurrency + 1
        assert "refused" not in figures["answers"]["llm"]
        server.handler = knows
        figures = await ask(server, easy(300), tmp_path, llm_concurrency=concurrency)
        assert (figures["stopped"], figures["answers"]["llm"]) == (None, {"decided": 300})
        assert figures["answers_reused"] > 10


async def test_an_endpoint_without_usable_answers_is_not_paid_for_the_whole_data_set() -> None:
    async with LlmServer(always(lambda: completion("I think that it is about a parcel."))) as server:
        figures = await ask(server, easy(1_000))
        assert figures["stopped"] == "no_answer"
        assert figures["answers"]["llm"].keys() == {"unparsable"}
        assert figures["spent"] == pytest.approx(PRICE * len(server.asked)), "what was paid for is reported"
        assert len(server.asked) <= 2 * 20 + 20


async def test_a_message_that_is_refused_is_a_result_and_the_run_goes_on() -> None:
    async def handle(body: dict[str, Any]) -> web.StreamResponse:
        if message(body).endswith("7"):
            return web.json_response({"error": {"code": "content_filter"}}, status=400)
        return await knows(body) if message(body).split()[0] in LABELS else answer("WISMO")

    async with LlmServer(handle) as server:
        figures = await ask(server, easy(50))
    assert (figures["stopped"], figures["answers"]["llm"]) == (None, {"decided": 45, "refused": 5})
