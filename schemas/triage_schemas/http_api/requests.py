"""The body of a request to classify texts. Unknown fields are refused, since they are most likely typing errors."""

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import Discriminator, Field, Tag, ValidationError

from triage_schemas.events import StrictModel
from triage_schemas.input.fields import with_subject
from triage_schemas.messages.message import CustomerMessage
from triage_schemas.messages.names import NAME_CHARACTERS, one_line
from triage_schemas.validation import first_error

_TAGS = frozenset({"string", "object"})
"""Names of alternatives, which are no part of the path to a mistake."""

Name = Annotated[str, Field(min_length=1, max_length=NAME_CHARACTERS)]


class InvalidRequestError(ValueError):
    """A request cannot be answered; ``str()`` says why, without the customer's text.

    Attributes:
        path: where the mistake is, such as ``texts.3.text``; empty if the body as a whole is wrong.
    """

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.path = path


class TextItem(StrictModel):
    """A text with what else is known of the message. The names are those of the messages on Kafka."""

    text: str = Field(description="the customer's text")
    message_id: Name | None = Field(default=None, description="is repeated in the result")
    subject: str | None = Field(default=None, description="is read with the text, and not repeated")
    language: Name | None = Field(
        default=None, description="ISO 639-1 code; holds where the text itself does not say in which language it is"
    )
    channel: Name | None = Field(default=None, description="is repeated in the result")


class OneText(TextItem):
    """One text."""


def _kind(value: object) -> str | None:
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, dict | TextItem) else None


class ManyTexts(StrictModel):
    """Several texts. They are classified together, and the results have their order."""

    texts: list[
        Annotated[
            Annotated[str, Tag("string")] | Annotated[TextItem, Tag("object")],
            Discriminator(
                _kind,
                custom_error_type="text_or_object",
                custom_error_message="should be a string, or an object with a text",
            ),
        ]
    ] = Field(min_length=1)


class Limits(NamedTuple):
    """How much a request may ask for.

    Attributes:
        texts: most texts.
        text_bytes: longest text in UTF-8, its subject included.
    """

    texts: int
    text_bytes: int


def read_request(document: Any, limits: Limits) -> list[CustomerMessage]:
    """Return the messages of a request, as a JSON parser returned it; a blank text is left as it is.

    Raises:
        InvalidRequestError: a field is missing, unknown, or has the wrong type; or there is too much.
    """
    if not isinstance(document, dict):
        raise InvalidRequestError('the body should be an object, such as {"texts": ["where is my parcel"]}')
    if "texts" in document:
        listed = document["texts"]
        if isinstance(listed, list) and len(listed) > limits.texts:  # before each of them is looked at
            raise InvalidRequestError(f"{len(listed)} texts, {limits.texts} are allowed in one request", "texts")
        try:
            items: Sequence[str | TextItem] = ManyTexts.model_validate(document).texts
        except ValidationError as error:
            raise _invalid(error) from None
        return [_message(item, f"texts.{row}", limits) for row, item in enumerate(items)]
    if "text" not in document:
        raise InvalidRequestError('the body should have a field "text" or "texts"')
    try:
        return [_message(OneText.model_validate(document), "", limits)]
    except ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: ValidationError) -> InvalidRequestError:
    first = first_error(error)
    path = ".".join(str(part) for part in first.location if part not in _TAGS)
    message = "this field is not known" if first.kind == "extra_forbidden" else first.message
    return InvalidRequestError(f"{message[0].lower()}{message[1:]}", path)


def _message(item: str | TextItem, path: str, limits: Limits) -> CustomerMessage:
    if isinstance(item, str):
        _check_size(item, path, limits)
        return CustomerMessage(item, "")
    inner = f"{path}.text" if path else "text"
    text = item.text
    if text and not text.isspace():
        text = with_subject(one_line(item.subject or ""), text)
    _check_size(text, inner, limits)
    return CustomerMessage(text, item.message_id or "", channel=item.channel, language=item.language)


def _check_size(text: str, path: str, limits: Limits) -> None:
    if len(text) * 4 > limits.text_bytes:
        size = len(text.encode("utf-8", "replace"))
        if size > limits.text_bytes:
            raise InvalidRequestError(f"the text has {size} bytes, {limits.text_bytes} are allowed", path)
