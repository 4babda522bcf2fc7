"""Where to send calls, from the address of an endpoint in any of the forms that providers document."""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import SplitResult, parse_qs, urlsplit

COMPLETIONS = "/chat/completions"
WHOLE_ADDRESSES = (COMPLETIONS, "/invocations")
"""Endings of addresses that are complete already; Databricks serves a model at ``…/invocations``."""

AZURE_HOSTS = (
    *(".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com"),
    *(".openai.azure.us", ".openai.azure.cn"),
)
AZURE_DEPLOYMENT = re.compile(r"/openai/deployments/[^/]+$")
SCHEME = re.compile(r"(bearer|basic|token|api-?key)\s", re.IGNORECASE)
TOKEN = re.compile(r"eyJ[\w-]*\.[\w-]+\.[\w-]*")
"""A JSON Web Token, such as Microsoft Entra ID issues for Azure."""


@dataclass(frozen=True, slots=True)
class EndpointAddress:
    """The addresses of an endpoint. The query string of the given address, such as ``api-version``, is kept.

    Attributes:
        completions: where completions are requested.
        models: where the models are listed; None if the given address does not tell.
        azure: whether this looks like Azure OpenAI, which takes its key in a header of its own.
        with_v1: the addresses below ``/v1``, or Azure's ``/openai/v1``, if the given one has no path; else None.
    """

    completions: str
    models: str | None
    azure: bool
    with_v1: Self | None

    @classmethod
    def parse(cls, url: str) -> Self:
        """Parse an address: up to ``/v1`` or its like, or whole."""
        parts = urlsplit(url)
        path = parts.path.rstrip("/")
        v1 = "/openai/v1" if (parts.hostname or "").endswith(AZURE_HOSTS) else "/v1"
        without_path = cls._below(v1, parts, None) if not path else None
        return cls._below(path, parts, without_path)

    @classmethod
    def _below(cls, path: str, parts: SplitResult, with_v1: Self | None) -> Self:
        whole = next((ending for ending in WHOLE_ADDRESSES if path.endswith(ending)), None)
        base = path if whole is None else path.removesuffix(COMPLETIONS)
        listed = None if whole == "/invocations" else AZURE_DEPLOYMENT.sub("/openai", base) + "/models"
        return cls(
            completions=parts._replace(path=path if whole else path + COMPLETIONS).geturl(),
            models=None if listed is None else parts._replace(path=listed).geturl(),
            azure=_is_azure(parts, base),
            with_v1=with_v1,
        )

    def key_headers(self, key: str | None, header: str | None) -> dict[str, str]:
        """The header that carries a key.

        Args:
            key: the key; None for none.
            header: the header's name; None chooses it: ``api-key`` at Azure, else ``Authorization``.
        """
        if key is None:
            return {}
        name = header or ("api-key" if self.azure and not TOKEN.fullmatch(key) else "Authorization")
        with_scheme = name.lower() != "authorization" or SCHEME.match(key)
        return {name: key if with_scheme else f"Bearer {key}"}


def _is_azure(parts: SplitResult, base: str) -> bool:
    host = parts.hostname or ""
    return host.endswith(AZURE_HOSTS) or "api-version" in parse_qs(parts.query) or bool(AZURE_DEPLOYMENT.search(base))
