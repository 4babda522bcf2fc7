"""The manifest of a bundle: the content of ``triage.json``."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    model_serializer,
    model_validator,
)

from triage_models.bundle.accepted_rows import AcceptedRows, read_cells
from triage_models.bundle.two_wishes import TWO_WISHES, TwoWishes

FEATURES = ("log_odds", "margin", "in_scope_log_odds", "familiarity", "agreement")
"""The inputs of the fitted confidence, in order; `triage_models.serving.decision.confidence_features` computes them."""

SUGGESTION = "suggestion"
"""The entry of the metrics that has the threshold of suggestions."""

ACCEPTED_ROWS = "accepted_rows"
"""The entry of the metrics that has the accepted rows that thresholds were chosen by."""

FileName = Annotated[str, Field(pattern=r"^[^/\\]+$")]
"""A file in the bundle's own folder: bundles are copied by these names, so a path to elsewhere is refused."""

LanguageCode = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]

_TEXTS = TypeAdapter(dict[str, str])


def show_rate(rate: float) -> str:
    """Write an error rate as per cent, with the decimals that it has: 5%, 0.5%."""
    return f"{100 * rate:.3g}%"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Calibration(_Strict):
    """How logits become a probability that the answer is correct.

    ``temperature`` divides the logits. ``weights`` and ``intercept`` are a logistic regression over `FEATURES`, fitted
    on rows that the network was not trained on; out-of-scope rows count as wrong.
    """

    temperature: float = Field(gt=0)
    weights: tuple[float, ...] = Field(min_length=len(FEATURES), max_length=len(FEATURES))
    intercept: float
    fitted_on: str
    rows: int


class Guarantee(_Strict):
    """At most a share ``risk`` of accepted events is wrong, at ``confidence``, for traffic like the calibration rows.

    ``certified`` is false if there were too few calibration rows for the claim. The threshold is then the one with the
    best estimate, and the other fields describe that estimate.
    """

    risk: float
    confidence: float
    certified: bool
    method: str
    calibration_rows: int
    accepted_rows: int
    errors: int
    upper_bound: float
    coverage: float


class IntentThreshold(_Strict):
    """A stricter threshold of one intent; its guarantee is about the accepted events with this intent."""

    confidence: float = Field(ge=0, le=1)
    guarantee: Guarantee


class Thresholds(_Strict):
    """An event is accepted when its confidence and its familiarity both reach their threshold.

    An intent in ``by_intent`` needs the confidence that is given there. Without any, the field is not written: Triage
    versions that do not know it refuse a bundle with it, which they would serve too leniently.
    """

    confidence: float = Field(ge=0, le=1)
    familiarity: float = Field(ge=-1, le=1)
    guarantee: Guarantee
    by_intent: dict[str, IntentThreshold] | None = None

    @model_serializer(mode="wrap")
    def _without_none(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        if self.by_intent is None:
            del written["by_intent"]
        return written


class LanguageCalibration(_Strict):
    """How messages in one language are decided, where rows of that language suffice to tell; what is None is as in all.

    ``confidence`` is the threshold of all intents. Where an intent has one of its own, the higher of the two holds.
    """

    calibration: Calibration | None = None
    confidence: float | None = Field(default=None, ge=0, le=1)
    familiarity: float | None = Field(default=None, ge=-1, le=1)
    guarantee: Guarantee | None = None


class Suggestion(_Strict):
    """A refused event is suggested to people when its confidence reaches this threshold.

    The guarantee is about all events down to this threshold, accepted or suggested.
    """

    confidence: float = Field(ge=0, le=1)
    guarantee: Guarantee


class Golden(_Strict):
    """Texts with the logits ``[N, C]`` that they gave during training; they are replayed when a bundle is opened."""

    texts: tuple[str, ...]
    logits: tuple[tuple[float, ...], ...]
    tolerance: float = Field(gt=0, description="largest difference of a logit that other processors may show")


class Manifest(_Strict):
    """The content of ``triage.json``."""

    format: Literal[1] = 1
    name: str
    version: str
    created_at: str
    labels: tuple[str, ...] = Field(min_length=2)
    languages: tuple[LanguageCode, ...] | None = Field(
        default=None, min_length=1, description="the languages that are answered, ISO 639-1; without it, any is"
    )
    by_language: dict[LanguageCode, LanguageCalibration] | None = None
    out_of_scope_label: str | None = Field(
        description="the name of out-of-scope rows in the training data; when set, the network has an output for them "
        "after those of the labels"
    )
    descriptions: dict[str, str]
    max_length: int = Field(ge=8, description="tokens the model reads, special tokens included")
    calibration: Calibration
    thresholds: Thresholds
    golden: dict[str, Golden] = Field(description="by model file")
    files: dict[FileName, str] = Field(description="SHA-256 of each file of the bundle except this one")
    metrics: dict[str, Any]
    training: dict[str, Any] = Field(description="data hashes, rows, seed, schedule and library versions")

    @model_validator(mode="after")
    def _check(self) -> Self:
        unknown = sorted(set(self.thresholds.by_intent or ()) - set(self.labels))
        if unknown:
            raise ValueError(f"thresholds.by_intent has {unknown[0]}, which is not a label of the bundle")
        others = sorted(set(self.by_language or ()) - set(self.languages or ()))
        if others:
            raise ValueError(f"by_language has {others[0]}, which is not in languages")
        _ = self.suggestion, self.accepted_rows, self.two_wishes
        return self

    @model_serializer(mode="wrap")
    def _without_languages(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what is not set: Triage versions that do not know these fields open such a bundle, and no other."""
        written: dict[str, Any] = write(self)
        for name in ("languages", "by_language"):
            if written[name] is None:
                del written[name]
        return written

    @property
    def suggestion(self) -> Suggestion | None:
        """The threshold of suggestions, if the bundle has one.

        It is among the metrics, since versions of Triage that do not know it refuse every field that they do not know,
        except there; and they lose nothing by ignoring it.
        """
        found = self.metrics.get(SUGGESTION)
        return None if found is None else Suggestion.model_validate(found)

    @property
    def accepted_rows(self) -> AcceptedRows | None:
        """The accepted rows that the thresholds were chosen by, for an audit; None if the bundle does not have them.

        They are among the metrics for the same reason as the threshold of suggestions.
        """
        found = self.metrics.get(ACCEPTED_ROWS)
        return None if found is None else read_cells(_TEXTS.validate_python(found), self.labels)

    @property
    def two_wishes(self) -> TwoWishes | None:
        """How a second wish is told, if the bundle was fitted to do so; among the metrics for the same reason."""
        found = self.metrics.get(TWO_WISHES)
        return None if found is None else TwoWishes.model_validate(found)

    @property
    def intent_mix(self) -> dict[str, float]:
        """Each label's share, 0 to 1, of the labelled training rows; empty if the manifest does not record it."""
        counted = self.training.get("rows_by_label", {})
        rows = {label: counted.get(label, 0) for label in self.labels}
        return {label: count / sum(rows.values()) for label, count in rows.items()} if any(rows.values()) else {}
