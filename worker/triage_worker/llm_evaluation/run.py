"""``triage evaluate --llm``: an OpenAI-compatible endpoint beside a bundle, on the same rows."""

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from triage_models.data.sampling import stratified
from triage_models.metrics.cost import MACHINE_DOLLARS_PER_HOUR, dollars_per_1000
from triage_models.metrics.strategies import side_by_side
from triage_models.report.evaluation import Measured
from triage_schemas.records import TOP_SCORES

from triage_worker.config.errors import ConfigError, TriageError
from triage_worker.config.settings import Settings, variable
from triage_worker.fallback import cost, prompt
from triage_worker.fallback.budget import OwnBudget, Window
from triage_worker.fallback.client import Client
from triage_worker.fallback.cost import Prices
from triage_worker.fallback.llm import Limits, Llm
from triage_worker.fallback.metrics import LlmMetrics
from triage_worker.llm_evaluation import verdicts
from triage_worker.llm_evaluation.interview import Heard, Interview, Question, Row, Standing
from triage_worker.llm_evaluation.kept import Kept, question
from triage_worker.llm_evaluation.meter import Meter

Progress = Callable[[Standing, int], None]
"""Called with how far it is, and how many rows there are."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured.

    Attributes:
        rows: how many, drawn so that each label keeps its share; None takes all.
        seed: of the draw and of the bootstrap.
        max_money: the most that this run may spend; None for no limit.
        machine_price: of the bundle's machine, an hour.
        messages_per_second: the bundle's; None takes what was measured.
    """

    rows: int | None = None
    seed: int = 0
    max_money: float | None = None
    machine_price: float = MACHINE_DOLLARS_PER_HOUR
    messages_per_second: float | None = None


class Beside:
    """Measures an endpoint beside a bundle.

    Args:
        settings: which endpoint, and how it is asked: as the fallback would.
        plan: what is to be measured.
        folder: where answers are kept; None keeps none.
        announce: told beforehand what will be asked.
        progress: told how far it is.

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
        progress: Progress = lambda standing, rows: None,
    ) -> None:
        self._prices = Prices(settings.llm_price_input, settings.llm_price_output)
        if settings.llm_model is None:
            raise ConfigError("Which model is to be asked is not known: give --llm-model, the model's name there.")
        if plan.max_money is not None and not (self._prices.read or self._prices.written):
            prices = " and ".join(map(variable, ("llm_price_input", "llm_price_output")))
            raise ConfigError(f"--max-money needs {prices}, the prices of a million tokens.")
        assert settings.llm_url is not None
        self._settings = settings
        self._url, self._model = settings.llm_url, settings.llm_model
        self._plan = plan
        self._folder = folder
        self._announce = announce
        self._progress = progress

    def __call__(self, measured: Measured) -> dict[str, Any]:
        """Ask, and compare the three ways of deciding on the rows that were answered: the figures, as ``llm``.

        Raises:
            ConfigError: the endpoint refuses the key.
            TriageError: nothing was answered.
        """
        places = stratified(measured.rows.labels, self._plan.rows, self._plan.seed)
        rows = {place: self._row(measured, place) for place in places}
        self._tell(rows)
        with Kept(self._folder) as kept:
            heard, interview = asyncio.run(self._interview(rows, kept))
        if not any(call.result == "answered" for one in heard.values() for call in one.alone.calls):
            raise TriageError(self._nothing(interview))
        return {"llm": self._result(measured, heard, interview, len(places))}

    def _row(self, measured: Measured, place: int) -> Row:
        text, decision = measured.rows.texts[place], measured.decisions[place]
        meanings = measured.manifest.descriptions
        labels = {label: meanings.get(label, "") for label in measured.manifest.labels}
        alone = Question(text, labels, {})
        if decision.accepted or (decision.reason == "out_of_scope" and not self._settings.llm_out_of_scope):
            return Row(alone, None)
        return Row(alone, Question(text, labels, dict(islice(decision.scores.items(), TOP_SCORES))))

    def _tell(self, rows: Mapping[int, Row]) -> None:
        asked = [one for row in rows.values() for one in (row.alone, row.refused) if one is not None]
        most = sum(self._prices.of(self._estimate(one)) for one in asked)
        price = f", at most {most:.4g} at these prices" if most else "; no prices are set, so no money is counted"
        self._announce(
            f"Asking {self._model} about {len(rows):,} messages: {len(asked):,} questions, "
            f"{len(asked) - len(rows):,} of them what the bundle refused, with its guesses{price}."
        )

    def _estimate(self, asked: Question) -> cost.Tokens:
        return cost.estimate(prompt.messages(asked), self._settings.llm_max_tokens)

    async def _interview(self, rows: Mapping[int, Row], kept: Kept) -> tuple[dict[int, Heard], Interview]:
        settings = self._settings
        key = settings.llm_api_key
        async with Client(self._url, key.get_secret_value() if key else None) as client:
            await client.check()
            meter = Meter(client)
            llm = Llm(
                meter,
                self._model,
                Limits(settings.llm_timeout_s, settings.llm_deadline_s, settings.llm_max_tokens),
                self._prices,
                OwnBudget(Window(money=self._plan.max_money, window_s=math.inf)),
                LlmMetrics(CollectorRegistry()),
            )
            name = partial(question, self._url, self._model, settings.llm_max_tokens)
            interview = Interview(llm, meter, kept, name, self._prices)
            heard = await interview.hold(
                rows,
                concurrency=settings.llm_concurrency,
                progress=lambda standing: self._progress(standing, len(rows)),
            )
        return heard, interview

    def _nothing(self, interview: Interview) -> str:
        if interview.stopped == "max_money":
            return f"--max-money {self._plan.max_money:g} does not pay for one message: give more."
        return f"{self._url} answers nothing ({interview.problem}): check the address, the model and the key."

    def _result(
        self, measured: Measured, heard: Mapping[int, Heard], interview: Interview, wanted: int
    ) -> dict[str, Any]:
        settings, plan = self._settings, self._plan
        places = sorted(heard)
        said = [heard[place] for place in places]
        speed = plan.messages_per_second or measured.messages_per_second
        least = settings.llm_min_confidence
        costs = verdicts.Costs(self._prices, dollars_per_1000(speed, plan.machine_price) / 1000)
        ways = verdicts.ways([measured.decisions[place] for place in places], said, costs, least)
        figures = side_by_side(
            [measured.rows.labels[place] for place in places],
            ways,
            against="llm",
            known=measured.manifest.labels,
            out_of_scope=measured.scope,
            seed=plan.seed,
        )
        return {
            "url": self._url,
            "model": self._model,
            "prompt_version": prompt.VERSION,
            "rows": len(places),
            "rows_wanted": wanted,
            "seed": plan.seed,
            "stopped": interview.stopped,
            "min_confidence": least,
            "price_input": self._prices.read,
            "price_output": self._prices.written,
            "machine_price_per_hour": plan.machine_price,
            "messages_per_second": speed,
            "speed_was_given": plan.messages_per_second is not None,
            "ways": figures,
            "answers": {
                "llm": verdicts.tally([one.alone for one in said], least),
                "cascade": verdicts.tally([one.refused for one in said if one.refused is not None], least),
            },
            "calls": verdicts.calls(said) | {"at_once": settings.llm_concurrency},
            "spent": interview.standing.spent,
            "answers_reused": interview.standing.reused,
        }
