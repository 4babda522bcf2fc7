"""The subjects of a schema registry: finds and registers schemas in them, by Confluent's API."""

from typing import Any
from urllib.parse import quote

from triage_schemas.input.registry.schema import SchemaText

from triage_worker.config.errors import ConfigError
from triage_worker.config.registry_settings import Compatibility
from triage_worker.kafka.registry_answers import Answer
from triage_worker.kafka.registry_client import RegistryClient, RegistryDownError

LONGEST_DETAIL = 400
REGISTER_BY_HAND = (
    "let somebody who has it run `triage schemas register`, and set TRIAGE_SCHEMA_REGISTRATION=check here"
)


class SchemaMissingError(Exception):
    """A subject does not have a schema, or does not exist; says so without a full stop."""


class Subjects:
    """The subjects of one registry.

    Its methods raise `RegistryDownError` where the registry gives no usable answer, and `ConfigError` where it refuses.

    Args:
        client: asks the registry.
    """

    def __init__(self, client: RegistryClient) -> None:
        self._client = client

    async def find(self, subject: str, schema: SchemaText) -> int:
        """Return the id of a schema in a subject.

        Raises:
            SchemaMissingError: it has not been registered there.
        """
        # Normalized: somebody may have registered it with other white space, or the names in another order.
        answer = await self._client.send("POST", f"{_path(subject)}?normalize=true", _body(schema))
        if answer.status == 404:
            raise SchemaMissingError(f"the schema registry has no schema of this version for the subject {subject}")
        _raise_for_login(answer)
        if answer.status == 403:
            raise ConfigError(
                f"The schema registry does not let this user read the subject {subject} (403): give it this right, or "
                "check TRIAGE_SCHEMA_REGISTRY_USERNAME and _PASSWORD, or _TOKEN."
            )
        _raise_for_refusal(answer, subject, "schema")
        if self._client.is_apicurio:
            return await self._client.apicurio_id(subject, answer.fields["version"])
        return int(answer.fields["id"])

    async def register(self, subject: str, schema: SchemaText, compatibility: Compatibility | None) -> int:
        """Register a schema, and return its id; the same one if it is there already.

        Args:
            subject: where.
            schema: what.
            compatibility: what a new subject asks of its later versions; None leaves that to the registry.
        """
        is_new = compatibility is not None and await self._is_new(subject)
        is_set = is_new and await self._set_compatibility(subject, compatibility)
        answer = await self._client.send("POST", f"{_path(subject)}/versions", _body(schema))
        _raise_for_login(answer)
        if answer.status == 403:
            raise ConfigError(
                f"The schema registry does not let this user register a schema for the subject {subject} (403): give "
                f"it this right, or {REGISTER_BY_HAND}."
            )
        if answer.status == 409:
            raise ConfigError(
                f"The schema of this version is not compatible with those of the subject {subject} "
                f"({_detail(answer)}): let an administrator of the registry set the subject's compatibility to NONE "
                "for this one version, or write to another topic."
            )
        _raise_for_refusal(answer, subject, "schema")
        if is_new and not is_set:  # Apicurio has no settings of a subject without a version
            await self._set_compatibility(subject, compatibility)
        return await self.find(subject, schema) if self._client.is_apicurio else int(answer.fields["id"])

    async def why_incompatible(self, subject: str, schema: SchemaText) -> str | None:
        """Return why a subject would refuse a schema; None if it would not, or the registry does not say."""
        path = f"/compatibility{_path(subject)}/versions/latest?verbose=true"
        try:
            answer = await self._client.send("POST", path, _body(schema))
        except RegistryDownError:  # not every registry has this
            return None
        if answer.status != 200 or answer.fields.get("is_compatible", True):
            return None
        return "; ".join(map(str, answer.fields.get("messages") or ()))[:LONGEST_DETAIL] or "it does not say why"

    async def _is_new(self, subject: str) -> bool:
        answer = await self._client.send("GET", f"{_path(subject)}/versions")
        return answer.status == 404

    async def _set_compatibility(self, subject: str, compatibility: Compatibility | None) -> bool:
        """Set what a subject asks of its versions; returns whether there is such a subject to the registry."""
        path = f"/config/{quote(subject, safe='')}"
        answer = await self._client.send("PUT", path, {"compatibility": compatibility})
        if answer.status == 404:
            return False
        _raise_for_login(answer)
        if answer.status == 403:
            raise ConfigError(
                f"The schema registry does not let this user set the compatibility of the subject {subject} (403): "
                f"give it this right, unset TRIAGE_SCHEMA_COMPATIBILITY, or {REGISTER_BY_HAND}."
            )
        if answer.status != 409:  # Apicurio's answer if another service sets it at this moment
            _raise_for_refusal(answer, subject, f"compatibility {compatibility}")
        return True


def _path(subject: str) -> str:
    return f"/subjects/{quote(subject, safe='')}"


def _body(schema: SchemaText) -> dict[str, Any]:
    kind = {} if schema.type == "AVRO" else {"schemaType": schema.type}  # older registries know only Avro, and no type
    return {"schema": schema.text, **kind}


def _detail(answer: Answer) -> str:
    """What the registry said, on one line."""
    said = answer.fields.get("message") or answer.content.decode(errors="replace")
    return " ".join(str(said).split())[:LONGEST_DETAIL]


def _raise_for_login(answer: Answer) -> None:
    if answer.status == 401:
        raise ConfigError(
            "The schema registry refuses the login (401): check TRIAGE_SCHEMA_REGISTRY_USERNAME and _PASSWORD, "
            "or _TOKEN."
        )


def _raise_for_refusal(answer: Answer, subject: str, what: str) -> None:
    if answer.status >= 400:
        raise ConfigError(
            f"The schema registry refuses the {what} of the subject {subject} ({answer.status}: {_detail(answer)}): "
            "change the registry's mode or rules, or write to another topic."
        )
