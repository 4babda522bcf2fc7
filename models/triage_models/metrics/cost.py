"""The cost of classifying with a bundle and with a large language model, in dollars."""

MACHINE_DOLLARS_PER_HOUR = 0.10
"""A cloud machine with two cores; reports state this price, so that readers can substitute their own."""

LLM = "GPT-4o mini"
LLM_DOLLARS_PER_MILLION_IN = 0.15
LLM_DOLLARS_PER_MILLION_OUT = 0.60
LLM_TOKENS_IN = 87
LLM_TOKENS_OUT = 4
"""A short prompt with nine labels and a message, and one label as the answer."""


def dollars_per_1000(messages_per_second: float, dollars_per_hour: float = MACHINE_DOLLARS_PER_HOUR) -> float:
    """Return the cost of 1,000 messages on a machine that is always busy."""
    return dollars_per_hour / 3600 / messages_per_second * 1000


def llm_dollars_per_1000() -> float:
    """Return the cost of sending 1,000 messages to the large language model at its list price."""
    tokens = LLM_TOKENS_IN * LLM_DOLLARS_PER_MILLION_IN + LLM_TOKENS_OUT * LLM_DOLLARS_PER_MILLION_OUT
    return tokens / 1_000_000 * 1000
