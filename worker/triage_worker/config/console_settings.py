"""Settings of the console."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field, PositiveFloat, PositiveInt, SecretStr, model_validator

from triage_worker.config.console_values import metrics_urls, public_url, role_mapping
from triage_worker.config.types import HelpdeskUrl


class ConsoleSettings(BaseModel):
    """Who may sign in to `triage console`, and what it keeps."""

    console_users: Path | None = Field(
        None, description="console: file with the people who sign in by a password; unset: none do"
    )
    console_code: SecretStr | None = Field(
        None, description="console: code in the address by which anybody on this machine signs in, as for the demo"
    )
    console_oidc_issuer: HelpdeskUrl | None = Field(
        None, description="console: address of the issuer (OpenID Connect) that people sign in at"
    )
    console_oidc_client_id: str | None = Field(None, description="console: id of the console at that issuer")
    console_oidc_client_secret: SecretStr | None = Field(None, description="console: its secret there")
    console_oidc_scope: str = Field("openid profile email", description="console: scopes, separated by blanks")
    console_oidc_name_claim: str = Field("email", description="console: claim of the token with the person's name")
    console_oidc_role_claim: str = Field("groups", description="console: claim of the token that decides the role")
    console_oidc_roles: Annotated[str, AfterValidator(role_mapping)] | None = Field(
        None, description="console: role of each value of that claim, such as support-leads=lead,support=reviewer"
    )
    console_url: Annotated[str, AfterValidator(public_url)] | None = Field(
        None, description="console: its address for people, such as https://triage.example.com; needed with an issuer"
    )
    console_probe_port: int = Field(
        0,
        ge=0,
        le=65_535,
        description="console: a port of its own for /livez, /readyz and /metrics; 0: that of the pages",
    )
    console_state: Path | None = Field(
        None,
        description="console: file of its state, so that a restart need not read all again; unset: a temporary one",
    )
    console_days: PositiveInt = Field(7, description="console: days that it shows")
    console_rows: PositiveInt = Field(200_000, description="console: most rows of each kind that it keeps")
    console_metrics_urls: Annotated[str, AfterValidator(metrics_urls)] | None = Field(
        None, description="console: /metrics of the services, separated by commas; unset: only the topics are read"
    )
    console_second_share: float = Field(
        0.05, ge=0, le=1, description="console: share of the answers that a second person gives, too"
    )
    console_claim_s: PositiveFloat = Field(
        300.0, description="console: a message that a person has opened is kept for them for so long"
    )

    @property
    def console_signs_in(self) -> bool:
        """Whether people can sign in by a password or at an issuer."""
        return self.console_users is not None or self.console_oidc_issuer is not None

    @model_validator(mode="after")
    def _whole_issuer(self) -> Self:
        needed = ("console_oidc_client_id", "console_oidc_roles", "console_url")
        if self.console_oidc_issuer is not None:
            missing = next((name for name in needed if getattr(self, name) is None), None)
            if missing is not None:
                raise ValueError(f"TRIAGE_CONSOLE_OIDC_ISSUER needs TRIAGE_{missing.upper()} too")
        return self
