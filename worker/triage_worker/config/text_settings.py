"""Settings of what is read in a text without a model: entities, and personal data that stays home."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, Field
from triage_models.errors import DataError
from triage_models.text.entities.catalogue import Catalogue
from triage_models.text.entities.entity import ENTITY_TYPES
from triage_models.text.entities.extractor import EntityExtractor
from triage_models.text.entities.order_numbers import OrderNumbers
from triage_models.text.phone_numbers import is_region
from triage_models.text.redaction.placeholders import Redacted, unredacted
from triage_models.text.redaction.redactor import PERSONAL_DATA, Redactor

from triage_worker.config.errors import ConfigError
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


def _pattern(value: str) -> str:
    try:
        OrderNumbers(value)
    except DataError as error:
        raise ValueError(str(error)) from None
    return value


OrderPattern = Annotated[str, AfterValidator(_pattern)]
EntityNames = Annotated[str, AfterValidator(_known(*ENTITY_TYPES))]
PersonalDataNames = Annotated[str, AfterValidator(_known(*PERSONAL_DATA))]
RedactionPlaces = Annotated[str, AfterValidator(_known(*get_args(RedactionPlace)))]
Region = Annotated[str, AfterValidator(_region), Upper]


class TextSettings(BaseModel):
    """What is read in a text, and what of it does not leave."""

    entities: EntityNames = Field(
        ",".join(ENTITY_TYPES), description="entities that events list, separated by commas; none: no entities"
    )
    order_pattern: OrderPattern | None = Field(
        None, description="regular expression (RE2) of the shop's order numbers; its first group is the number"
    )
    catalogue: Path | None = Field(
        None, description="CSV file with the columns id and name of the shop's products; unset: none are looked for"
    )
    redact: PersonalDataNames = Field(
        ",".join(PERSONAL_DATA),
        description="personal data that placeholders replace, separated by commas; none: nothing is replaced",
    )
    redact_in: RedactionPlaces = Field(
        "llm", description="where it is replaced: llm (what the LLM is sent), review, labels; or none"
    )
    region: Region = Field(
        "US", description="country of two letters, such as GB, whose phone numbers, postcodes and dates are expected"
    )

    def redaction(self, place: RedactionPlace) -> Redact:
        """Return what replaces personal data in a place; where nothing is to be replaced, it leaves a text as it is."""
        chosen = set(self.redact.split(","))
        kinds = [kind for kind in PERSONAL_DATA if kind in chosen]
        if not kinds or place not in self.redact_in.split(","):
            return unredacted
        return Redactor(kinds, self.region).redact

    def entity_extractor(self) -> EntityExtractor | None:
        """Return what finds the entities of a text; None if none are wanted.

        Raises:
            ConfigError: the catalogue cannot be read.
        """
        if self.entities == NONE:
            return None
        return _extractor(self.entities, self.region, self.order_pattern, self.catalogue)


@cache
def _extractor(names: str, region: str, pattern: str | None, path: Path | None) -> EntityExtractor:
    types = [kind for kind in ENTITY_TYPES if kind in names.split(",")]
    try:
        catalogue = None if path is None else Catalogue.read(path)
    except DataError as error:
        raise ConfigError(f"TRIAGE_CATALOGUE is not valid: {error}") from None
    return EntityExtractor(types, region, None if pattern is None else OrderNumbers(pattern), catalogue)
