"""Settings of delivery."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, PositiveFloat, PositiveInt, model_validator

from triage_worker.config.types import Lower


class DeliverySettings(BaseModel):
    """How outputs are published, and how much may be in flight."""

    delivery: Annotated[Literal["at_least_once", "exactly_once"], Lower] = Field(
        "at_least_once", description="exactly_once puts outputs and offsets into one transaction"
    )
    idempotence: bool = Field(
        True, description="let the broker drop records that are sent twice; off for brokers that cannot"
    )
    transactional_id_prefix: str = Field("triage", description="prefix of the transactional ids, for ACLs")
    commit_interval_ms: PositiveInt = Field(100, description="time between commits of offsets or transactions")
    max_in_flight: PositiveInt = Field(4_096, description="messages read and not yet acknowledged; bounds memory")
    drain_timeout_s: PositiveFloat = Field(20.0, description="longest time to finish messages in flight at shutdown")

    @model_validator(mode="after")
    def _transactions_are_idempotent(self) -> Self:
        if self.delivery == "exactly_once" and not self.idempotence:
            raise ValueError("TRIAGE_DELIVERY=exactly_once needs TRIAGE_IDEMPOTENCE=true")
        return self
