"""List prices of machines and of language models: the one place for them, each with its source and its day.

They are what was published on that day, and are not looked up again: `triage cost` takes your own prices.
"""

from dataclasses import dataclass

GENAI_PRICES = "package genai-prices 0.2.3 of November 2026, which copies the vendor's price list"
KARPENTER = "AWS's price list, as Karpenter 1.14.0 has it (zz_generated.pricing_aws.go, generated 2026-07-06)"


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine on demand, without a discount.

    Attributes:
        name: the cloud, the type and the region.
        cores: physical cores; a virtual CPU is half of one, except where the type has no hyper-threads.
        dollars_per_hour: its price.
        source: who says so, and when.
    """

    name: str
    cores: float
    dollars_per_hour: float
    source: str


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """A language model behind an API, at the price for single calls: no batches, nothing cached.

    Attributes:
        name: of the model.
        dollars_in: price of a million tokens of the prompt.
        dollars_out: price of a million tokens of the answer.
        source: who says so, and when.
        note: what else a buyer should know.
    """

    name: str
    dollars_in: float
    dollars_out: float
    source: str
    note: str = ""


MACHINES: tuple[Machine, ...] = (
    Machine("AWS c7i.xlarge, us-east-1", 2, 0.1785, KARPENTER),
    Machine("AWS c7a.large, us-east-1", 2, 0.10264, KARPENTER),
    Machine(
        "Google n2-highcpu-4, us-central1",
        2,
        0.143392,
        "Google's price list, as karpenter-provider-gcp has it (initial-prices.json in commit 036c6e2; its day is not "
        "known)",
    ),
)

GPT_4O_MINI = LanguageModel(
    "GPT-4o mini",
    0.15,
    0.60,
    GENAI_PRICES,
    "leaves the API on 2027-01-14 (OpenAI's list of deprecations, as reported on 2026-10-28)",
)
LANGUAGE_MODELS: tuple[LanguageModel, ...] = (
    GPT_4O_MINI,
    LanguageModel(
        "GPT-4.1 nano",
        0.10,
        0.40,
        GENAI_PRICES,
        "left the API on 2026-10-23 (the same list, as reported on 2026-10-15); kept for comparison",
    ),
    LanguageModel(
        "GPT-6 Luna",
        0.10,
        0.50,
        GENAI_PRICES,
        "what OpenAI recommends in GPT-4o mini's place; reasons unless told not to, and such tokens are not counted",
    ),
    LanguageModel("Gemini 2.5 Flash-Lite", 0.10, 0.40, GENAI_PRICES),
    LanguageModel("Gemini 3.5 Flash-Lite", 0.30, 2.50, GENAI_PRICES),
)

GPU = Machine("AWS g6.2xlarge (one L4), us-east-1", 4, 0.9776, KARPENTER)
GPU_TOKENS_PER_SECOND = 3_900.0
"""Tokens in and out of a 7-billion-parameter model on one L4, with vLLM 0.19.1 and a shared prompt of 384 tokens.

Nicolas Richard, "How Much Can Two Nvidia L4s Serve?": $0.069 for a million tokens on two g6.2xlarge at $1.96 an hour.
"""
