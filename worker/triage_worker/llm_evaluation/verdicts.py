"""From what was heard to the three ways of deciding: the LLM alone, the bundle alone, and the LLM after the bundle."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from triage_models.metrics.strategies import Way
from triage_models.serving.decision import Decision

from triage_worker.fallback.adviser import Decided, verdict
from triage_worker.fallback.answer import Answer
from triage_worker.fallback.cost import Prices
from triage_worker.llm_evaluation.interview import Heard
from triage_worker.llm_evaluation.meter import Call, Said


@dataclass(frozen=True, slots=True)
class Costs:
    """What a message costs.

    Attributes:
        prices: of the LLM.
        machine: of the bundle, a message.
    """

    prices: Prices
    machine: float


def ways(decisions: Sequence[Decision], heard: Sequence[Heard], costs: Costs, least: float) -> dict[str, Way]:
    """The three ways, by name: ``llm``, ``bundle`` and ``cascade``.

    Args:
        decisions: ``[N]`` the bundle's.
        heard: ``[N]`` what the LLM said of the same rows.
        costs: of both.
        least: the confidence from which an answer of the LLM stands.
    """
    rows = list(zip(decisions, heard, strict=True))
    asked = [None if decision.accepted else one.refused for decision, one in rows]
    return {
        "llm": Way(
            [_intent(one.alone) for one in heard],
            [_stands(one.alone, least) for one in heard],
            [one.alone.money(costs.prices) for one in heard],
        ),
        "bundle": Way(
            [decision.intent for decision in decisions],
            [decision.accepted for decision in decisions],
            [costs.machine] * len(rows),
        ),
        "cascade": Way(
            [
                decision.intent if decision.accepted else _intent(said)
                for decision, said in zip(decisions, asked, strict=True)
            ],
            [decision.accepted or _stands(said, least) for decision, said in zip(decisions, asked, strict=True)],
            [costs.machine + (said.money(costs.prices) if said else 0.0) for said in asked],
        ),
    }


def tally(said: Sequence[Said], least: float) -> dict[str, int]:
    """How many answers stand (``decided``), and how many do not, by why: every one is in it."""
    counts = Counter(_outcome(one, least) for one in said)
    return dict(counts.most_common())


def calls(heard: Sequence[Heard]) -> dict[str, Any]:
    """What the calls took, those of earlier runs among them: counts by result, tokens, seconds."""
    everything = list(chain.from_iterable((*one.alone.calls, *_calls(one.refused)) for one in heard))
    answered = [call for call in everything if call.result == "answered"]
    found: dict[str, Any] = {
        name: sum(call.result == name for call in everything) for name in ("answered", "refused", "unavailable")
    }
    alone = list(chain.from_iterable(one.alone.calls for one in heard))
    return found | {
        "without_usage": sum(not call.reported for call in answered),
        "tokens_in_per_message": _mean(alone, lambda call: call.read, len(heard)),
        "tokens_out_per_message": _mean(alone, lambda call: call.written, len(heard)),
        "latency_p50_s": _percentile(answered, 50),
        "latency_p95_s": _percentile(answered, 95),
    }


def _calls(said: Said | None) -> Sequence[Call]:
    return () if said is None else said.calls


def _intent(said: Said | None) -> str | None:
    return said.answer.intent if said is not None and isinstance(said.answer, Answer) else None


def _stands(said: Said | None, least: float) -> bool:
    return said is not None and isinstance(verdict(said.answer, least), Decided)


def _outcome(said: Said, least: float) -> str:
    decided = verdict(said.answer, least)
    return "decided" if isinstance(decided, Decided) else decided.why


def _mean(of: Sequence[Call], tokens: Callable[[Call], int], rows: int) -> float:
    return sum(map(tokens, of)) / rows


def _percentile(answered: Sequence[Call], percent: float) -> float | None:
    return float(np.percentile([call.seconds for call in answered], percent)) if answered else None
