"""The tokens that `triage cost` counts are those of the prompt as it is."""

from statistics import mean

import pytest
from triage_models.metrics.running_cost import ALONE_PROMPT, FALLBACK_PROMPT, MESSAGE_TOKENS, SHORTEST_PROMPT

from tests.bench.prompt_tokens import prompts


@pytest.mark.parametrize(
    ("name", "tokens", "bytes_per_token"),
    [
        ("fallback", FALLBACK_PROMPT.prompt, 4.23),
        ("alone", ALONE_PROMPT.prompt, 4.27),
        ("shortest", SHORTEST_PROMPT.prompt, 3.90),
        ("message", MESSAGE_TOKENS, 4.23),
    ],
)
def test_the_tokens_are_those_of_the_prompt(name: str, tokens: int, bytes_per_token: float) -> None:
    counted = mean(len(asked.encode()) for asked in prompts()[name]) / bytes_per_token
    # Another instruction, or other descriptions of labels: run `python -m tests.bench.prompt_tokens`.
    assert tokens == pytest.approx(counted, rel=0.03, abs=0.6)
