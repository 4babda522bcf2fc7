"""The cost of classifying with a bundle and with a large language model, in dollars."""

from dataclasses import dataclass

from triage_models.metrics.prices import GPT_4O_MINI, LanguageModel

MACHINE_DOLLARS_PER_HOUR = 0.10
"""A cloud machine with two cores; reports state this price, so that readers can substitute their own."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a call is billed by: the tokens of the prompt, and those of the answer."""

    prompt: int
    answer: int


LLM = GPT_4O_MINI.name
LLM_TOKENS = Tokens(87, 4)
"""A short prompt with nine labels and a message, and one label as the answer."""


def dollars_per_1000(messages_per_second: float, dollars_per_hour: float = MACHINE_DOLLARS_PER_HOUR) -> float:
    """Return the cost of 1,000 messages on a machine that is always busy."""
    return dollars_per_hour / 3600 / messages_per_second * 1000


def llm_dollars_per_1000(tokens: Tokens = LLM_TOKENS, model: LanguageModel = GPT_4O_MINI) -> float:
    """Return the cost of sending 1,000 messages to a large language model at its list price."""
    return (tokens.prompt * model.dollars_in + tokens.answer * model.dollars_out) / 1_000_000 * 1000
