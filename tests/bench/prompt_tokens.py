"""Counts the tokens of the fallback's question, for `triage cost`: ``python -m tests.bench.prompt_tokens``.

The messages are the demo's, the labels the shipped bundle's, and the tokenizer is that of GPT-4o mini and GPT-4.1 nano
(o200k_base), in the package bpe-openai 0.1.4, which nothing else needs: ``pip install bpe-openai==0.1.4``. Counted is
what is in the turns; an API adds about a dozen tokens around them, and those of the answer's JSON schema.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from statistics import mean
from typing import Any

from triage_models import DEFAULT_BUNDLE
from triage_models.bundle.bundle import Bundle
from triage_worker.bench.traffic import sample
from triage_worker.fallback import prompt

MESSAGES = 300
ANSWER = '{"intent": "PRODUCT_QUESTION", "confidence": 0.95}'
GUESSES = {"PRODUCT_QUESTION": 0.4, "OTHER": 0.3, "WISMO": 0.1}


@dataclass(frozen=True)
class Question:
    """What a prompt is made of."""

    text: str
    labels: Mapping[str, str]
    scores: Mapping[str, float]


def questions(texts: Sequence[str], labels: Mapping[str, str], scores: Mapping[str, float]) -> list[str]:
    """Return the text of all turns of the question about each message."""
    asked = (prompt.messages(Question(text, labels, scores)) for text in texts)
    return ["".join(turn["content"] for turn in turns) for turns in asked]


def prompts() -> dict[str, list[str]]:
    """Return the questions by their kind: those of the fallback, the same without guesses, and the shortest."""
    _, texts = sample(MESSAGES)
    labels = Bundle.open(DEFAULT_BUNDLE).manifest.descriptions
    names = ", ".join(labels)
    shortest = f"Classify the message of a shop's customer as one of: {names}. Answer with the label only.\n"
    return {
        "fallback": questions(texts, labels, GUESSES),
        "alone": questions(texts, labels, {}),
        "shortest": [shortest + text for text in texts],
        "message": texts,
    }


def main() -> None:
    """Print tokens and bytes, on average."""
    encoding: Any = import_module("bpe_openai").get_encoding("o200k_base")

    def count(text: str) -> int:
        return len(encoding.encode(text))

    for name, asked in prompts().items():
        print(f"{name:9} {mean(map(count, asked)):6.1f} tokens, {mean(len(one.encode()) for one in asked):7.1f} bytes")
    print(f"answers   {count(ANSWER):6} tokens; of the shortest prompt {count('PRODUCT_QUESTION')}")


if __name__ == "__main__":
    main()
