"""What classifying costs, beside asking a large model."""

MACHINE_DOLLARS_PER_HOUR = 0.10
"""A cloud machine with two cores; state another price where yours differs."""

LLM = "GPT-4o mini"
LLM_DOLLARS_PER_MILLION_IN = 0.15
LLM_DOLLARS_PER_MILLION_OUT = 0.60
LLM_TOKENS_IN = 87
LLM_TOKENS_OUT = 4
"""A short prompt with nine labels and a message, and one label as answer."""


def dollars_per_1000(messages_per_second: float, dollars_per_hour: float = MACHINE_DOLLARS_PER_HOUR) -> float:
    """Cost of 1,000 messages on a machine that is kept busy."""
    return dollars_per_hour / 3600 / messages_per_second * 1000


def llm_dollars_per_1000() -> float:
    """Cost of 1,000 messages asked of the large model at its list price."""
    tokens = LLM_TOKENS_IN * LLM_DOLLARS_PER_MILLION_IN + LLM_TOKENS_OUT * LLM_DOLLARS_PER_MILLION_OUT
    return tokens / 1_000_000 * 1000
