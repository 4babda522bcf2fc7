"""What a number of messages a day costs in a month: pods, calls to a language model, or machines with a GPU.

Counted are worker, router and fallback, and the calls. Not counted: Kafka, the cluster itself, disks, traffic between
zones, and people.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from triage_models.metrics.cost import Tokens, llm_dollars_per_1000
from triage_models.metrics.prices import GPU, GPU_TOKENS_PER_SECOND, LanguageModel, Machine

SECONDS_PER_DAY = 86_400
HOURS_PER_MONTH = 730
DAYS_PER_MONTH = HOURS_PER_MONTH / 24

FALLBACK_PROMPT, ALONE_PROMPT = Tokens(431, 16), Tokens(394, 16)
"""Tokens of the fallback's own question about a message of `MESSAGE_TOKENS`, with the shipped bundle's nine labels: as
the fallback asks it, with the bundle's guesses; and without them. `python -m tests.bench.prompt_tokens` counts them."""

SHORTEST_PROMPT = Tokens(65, 3)
"""The same for a prompt with the names of the labels and nothing else, and a label as the answer."""

MESSAGE_TOKENS = 11
"""Tokens of a message of the demo, on average."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Messages that come.

    Attributes:
        messages_per_day: how many.
        peak_to_mean: how many times the average the busiest minutes are.
        message_tokens: how long they are, in tokens of a language model.
    """

    messages_per_day: float
    peak_to_mean: float = 3.0
    message_tokens: int = MESSAGE_TOKENS

    @property
    def mean_per_second(self) -> float:
        """Messages a second, on average."""
        return self.messages_per_day / SECONDS_PER_DAY

    @property
    def peak_per_second(self) -> float:
        """Messages a second in the busiest minutes."""
        return self.mean_per_second * self.peak_to_mean

    @property
    def per_month(self) -> float:
        """Messages a month."""
        return self.messages_per_day * DAYS_PER_MONTH

    def tokens(self, prompt: Tokens) -> Tokens:
        """Return the tokens of a prompt about a message of this length."""
        return Tokens(prompt.prompt + self.message_tokens - MESSAGE_TOKENS, prompt.answer)

    def share(self, share: float) -> "Traffic":
        """Return a share of this traffic, as even or uneven as the whole."""
        return Traffic(self.messages_per_day * share, self.peak_to_mean, self.message_tokens)


@dataclass(frozen=True, slots=True)
class Deployment:
    """How Triage runs. Pods for the peak run all the time: an autoscaler saves some of them.

    Attributes:
        rate: messages a second of one core that is always busy.
        cores: of a worker pod.
        utilization: share of a pod's rate that the peak may take.
        replicas: the fewest worker pods, so that one may fail.
        other_cores: of the router and the fallback together.
        allocatable: share of a machine's cores that pods get; the system has the rest.
        refused: share of the messages that the model refuses.
    """

    rate: float = 400.0
    cores: float = 2.0
    utilization: float = 0.7
    replicas: int = 2
    other_cores: float = 0.75
    allocatable: float = 0.9
    refused: float = 0.17

    @property
    def pod_rate(self) -> float:
        """Messages a second that a pod is given at the peak."""
        return self.rate * self.cores * self.utilization

    def pods(self, traffic: Traffic) -> int:
        """Return how many worker pods the peak needs."""
        return max(self.replicas, math.ceil(traffic.peak_per_second / self.pod_rate))

    def dollars_per_month(self, traffic: Traffic, machine: Machine) -> float:
        """Return what the cores of all pods cost on such machines."""
        cores = self.pods(traffic) * self.cores + self.other_cores
        return cores / (machine.cores * self.allocatable) * machine.dollars_per_hour * HOURS_PER_MONTH


@dataclass(frozen=True, slots=True)
class SelfHosted:
    """A language model on machines with a GPU of one's own.

    Attributes:
        machine: with one GPU.
        tokens_per_second: of prompts and answers together, on one GPU that is always busy.
        utilization: share of them that the peak may take.
        replicas: the fewest machines, so that one may fail.
    """

    machine: Machine = GPU
    tokens_per_second: float = GPU_TOKENS_PER_SECOND
    utilization: float = 0.7
    replicas: int = 2

    def machines(self, traffic: Traffic, prompt: Tokens) -> int:
        """Return how many machines the peak needs."""
        tokens = traffic.tokens(prompt)
        needed = traffic.peak_per_second * (tokens.prompt + tokens.answer)
        return max(self.replicas, math.ceil(needed / (self.tokens_per_second * self.utilization)))

    def dollars_per_month(self, traffic: Traffic, prompt: Tokens) -> float:
        """Return what they cost."""
        return self.machines(traffic, prompt) * self.machine.dollars_per_hour * HOURS_PER_MONTH


def llm_dollars_per_month(model: LanguageModel, traffic: Traffic, prompt: Tokens) -> float:
    """Return what a call about each message costs."""
    return traffic.per_month / 1000 * llm_dollars_per_1000(traffic.tokens(prompt), model)


class Comparison(NamedTuple):
    """A language model with and without Triage before it, in dollars a month.

    Attributes:
        name: of the model.
        shortest: for each message, with the shortest prompt; None for a model of one's own, whose tokens a second are
            those of a prompt that most calls share.
        alone: for each message, with the fallback's prompt.
        calls: for the refused messages only.
        together: the pods, and these calls.
    """

    name: str
    shortest: float | None
    alone: float
    calls: float
    together: float

    @property
    def share(self) -> float:
        """The last as a share of what the model costs for each message with the same prompt."""
        return self.together / self.alone


def compare(
    traffic: Traffic, deployment: Deployment, machine: Machine, model: LanguageModel | SelfHosted
) -> Comparison:
    """Compare a language model for each message with Triage, and the model for what Triage refuses."""
    pods, refused = deployment.dollars_per_month(traffic, machine), traffic.share(deployment.refused)
    if isinstance(model, SelfHosted):
        calls = model.dollars_per_month(refused, FALLBACK_PROMPT) if deployment.refused else 0.0
        alone = model.dollars_per_month(traffic, ALONE_PROMPT)
        return Comparison("8B model on your own GPUs", None, alone, calls, pods + calls)
    calls = llm_dollars_per_month(model, refused, FALLBACK_PROMPT)
    shortest = llm_dollars_per_month(model, traffic, SHORTEST_PROMPT)
    return Comparison(model.name, shortest, llm_dollars_per_month(model, traffic, ALONE_PROMPT), calls, pods + calls)
