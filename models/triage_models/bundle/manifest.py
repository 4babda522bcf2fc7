"""The manifest of a bundle: the content of ``triage.json``."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

FEATURES = ("log_odds", "margin", "in_scope_log_odds", "familiarity", "agreement")
"""The inputs of the fitted confidence, in order; `triage_models.serving.decision.confidence_features` computes them."""

FileName = Annotated[str, Field(pattern=r"^[^/\\]+$")]
"""A file in the bundle's own folder: bundles are copied by these names, so a path to elsewhere is refused."""


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


class Thresholds(_Strict):
    """An event is accepted when its confidence and its familiarity both reach their threshold."""

    confidence: float = Field(ge=0, le=1)
    familiarity: float = Field(ge=-1, le=1)
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

    @property
    def intent_mix(self) -> dict[str, float]:
        """Each label's share, 0 to 1, of the labelled training rows; empty if the manifest does not record it."""
        counted = self.training.get("rows_by_label", {})
        rows = {label: counted.get(label, 0) for label in self.labels}
        return {label: count / sum(rows.values()) for label, count in rows.items()} if any(rows.values()) else {}
