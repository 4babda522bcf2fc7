"""A bundle that serves: the tokens, decision and answer of a message are all made by the same bundle."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from triage_models.serving.classifier import Classifier
from triage_models.serving.decision import Decision
from triage_models.serving.engine import CPU_PADDING, Encoded, Outputs
from triage_schemas.messages.message import CustomerMessage

from triage_worker.config.settings import Settings
from triage_worker.inference.batching import Limits
from triage_worker.inference.decision_memory import DecisionMemory
from triage_worker.inference.incoming_message import IncomingMessage
from triage_worker.observability.metrics import Metrics

PADDING_TOKENS = {"cpu": CPU_PADDING, "cuda": 2_048}
"""What one more batch costs, as tokens of padding; measured on a CPU (see docs/worker.md), assumed on a GPU."""


class Model(Protocol):
    """The part of `triage_models.Classifier` that the services use."""

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Tokenize texts."""
        ...

    def infer(self, batch: Sequence[Encoded]) -> Outputs:
        """Run the network."""
        ...

    def decide(self, batch: Sequence[Encoded], outputs: Outputs) -> list[Decision]:
        """Turn the network's outputs into decisions."""
        ...


class Answer(Protocol):
    """What a service makes of a decision. The inference threads hand it on as it is."""

    @property
    def outcome(self) -> str:
        """What it is counted as, such as ``accepted``."""
        ...


class Writer(Protocol):
    """Makes the answers of one bundle's decisions; called in the inference threads."""

    def output(self, decoded: Any, decision: Decision) -> Answer:
        """Make the answer to a message, which is of the service's own kind."""
        ...


ALL = ("*",)
"""All languages that no other bundle serves, and messages whose language is unsure."""


@dataclass(frozen=True, eq=False)
class LoadedBundle:
    """A model with what belongs to it. Queued messages refer to the bundle that encoded them.

    Attributes:
        model: encodes, infers, decides.
        writer: makes the answers of its decisions.
        limits: how batches are formed for it.
        languages: those that it answers; empty if it answers any.
        serves: the languages whose messages come to it.
        memory: its decisions on the texts that it read last.
    """

    model: Model
    writer: Writer
    limits: Limits
    languages: frozenset[str] = frozenset()
    serves: tuple[str, ...] = ALL
    memory: DecisionMemory = field(default_factory=partial(DecisionMemory, 0))

    def rows(self, batch: Sequence["EncodedMessage"]) -> list[Encoded]:
        """Return the tokens of messages, made anew where another bundle's tokenizer made them."""
        if all(encoded.bundle is self for encoded in batch):
            return [encoded.tokens for encoded in batch]
        rows = self.encode([encoded.decoded.to_classify for encoded in batch])
        return [encoded.decoded.completed(row) for row, encoded in zip(rows, batch, strict=True)]

    def encode(self, messages: Sequence[CustomerMessage]) -> list[Encoded]:
        """Tokenize messages; those that no customer wrote, as their headers say, have no intent."""
        encoded = self.model.encode([message.text for message in messages])
        return [
            tokens._replace(automatic=True) if message.automatic else tokens
            for message, tokens in zip(messages, encoded, strict=True)
        ]


@dataclass(slots=True, eq=False)
class EncodedMessage:
    """A message that waits for the model, with the bundle whose tokenizer encoded it."""

    decoded: IncomingMessage
    bundle: LoadedBundle
    tokens: Encoded


def show_in_metrics(metrics: Metrics, classifier: Classifier, serves: tuple[str, ...]) -> None:
    """Name a classifier as the bundle that decides from now on, with what drift is measured against."""
    bundle, shown = classifier.bundle, ",".join(serves)
    metrics.model(bundle.name, bundle.version, classifier.device, shown)
    metrics.reference(bundle.manifest.thresholds.guarantee.coverage, bundle.manifest.intent_mix, shown)


def limits(settings: Settings, classifier: Classifier) -> Limits:
    """How batches are formed for a classifier."""
    device = "cuda" if classifier.device == "cuda" else "cpu"
    return Limits(threads=classifier.threads, budget=settings.batch_tokens, padding=PADDING_TOKENS[device])
