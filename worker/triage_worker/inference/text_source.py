"""How the texts of messages are read, and which bundles decide on them."""

from dataclasses import dataclass

from triage_models.serving.mail.message import Reader, as_written

from triage_worker.inference.message_languages import MessageLanguages


@dataclass(frozen=True, slots=True)
class TextSource:
    """What the texts of some messages have in common.

    Attributes:
        languages: finds their languages.
        read: returns what of a text is classified, and says its language.
        group: the bundles that decide on them; empty for those of the environment.
    """

    languages: MessageLanguages
    read: Reader = as_written
    group: str = ""
