"""One bundle at work: tokens, inference, decision and description of a message are all by the same one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from models.decision import Decision
from models.engine import Encoded, Outputs
from worker.batching import Limits
from worker.outputs import Output, Work


class Model(Protocol):
    """What is needed of a `models.classifier.Classifier`."""

    def encode(self, texts: Sequence[str]) -> list[Encoded]: ...

    def infer(self, batch: Sequence[Encoded]) -> Outputs: ...

    def decide(self, batch: Sequence[Encoded], outputs: Outputs) -> list[Decision]: ...


@dataclass(frozen=True, eq=False)
class Serving:
    """A model and what belongs to it. Messages that wait hold on to the one that encoded them; the last lets it go.

    Attributes:
        model: encodes, infers, decides.
        write: makes the output of one of its decisions.
        limits: how batches are cut for it.
    """

    model: Model
    write: Callable[[Work, Decision], Output]
    limits: Limits

    def rows(self, works: Sequence[Work]) -> list[Encoded]:
        """The messages' tokens, made anew where another bundle's tokenizer made them."""
        if all(work.by is self for work in works):
            return [work.encoded for work in works]
        return self.model.encode([work.message.text for work in works])
