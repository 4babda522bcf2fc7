"""A bundle that serves: the tokens, decision and event of a message are all made by the same bundle."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from triage_models.audit.selection import AuditPolicy
from triage_models.serving.classifier import Classifier
from triage_models.serving.decision import Decision
from triage_models.serving.engine import Encoded, Outputs
from triage_schemas.messages.message import CustomerMessage
from triage_schemas.output.encoding import JSON, EventEncoding
from triage_schemas.records import IntentWriter

from triage_worker.classify.batching import Limits
from triage_worker.classify.outputs import Audit, DecodedMessage, OutputWriter
from triage_worker.classify.thresholds import threshold_in_force, threshold_of_intent
from triage_worker.config.settings import Settings
from triage_worker.kafka.control_topic import Decisions
from triage_worker.observability.metrics import Metrics

PADDING_TOKENS = {"cpu": 8, "cuda": 2_048}
"""What one more batch costs, as tokens of padding; measured on a CPU (see docs/worker.md), assumed on a GPU."""


class Model(Protocol):
    """The part of `triage_models.Classifier` that the worker uses."""

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Tokenize texts."""
        ...

    def infer(self, batch: Sequence[Encoded]) -> Outputs:
        """Run the network."""
        ...

    def decide(self, batch: Sequence[Encoded], outputs: Outputs) -> list[Decision]:
        """Turn the network's outputs into decisions."""
        ...


ALL = ("*",)
"""All languages that no other bundle serves, and messages whose language is unsure."""


@dataclass(frozen=True, eq=False)
class LoadedBundle:
    """A model with what belongs to it. Queued messages refer to the bundle that encoded them.

    Attributes:
        model: encodes, infers, decides.
        writer: makes the outputs of its decisions.
        limits: how batches are formed for it.
        languages: those that it answers; empty if it answers any.
        serves: the languages whose messages come to it.
    """

    model: Model
    writer: OutputWriter
    limits: Limits
    languages: frozenset[str] = frozenset()
    serves: tuple[str, ...] = ALL

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

    decoded: DecodedMessage
    bundle: LoadedBundle
    tokens: Encoded


def load_for_serving(
    settings: Settings,
    classifier: Classifier,
    metrics: Metrics,
    decisions: Decisions | None = None,
    *,
    serves: tuple[str, ...] = ALL,
    encoding: EventEncoding = JSON,
) -> LoadedBundle:
    """Put a classifier to use; the metrics name it as the bundle that decides from now on.

    Args:
        settings: of the worker.
        classifier: decides.
        metrics: of the worker.
        decisions: of the control topic; None if it is not followed, and nothing is audited.
        serves: the languages whose messages come to it.
        encoding: writes the events.
    """
    bundle, shown = classifier.bundle, ",".join(serves)
    metrics.model(bundle.name, bundle.version, classifier.device, shown)
    metrics.reference(bundle.manifest.thresholds.guarantee.coverage, bundle.manifest.intent_mix, shown)
    events = IntentWriter(
        name=bundle.name,
        version=bundle.version,
        threshold=bundle.threshold,
        descriptions=bundle.descriptions,
        include_text=settings.include_text,
        intent_thresholds=bundle.intent_thresholds,
        language_thresholds=bundle.language_thresholds,
        encoding=encoding,
    )
    audit = None
    if decisions is not None:
        in_force = threshold_in_force(decisions, bundle.name, bundle.version, bundle.threshold)
        suggestion = bundle.manifest.suggestion
        audit = Audit(
            AuditPolicy(settings.audit_share),
            settings.review_topic,
            threshold_of_intent(in_force, bundle.intent_thresholds),
            None if suggestion is None else suggestion.confidence,
            settings.redaction("review"),
        )
        followed: Decisions = decisions
        metrics.threshold(in_force, lambda: followed.lost is None, shown)
    return LoadedBundle(
        classifier,
        OutputWriter.from_settings(settings, events, audit),
        limits(settings, classifier),
        frozenset(bundle.manifest.languages or ()),
        serves,
    )


def limits(settings: Settings, classifier: Classifier) -> Limits:
    """How batches are formed for a classifier."""
    device = "cuda" if classifier.device == "cuda" else "cpu"
    return Limits(threads=classifier.threads, budget=settings.batch_tokens, padding=PADDING_TOKENS[device])
