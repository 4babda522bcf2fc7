"""Settings of the LLM fallback."""

from typing import Self

from pydantic import BaseModel, Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from triage_worker.config.types import ApiKey, HeaderName, Headers, Url


class FallbackSettings(BaseModel):
    """Which LLM is asked, and what it may cost."""

    llm_url: Url | None = Field(None, description="fallback: OpenAI-compatible endpoint, up to /v1 or whole")
    llm_model: str | None = Field(None, description="fallback: name of the model at the endpoint")
    llm_api_key: ApiKey = Field(None, description="fallback: API key of the endpoint")
    llm_key_header: HeaderName | None = Field(None, description="fallback: header of the key; unset: the usual one")
    llm_headers: Headers = Field(None, description="fallback: further headers, as a JSON object or as Name: value")
    llm_out_of_scope: bool = Field(False, description="fallback: also ask the LLM about messages that are out of scope")
    llm_min_confidence: float = Field(
        0.6, ge=0, le=1, description="fallback: answers that the LLM is less confident of go to review"
    )
    llm_concurrency: PositiveInt = Field(8, description="fallback: concurrent calls")
    llm_timeout_s: PositiveFloat = Field(15.0, description="fallback: time-out of one call")
    llm_deadline_s: PositiveFloat = Field(45.0, description="fallback: deadline for one message, retries included")
    llm_max_tokens: PositiveInt = Field(200, description="fallback: longest answer, in tokens")
    llm_price_input: NonNegativeFloat = Field(0.0, description="fallback: price of a million input tokens")
    llm_price_output: NonNegativeFloat = Field(0.0, description="fallback: price of a million output tokens")
    llm_money_per_hour: PositiveFloat | None = Field(
        None, description="fallback: budget of all replicas for an hour, in the currency of the prices; unset: no limit"
    )
    llm_calls_per_hour: PositiveInt | None = Field(
        None, description="fallback: most calls of all replicas in an hour; unset: no limit"
    )

    @model_validator(mode="after")
    def _money_needs_prices(self) -> Self:
        if self.llm_money_per_hour is not None and not (self.llm_price_input or self.llm_price_output):
            raise ValueError(
                "TRIAGE_LLM_MONEY_PER_HOUR needs TRIAGE_LLM_PRICE_INPUT and TRIAGE_LLM_PRICE_OUTPUT, "
                "the prices of a million tokens"
            )
        return self
