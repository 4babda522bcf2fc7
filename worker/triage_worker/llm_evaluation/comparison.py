"""Compares an OpenAI-compatible endpoint with a bundle on the same rows (``triage evaluate --llm``)."""

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from triage_models.data.sampling import stratified_sample
from triage_models.metrics.cost import MACHINE_DOLLARS_PER_HOUR, dollars_per_1000
from triage_models.metrics.strategies import compare_strategies
from triage_models.report.evaluation import ClassifiedRows

from triage_worker.config.errors import ConfigError, TriageError
from triage_worker.config.settings import Settings
from triage_worker.config.sources import variable
from triage_worker.fallback import cost, prompt
from triage_worker.fallback.budget import BudgetWindow, LocalBudget
from triage_worker.fallback.client import LlmClient
from triage_worker.fallback.cost import Prices
from triage_worker.fallback.llm import Llm
from triage_worker.fallback.llm_calls import Limits
from triage_worker.fallback.metrics import LlmMetrics
from triage_worker.llm_evaluation import strategies
from triage_worker.llm_evaluation.answer_cache import AnswerCache, question_key
from triage_worker.llm_evaluation.llm_runner import (
    UNUSABLE_LIMIT,
    LlmRunner,
    Question,
    RowQuestions,
    RowResult,
    RunProgress,
)
from triage_worker.llm_evaluation.metered_endpoint import MeteredEndpoint

OnProgress = Callable[[RunProgress, int], None]
"""Called with the run's progress and the number of rows."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure.

    Attributes:
        rows: how many rows to draw, in proportion to the labels; None takes all.
        seed: seed of the draw and of the bootstrap.
        max_money: the most money that this run may spend; None for no limit.
        machine_price: price of the bundle's machine, per hour.
        messages_per_second: the bundle's speed; None takes the measured one.
    """

    rows: int | None = None
    seed: int = 0
    max_money: float | None = None
    machine_price: float = MACHINE_DOLLARS_PER_HOUR
    messages_per_second: float | None = None


