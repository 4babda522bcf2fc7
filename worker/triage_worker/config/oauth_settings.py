"""Settings of logins by token: SASL's mechanism OAUTHBEARER."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, SecretStr

from triage_worker.config import oauth_values
from triage_worker.config.sources import variable
from triage_worker.config.types import Lower

TokenUrl = Annotated[str, AfterValidator(oauth_values.token_url)]
Provider = Annotated[str, AfterValidator(oauth_values.provider)]
Parameters = Annotated[str, AfterValidator(oauth_values.parameters)]
Extensions = Annotated[str, AfterValidator(oauth_values.extensions)]

NEEDED = ("oauth_token_url", "oauth_client_id", "oauth_client_secret")
USED_BY_OIDC = (*NEEDED, "oauth_client_auth", "oauth_audience", "oauth_parameters", "oauth_ssl_cafile")
"""The settings that no other provider reads; a scope is also one of Azure, and extensions are of any."""


class OAuthSettings(BaseModel):
    """Where tokens come from, with TRIAGE_SASL_MECHANISM=OAUTHBEARER."""

    oauth_provider: Provider = Field(
        "oidc",
        description="where tokens come from: oidc (client credentials), aws, azure, gcp, or package.module:function",
    )
    oauth_token_url: TokenUrl | None = Field(None, description="oidc: the issuer's token endpoint")
    oauth_client_id: str | None = Field(None, description="oidc: id of the client")
    oauth_client_secret: SecretStr | None = Field(None, description="oidc: secret of the client")
    oauth_client_auth: Annotated[Literal["basic", "post"], Lower] = Field(
        "basic", description="oidc: how id and secret are sent: in a header, or in the form"
    )
    oauth_scope: str | None = Field(
        None, description="oidc and azure: scopes, separated by blanks; unset: the issuer's default, or the namespace's"
    )
    oauth_audience: str | None = Field(None, description="oidc: for whom the token is, where the issuer wants to know")
    oauth_parameters: Parameters | None = Field(
        None, description="oidc: further parameters of the request, as name=value, several joined by &"
    )
    oauth_ssl_cafile: Path | None = Field(
        None, description="oidc: PEM file with the certificate authority of the issuer; unset: the system's"
    )
    oauth_extensions: Extensions | None = Field(
        None, description="SASL extensions, as name=value, separated by commas, such as logicalCluster=lkc-1"
    )


def check_login_by_token(values: Mapping[str, object], *, used: bool) -> None:
    """Check that the settings of tokens fit each other.

    Args:
        values: the settings by name.
        used: whether anything logs in by token.

    Raises:
        ValueError: one is missing, or has no effect; names it.
    """
    fields = OAuthSettings.model_fields
    given = [name for name in fields if values[name] != fields[name].default]
    if given and not used:
        raise ValueError(
            f"{variable(given[0])} is only used with TRIAGE_SASL_MECHANISM=OAUTHBEARER and TRIAGE_SECURITY_PROTOCOL="
            f"SASL_SSL: set both, or unset it"
        )
    provider = values["oauth_provider"]
    if used and provider == "oidc":
        missing = [name for name in NEEDED if values[name] is None]
        if missing:
            raise ValueError(f"a login by token needs {variable(missing[0])} too, or another TRIAGE_OAUTH_PROVIDER")
    if provider != "oidc":
        unused = [name for name in given if name in USED_BY_OIDC or (name == "oauth_scope" and provider != "azure")]
        if unused:
            raise ValueError(f"{variable(unused[0])} is not used with TRIAGE_OAUTH_PROVIDER={provider}: unset it")
