"""The OpenAPI document: it is that in docs/, it is valid, and its examples fit its schemas."""

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from triage_schemas.http_api.answers import Problem, Results
from triage_schemas.http_api.openapi import PROBLEM, RESULTS, document

DOCS = Path(__file__).parents[3] / "docs"


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [reference for inner in value.values() for reference in references(inner)]
    return [reference for inner in value for reference in references(inner)] if isinstance(value, list) else []


def test_the_copy_in_the_documentation_is_up_to_date() -> None:
    copy = json.loads((DOCS / "openapi.json").read_text(encoding="utf-8"))
    assert copy == document(), "triage serve openapi > docs/openapi.json"


def test_every_reference_leads_somewhere() -> None:
    found = references(document())
    assert len(found) > 20
    for reference in found:
        target: Any = document()
        for name in reference.removeprefix("#/").split("/"):
            target = target[name]
        assert target


def test_operations_have_different_ids_and_problems_for_all_that_can_happen() -> None:
    operations = [operation for path in document()["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations) == 5
    classify = document()["paths"]["/v1/classify"]["post"]["responses"]
    assert set(classify) == {"200", "400", "401", "403", "408", "413", "415", "422", "429", "503"}


def test_the_examples_of_answers_have_all_fields_and_no_others() -> None:
    TypeAdapter(Results).validate_python(RESULTS)
    assert set(RESULTS["results"][0]) == set(document()["components"]["schemas"]["Result"]["properties"])
    TypeAdapter(Problem).validate_python(PROBLEM)
