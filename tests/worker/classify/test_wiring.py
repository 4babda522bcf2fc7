from triage_models.serving.mail.html import html_to_text
from triage_schemas.messages.message import InputShape
from triage_schemas.messages.placeholders import placeholder_forms
from triage_worker.classify.message_sources import input_shape
from triage_worker.config.settings import Settings


def test_the_input_is_read_as_the_settings_say() -> None:
    assert input_shape(Settings()) == InputShape()
    settings = Settings(
        input_format="text",
        text_field="payload.after.text",
        conversation_field="payload.after.id",
        max_message_bytes=7,
        max_text_bytes=5,
        skip_unchanged=False,
        text_placeholders=" <unset>, ??,",
    )
    assert input_shape(settings) == InputShape(
        format="text",
        text_path=("payload", "after", "text"),
        conversation_path=("payload", "after", "id"),
        max_message_bytes=7,
        max_text_bytes=5,
        skip_unchanged=False,
        placeholders=placeholder_forms(["<unset>", "??"]),
    )


def test_the_subject_and_html_are_read() -> None:
    shape = input_shape(Settings(subject_field="payload.subject"))
    assert shape.subject_path == ("payload", "subject")
    assert shape.html_to_text is html_to_text
