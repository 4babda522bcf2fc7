"""Derives three strategies from the answers: the LLM alone, the bundle alone, and the bundle with the LLM behind it."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from triage_models.metrics.strategies import StrategyDecisions
from triage_models.serving.decision import Decision

from triage_worker.fallback.answer import Answer
from triage_worker.fallback.cost import Prices
from triage_worker.fallback.llm_decider import Decided, decision
from triage_worker.llm_evaluation.llm_runner import RowResult
from triage_worker.llm_evaluation.metered_endpoint import CallRecord, QuestionResult


@dataclass(frozen=True, slots=True)
class Costs:
    """What deciding a message costs.

    Attributes:
        prices: prices of the LLM's tokens.
        machine: the bundle's cost per message.
    """

    prices: Prices
    machine: float


def strategies(
    decisions: Sequence[Decision], results: Sequence[RowResult], costs: Costs, min_confidence: float
) -> dict[str, StrategyDecisions]:
    """The three strategies by name: ``llm``, ``bundle`` and ``cascade``.

    Args:
        decisions: ``[N]`` the bundle's decisions.
        results: ``[N]`` the LLM's results on the same rows.
        costs: the costs of both.
        min_confidence: the least confidence, from 0 to 1, with which the LLM's answer is accepted.
    """
    rows = list(zip(decisions, results, strict=True))
    fallback = [None if decided.accepted else result.fallback for decided, result in rows]
    cascade = list(zip(decisions, fallback, strict=True))
    return {
        "llm": StrategyDecisions(
            [_intent(result.alone) for result in results],
            [_accepted(result.alone, min_confidence) for result in results],
            [result.alone.money(costs.prices) for result in results],
        ),
        "bundle": StrategyDecisions(
            [decided.intent for decided in decisions],
            [decided.accepted for decided in decisions],
            [costs.machine] * len(rows),
        ),
        "cascade": StrategyDecisions(
            [decided.intent if decided.accepted else _intent(result) for decided, result in cascade],
            [decided.accepted or _accepted(result, min_confidence) for decided, result in cascade],
            [costs.machine + (result.money(costs.prices) if result else 0.0) for result in fallback],
        ),
    }


def outcome_counts(results: Sequence[QuestionResult], min_confidence: float) -> dict[str, int]:
    """Count the answers that are accepted (``decided``), and the others by reason; the counts add up to all results."""
    counts = Counter(_outcome(result, min_confidence) for result in results)
    return dict(counts.most_common())


def call_figures(results: Sequence[RowResult]) -> dict[str, Any]:
    """Figures of all calls, including those of earlier runs: counts by result, tokens per message, seconds."""
    calls = list(chain.from_iterable((*row.alone.calls, *_calls(row.fallback)) for row in results))
    answered = [call for call in calls if call.result == "answered"]
    figures: dict[str, Any] = {
        name: sum(call.result == name for call in calls) for name in ("answered", "refused", "unavailable")
    }
    alone = list(chain.from_iterable(row.alone.calls for row in results))
    return figures | {
        "without_usage": sum(not call.reported for call in answered),
        "tokens_in_per_message": _mean(alone, lambda call: call.input_tokens, len(results)),
        "tokens_out_per_message": _mean(alone, lambda call: call.output_tokens, len(results)),
        "latency_p50_s": _percentile(answered, 50),
        "latency_p95_s": _percentile(answered, 95),
    }


def _calls(result: QuestionResult | None) -> Sequence[CallRecord]:
    return () if result is None else result.calls


def _intent(result: QuestionResult | None) -> str | None:
    return result.answer.intent if result is not None and isinstance(result.answer, Answer) else None


def _accepted(result: QuestionResult | None, min_confidence: float) -> bool:
    return result is not None and isinstance(decision(result.answer, min_confidence), Decided)


def _outcome(result: QuestionResult, min_confidence: float) -> str:
    decided = decision(result.answer, min_confidence)
    return "decided" if isinstance(decided, Decided) else decided.reason


def _mean(calls: Sequence[CallRecord], tokens: Callable[[CallRecord], int], rows: int) -> float:
    return sum(map(tokens, calls)) / rows


def _percentile(answered: Sequence[CallRecord], percent: float) -> float | None:
    return float(np.percentile([call.seconds for call in answered], percent)) if answered else None
