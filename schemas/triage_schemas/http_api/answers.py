"""What the HTTP API answers, as types that the OpenAPI document describes."""

from typing import Annotated, Literal

from pydantic import Field

from triage_schemas.events import EntityRef, ModelRef, Probability, Reason, StrictModel, WishRef

NoAnswer = Literal["no_text", "model_error"]
"""Why a text has no intent: it is blank, or the model fails on it, while it works on others."""


class Result(StrictModel):
    """What the model says about one text. The fields mean what they mean in the events on Kafka."""

    intent: str | None = Field(description="the likeliest intent; null if the text is blank or the model fails on it")
    confidence: Probability | None = Field(description="calibrated probability that the intent is right")
    accepted: bool = Field(description="confidence and familiarity reach the bundle's thresholds: act on the intent")
    reason: Reason | NoAnswer | None = Field(description="why it is not accepted; null if it is")
    scores: dict[str, Probability] = Field(description="the three most likely intents, in descending order")
    truncated: bool = Field(description="the text was too long to be read to its end")
    suggested: bool = Field(description="not accepted, but worth showing to a person")
    language: str | None = Field(
        description="as the request gives it; else ISO 639-1 code of what the text is in, if it says"
    )
    intents: list[WishRef] = Field(description="what the text asks for: the intent, and what else")
    entities: list[EntityRef] = Field(
        description="what the text names; positions count its subject, before the text as `Subject: …` and a blank line"
    )
    familiarity: float | None = Field(description="cosine similarity to the nearest training prototype")
    threshold: Probability | None = Field(description="minimum confidence of an accepted intent")
    model: ModelRef | None = Field(description="the bundle that decided")
    message_id: str | None = Field(description="as in the request")
    channel: str | None = Field(description="as in the request")


class Results(StrictModel):
    """The results, in the order of the texts."""

    results: list[Result]


class IntentInfo(StrictModel):
    """An intent that the service knows."""

    intent: str
    description: str


class ModelInfo(StrictModel):
    """A bundle that serves."""

    name: str
    version: str
    threshold: Probability = Field(description="minimum confidence of an accepted intent, if it has none of its own")
    intent_thresholds: dict[str, Probability] = Field(description="of the intents that have one of their own")
    serves: list[str] = Field(description="languages whose texts come to it; `*`: all others, and unsure ones")
    languages: list[str] | None = Field(description="languages that it has learned; null if it answers any")


class Intents(StrictModel):
    """What can be recognised, and by which bundles."""

    intents: list[IntentInfo]
    models: list[ModelInfo]


class Problem(StrictModel):
    """An error, as RFC 9457 describes them."""

    type: str = Field(description="`urn:triage:problem:` and the code")
    title: str = Field(description="the HTTP status in words")
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str = Field(description="what happened, to what, and what to do")
    code: str = Field(description="a stable word, for programs")
    path: str | None = Field(default=None, description="where in the body the mistake is, such as `texts.3.text`")
    request_id: str = Field(description="as in the header X-Request-ID, to look up in the service's log")