class LlmComparison:
    """Compares an endpoint with a bundle.

    Args:
        settings: the endpoint, and how the fallback would ask it.
        plan: what to measure.
        folder: where answers are stored; None stores none.
        announce: called with a sentence about what will be asked, before it is.
        on_progress: called after each row.

    Raises:
        ConfigError: a setting is missing.
    """

    def __init__(
        self,
        settings: Settings,
        plan: Plan,
        folder: Path | None,
        *,
        announce: Callable[[str], None] = lambda sentence: None,
        on_progress: OnProgress = lambda progress, rows: None,
    ) -> None:
        self._prices = Prices(settings.llm_price_input, settings.llm_price_output)
        if settings.llm_model is None:
            raise ConfigError("No model is configured: give --llm-model, the model's name at the endpoint.")
        if plan.max_money is not None and not (self._prices.input or self._prices.output):
            prices = " and ".join(map(variable, ("llm_price_input", "llm_price_output")))
            raise ConfigError(f"--max-money needs {prices}, the prices of a million tokens.")
        assert settings.llm_url is not None
        self._settings = settings
        self._redact = settings.redaction("llm")
        self._url, self._model = settings.llm_url, settings.llm_model
        self._plan = plan
        self._folder = folder
        self._announce = announce
        self._on_progress = on_progress

    def __call__(self, classified: ClassifiedRows) -> dict[str, Any]:
        """Ask the LLM and compare three strategies on the rows that were answered.

        Args:
            classified: the rows, and the bundle's decisions.

        Returns:
            The figures, under the key ``llm``.

        Raises:
            ConfigError: the endpoint rejects the key.
            TriageError: no question was answered.
        """
        chosen = stratified_sample(classified.rows.labels, self._plan.rows, self._plan.seed)
        questions = {row: self._questions(classified, row) for row in chosen}
        self._announce_questions(questions)
        with AnswerCache(self._folder) as cache:
            results, runner = asyncio.run(self._run(questions, cache))
        if not any(call.result == "answered" for result in results.values() for call in result.alone.calls):
            raise TriageError(self._why_nothing(runner))
        return {"llm": self._figures(classified, results, runner, len(chosen))}

    def _questions(self, classified: ClassifiedRows, row: int) -> RowQuestions:
        text, decision = self._redact(classified.rows.texts[row]).text, classified.decisions[row]
        descriptions = classified.manifest.descriptions
        labels = {label: descriptions.get(label, "") for label in classified.manifest.labels}
        alone = Question(text, labels, {})
        if decision.accepted or (decision.reason == "out_of_scope" and not self._settings.llm_out_of_scope):
            return RowQuestions(alone, None)
        return RowQuestions(alone, Question(text, labels, dict(islice(decision.scores.items(), prompt.CANDIDATES))))

    def _announce_questions(self, rows: Mapping[int, RowQuestions]) -> None:
        questions = [one for row in rows.values() for one in (row.alone, row.fallback) if one is not None]
        most = sum(self._highest_cost(question) for question in questions)
        price = f", for at most {most:.4g} at these prices" if most else "; no prices are set, so no money is counted"
        self._announce(
            f"Asking {self._model} about {len(rows):,} messages: {len(questions):,} questions, including "
            f"{len(questions) - len(rows):,} about messages that the bundle did not accept, with its guesses{price}."
        )

    def _highest_cost(self, question: Question) -> float:
        return self._prices.cost(cost.highest(prompt.messages(question), self._settings.llm_max_tokens))

    async def _run(
        self, rows: Mapping[int, RowQuestions], cache: AnswerCache
    ) -> tuple[dict[int, RowResult], LlmRunner]:
        settings = self._settings
        async with LlmClient.from_settings(settings) as client:
            await client.check_key()
            meter = MeteredEndpoint(client)
            llm = Llm(
                meter,
                self._model,
                Limits(settings.llm_timeout_s, settings.llm_deadline_s, settings.llm_max_tokens),
                self._prices,
                LocalBudget(BudgetWindow(money=self._plan.max_money, window_s=math.inf)),
                LlmMetrics(CollectorRegistry()),
                unusable_limit=UNUSABLE_LIMIT,
            )
            cache_key = partial(question_key, self._url, self._model, settings.llm_max_tokens)
            runner = LlmRunner(llm, meter, cache, cache_key, self._prices)
            results = await runner.run(
                rows,
                concurrency=settings.llm_concurrency,
                on_progress=lambda progress: self._on_progress(progress, len(rows)),
            )
        return results, runner

    def _why_nothing(self, runner: LlmRunner) -> str:
        if runner.stopped == "max_money":
            return f"--max-money {self._plan.max_money:g} does not pay for one message: give more."
        return f"{self._url} answered no question ({runner.last_error}): check the address, the model and the key."

    def _figures(
        self, classified: ClassifiedRows, results: Mapping[int, RowResult], runner: LlmRunner, wanted: int
    ) -> dict[str, Any]:
        settings, plan = self._settings, self._plan
        rows = sorted(results)
        finished = [results[row] for row in rows]
        speed = plan.messages_per_second or classified.messages_per_second
        min_confidence = settings.llm_min_confidence
        costs = strategies.Costs(self._prices, dollars_per_1000(speed, plan.machine_price) / 1000)
        compared = compare_strategies(
            [classified.rows.labels[row] for row in rows],
            strategies.strategies([classified.decisions[row] for row in rows], finished, costs, min_confidence),
            baseline="llm",
            known=classified.manifest.labels,
            oos_labels=classified.oos_labels,
            seed=plan.seed,
        )
        fallback = [result.fallback for result in finished if result.fallback is not None]
        return {
            "url": self._url,
            "model": self._model,
            "prompt_version": prompt.VERSION,
            "rows": len(rows),
            "rows_wanted": wanted,
            "seed": plan.seed,
            "stopped": runner.stopped,
            "min_confidence": min_confidence,
            "price_input": self._prices.input,
            "price_output": self._prices.output,
            "machine_price_per_hour": plan.machine_price,
            "messages_per_second": speed,
            "speed_was_given": plan.messages_per_second is not None,
            "ways": compared,
            "answers": {
                "llm": strategies.outcome_counts([result.alone for result in finished], min_confidence),
                "cascade": strategies.outcome_counts(fallback, min_confidence),
            },
            "calls": strategies.call_figures(finished) | {"at_once": settings.llm_concurrency},
            "spent": runner.progress.spent,
            "answers_reused": runner.progress.reused,
        }
