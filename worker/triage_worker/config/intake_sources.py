"""Reads the file of the intake's sources: helpdesks and senders of webhooks, and mailboxes."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError, model_validator
from triage_schemas.messages.names import NAME_CHARACTERS
from triage_schemas.validation import FirstError, first_error

from triage_worker.config import marked_yaml
from triage_worker.config.errors import ConfigError
from triage_worker.config.field_paths import FieldPath
from triage_worker.config.http_headers import header_name
from triage_worker.config.marked_yaml import MarkedYaml
from triage_worker.config.types import Topic

WebhookKind = Literal["plain", "zendesk", "gorgias", "intercom", "freshdesk", "front", "chatwoot"]
Kind = Literal["plain", "zendesk", "gorgias", "intercom", "freshdesk", "front", "chatwoot", "imap"]
UNSIGNED: frozenset[Kind] = frozenset({"gorgias", "freshdesk"})
"""Kinds whose vendors sign nothing: they send the secret itself."""

Name = Annotated[str, Field(min_length=1, max_length=NAME_CHARACTERS)]

PROBLEMS = {
    "missing": "is missing",
    "list_type": "should be a list, each entry of which begins with “- ”",
    "model_type": "should be names and values, as in “kind: zendesk”",
    "string_type": "should be a text (numbers and yes/no need quotes)",
    "extra_forbidden": "is not known here: see docs/intake.md",
}
"""Sentences for pydantic's errors, by their type."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class SecretModel(_Strict):
    """Where a secret is: in the environment, or in a file."""

    env: str | None = Field(None, min_length=1)
    file: Path | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("a secret has either env, the name of a variable, or file, a path")
        return self


class FieldsModel(_Strict):
    """Where the fields are in the body of a plain webhook, as paths such as payload.body.text."""

    messages: FieldPath | None = None
    text: FieldPath = "text"
    subject: FieldPath = "subject"
    message_id: FieldPath = "message_id"
    conversation_id: FieldPath = "conversation_id"
    ticket_id: FieldPath = "ticket_id"
    customer_id: FieldPath = "customer_id"
    channel: FieldPath = "channel"
    language: FieldPath = "language"
    created_at: FieldPath = "created_at"
    from_agent: FieldPath = "from_agent"
    public: FieldPath = "public"


class MailboxModel(_Strict):
    """An IMAP mailbox.

    Attributes:
        host: of the server.
        port: of the server; unset: 993, and 143 without TLS from the beginning.
        tls: how the connection is encrypted.
        user: who logs in, with the source's first secret.
        folder: that is read.
        poll_s: seconds between two looks.
        max_age_days: messages that the server received earlier are left alone.
    """

    host: str = Field(min_length=1)
    port: int | None = Field(None, ge=1, le=65_535)
    tls: Literal["tls", "starttls", "none"] = "tls"
    user: str = Field(min_length=1)
    folder: str = Field("INBOX", min_length=1)
    poll_s: PositiveFloat = 15.0
    max_age_days: PositiveFloat = 7.0

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port or (993 if self.tls == "tls" else 143)


class IntakeSourceModel(_Strict):
    """One source of messages.

    Attributes:
        name: in the address of its webhooks, in metrics and in messages.
        kind: whose bodies it sends, or ``imap``.
        secrets: any of which counts, so that they can be exchanged one after the other.
        signed: whether webhooks are signed as the vendor documents it; otherwise they carry the secret itself.
        header: which header carries the secret where nothing is signed.
        user: who logs in by Basic authentication where nothing is signed; unset: anyone with the secret.
        replay_window_s: how old a signed timestamp may be.
        topic: where its messages go; unset: the topic that the worker reads.
        rate, burst: webhooks a second, and at once.
        channel, language: of messages that give none.
        fields: where the fields of a plain body are.
        mailbox: of the kind ``imap``.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    kind: Kind
    secrets: tuple[SecretModel, ...] = Field(min_length=1)
    signed: bool | None = None
    header: Annotated[str, Field(min_length=1)] = "X-Triage-Secret"
    user: str | None = Field(None, min_length=1)
    replay_window_s: PositiveFloat = 300.0
    topic: Topic | None = None
    rate: PositiveFloat = 200.0
    burst: PositiveInt = 1_000
    channel: Name | None = None
    language: Name | None = None
    fields: FieldsModel = FieldsModel()
    mailbox: MailboxModel | None = None

    @property
    def is_signed(self) -> bool:
        """Whether its webhooks are signed."""
        return self.kind not in UNSIGNED if self.signed is None else self.signed

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if (self.mailbox is not None) != (self.kind == "imap"):
            raise ValueError("a source of the kind imap, and no other, has a mailbox")
        if self.kind in UNSIGNED and self.signed:
            raise ValueError(f"{self.kind} signs nothing: leave “signed” out")
        header_name(self.header)
        return self


class _SourcesModel(_Strict):
    sources: list[IntakeSourceModel] = Field(min_length=1)


def load(path: Path) -> list[IntakeSourceModel]:
    """Load the sources of a file, in its order.

    Raises:
        ConfigError: the file cannot be read or is not valid.
    """
    return parse(marked_yaml.read_text(path, "The sources of the intake"), str(path))


def parse(text: str, name: str) -> list[IntakeSourceModel]:
    """Parse the sources of a text.

    Args:
        text: YAML.
        name: what errors call the text, such as the file's path.

    Raises:
        ConfigError: the text is not valid; names the place.
    """
    found = marked_yaml.parse_file(text, name)
    try:
        sources = _SourcesModel.model_validate(found.content).sources
    except ValidationError as error:
        raise ConfigError(_describe(first_error(error), found, name)) from None
    for index, source in enumerate(sources):
        if any(other.name == source.name for other in sources[:index]):
            mark = found.marks["sources", index, "name"]
            raise ConfigError(
                f"{name}, {mark}: another source is called {source.name}, too: give this one another name."
            )
    return sources


def _describe(error: FirstError, found: MarkedYaml, name: str) -> str:
    """Describe an error without the value, which may be a secret that was written into the file."""
    nearest = found.nearest(error.location)
    path = ".".join(map(str, error.location)) or "the file"
    message = PROBLEMS.get(error.kind, f"{error.message[0].lower()}{error.message[1:]}")
    return f"{name}, {found.marks[nearest]}: {path}: {message}."
