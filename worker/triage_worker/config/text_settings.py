"""Settings of what is read in a text without a model: personal data that stays home."""

from collections.abc import Callable
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, Field
from triage_models.text.phone_numbers import is_region
from triage_models.text.redaction.placeholders import Redacted, unredacted
from triage_models.text.redaction.redactor import PERSONAL_DATA, Redactor

from triage_worker.config.types import Upper

NONE = "none"
RedactionPlace = Literal["llm", "review", "labels"]
Redact = Callable[[str], Redacted]


def _known(*names: str) -> Callable[[str], str]:
    """Return a validator of names separated by commas; they are put into the order of the known ones."""

    def validate(value: str) -> str:
        given = {name.strip().lower() for name in value.split(",")} - {""}
        unknown = sorted(given - {*names, NONE})
        if unknown or not given or (NONE in given and len(given) > 1):
            shown = unknown[0] if unknown else value
            raise ValueError(f"{shown!r} should be {NONE}, or some of {', '.join(names)}, separated by commas")
        return NONE if NONE in given else ",".join(name for name in names if name in given)

    return validate


def _region(value: str) -> str:
    if not is_region(value):
        raise ValueError(f"{value!r} should be a country of two letters, such as GB")
    return value


PersonalDataNames = Annotated[str, AfterValidator(_known(*PERSONAL_DATA))]
RedactionPlaces = Annotated[str, AfterValidator(_known(*get_args(RedactionPlace)))]
Region = Annotated[str, AfterValidator(_region), Upper]


class TextSettings(BaseModel):
    """What is read in a text, and what of it does not leave."""

    redact: PersonalDataNames = Field(
        ",".join(PERSONAL_DATA),
        description="personal data that placeholders replace, separated by commas; none: nothing is replaced",
    )
    redact_in: RedactionPlaces = Field(
        "llm", description="where it is replaced: llm (what the LLM is sent), review, labels; or none"
    )
    phone_region: Region = Field(
        "US", description="country whose national phone numbers are expected first, of two letters such as GB"
    )

    def redaction(self, place: RedactionPlace) -> Redact:
        """Return what replaces personal data in a place; where nothing is to be replaced, it leaves a text as it is."""
        chosen = set(self.redact.split(","))
        kinds = [kind for kind in PERSONAL_DATA if kind in chosen]
        if not kinds or place not in self.redact_in.split(","):
            return unredacted
        return Redactor(kinds, self.phone_region).redact
