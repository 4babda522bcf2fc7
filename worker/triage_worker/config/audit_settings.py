"""Settings of the audit of accepted events."""

from pydantic import BaseModel, Field


class AuditSettings(BaseModel):
    """Which decisions people check."""

    audit_share: float = Field(
        0.0, ge=0, le=1, description="share of the accepted messages that also go to the review, for the audit; 0: none"
    )
