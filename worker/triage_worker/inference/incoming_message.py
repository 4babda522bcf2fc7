"""A message that is classified, wherever it came from, with what is found out about it on the way."""

from dataclasses import dataclass, replace

from triage_models.serving.engine import Encoded
from triage_models.text.language import Detection
from triage_schemas.messages.message import CustomerMessage

from triage_worker.inference.text_source import TextSource
from triage_worker.observability.tracing import MessageSpan


@dataclass(slots=True, eq=False)
class IncomingMessage:
    """A customer's message on its way through a service. Services add where it came from, and where its answer goes.

    Attributes:
        message: as it was decoded.
        source: how its text is read, and which bundles decide on it.
        span: of the message; None if there are no traces.
        language: that of the message, once it was looked for.
        written: what its sender wrote of the text, once that was read.
        automatic: whether no person wrote the text, as it says itself.
    """

    message: CustomerMessage
    source: TextSource
    span: MessageSpan | None = None
    language: Detection | None = None
    written: str | None = None
    automatic: bool = False

    @property
    def active(self) -> bool:
        """Whether an answer is still wanted; if not, the message is dropped before it is run."""
        return True

    @property
    def to_classify(self) -> CustomerMessage:
        """The message with nothing but what its sender wrote."""
        same = self.written is None or self.written is self.message.text
        return self.message if same else replace(self.message, text=str(self.written))

    def completed(self, tokens: Encoded) -> Encoded:
        """Add to its tokens what is known of the message."""
        if self.language is None and not self.automatic:
            return tokens
        return tokens._replace(language=self.language, automatic=self.automatic or tokens.automatic)

    def begin(self, batch_messages: int) -> None:
        """Take note that a batch with this message begins to run; called in an inference thread."""
        if self.span is not None:
            self.span.mark("infer", batch_messages=batch_messages)

    def decided(self) -> None:
        """Take note that the message is decided; called in an inference thread."""
        if self.span is not None:
            self.span.mark("decided")
