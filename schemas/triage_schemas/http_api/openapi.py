"""Generates the OpenAPI 3.1 document of the HTTP API from its types. A test sends each of its examples."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from triage_schemas.http_api.answers import Intents, Problem, Results
from triage_schemas.http_api.requests import ManyTexts, OneText

API_VERSION = "1.0.0"

ONE = {"text": "where is my parcel"}
MANY = {"texts": ["where is my parcel", "i want my money back"]}
WITH_MORE = {
    "texts": [
        {"message_id": "m-1", "subject": "Order 4711", "text": "it came broken, what now?", "channel": "email"},
        {"message_id": "m-2", "text": "cancel it please", "language": "en"},
    ]
}
EXAMPLES = {"one": ONE, "many": MANY, "with_more": WITH_MORE}
"""Bodies of requests to classify, by name."""

RESULTS: dict[str, Any] = {
    "results": [
        {
            "intent": "WISMO",
            "confidence": 0.98,
            "accepted": True,
            "reason": None,
            "scores": {"WISMO": 0.97, "RETURN_REFUND": 0.01, "CANCEL_ORDER": 0.01},
            "truncated": False,
            "suggested": False,
            "language": "en",
            "intents": [{"intent": "WISMO", "probability": 0.98}],
            "entities": [],
            "familiarity": 0.91,
            "threshold": 0.84,
            "model": {"name": "ecommerce", "version": "2026.11.24-1f2e3d4c"},
            "message_id": None,
            "channel": None,
        }
    ]
}
PROBLEM = {
    "type": "urn:triage:problem:invalid",
    "title": "Unprocessable Content",
    "status": 422,
    "detail": "The request is not valid at texts.0.txet: this field is not known.",
    "code": "invalid",
    "path": "texts.0.txet",
    "request_id": "5f0c4f0e6d0b4f4e8d2f3c7f0a9b1c2d",
}
PROBLEMS = {
    400: "The body is missing or is not JSON; or two different keys are sent.",
    401: "There is no key, or it is not known, or it has expired.",
    403: "The key has not the right for this.",
    408: "The body was not received in time.",
    413: "The body is too large.",
    415: "The body is not declared as JSON, or is compressed.",
    422: "A field is missing, unknown or of the wrong type, or there are too many texts, or one is too long.",
    429: "The key's rate of texts is exceeded.",
    503: "The model is loading, too many texts wait, or the texts were not answered in time.",
}
RETRIED = frozenset({429, 503})


def document() -> dict[str, Any]:
    """Return the OpenAPI document, ready for JSON."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Triage",
            "version": API_VERSION,
            "summary": "What customers want, with confidence that can be trusted.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"api_key": []}],
        "paths": {
            "/v1/classify": {"post": _classify()},
            "/v1/intents": {"get": _intents()},
            "/openapi.json": {"get": _this()},
            "/livez": {"get": _probe("livez", "Whether the service works.")},
            "/readyz": {"get": _probe("readyz", "Whether the service can answer requests.")},
        },
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
            "parameters": {
                "RequestId": {
                    "name": "X-Request-ID",
                    "in": "header",
                    "description": "Is repeated in the answer and in the log; made if it is missing.",
                    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:/+=-]{1,128}$"},
                }
            },
            "headers": {
                "RequestId": {"description": "The id of the request.", "schema": {"type": "string"}},
                "RetryAfter": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}},
            },
        },
    }


def _classify() -> dict[str, Any]:
    return {
        "operationId": "classify",
        "summary": "Classify one or many texts.",
        "description": "Needs the right `classify`. The results have the order of the texts. A blank text has the "
        "reason `no_text`, and a text that the model fails on `model_error`; the others are answered all the same.",
        "parameters": [{"$ref": "#/components/parameters/RequestId"}],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"oneOf": [_ref("OneText"), _ref("ManyTexts")]},
                    "examples": {name: {"value": value} for name, value in EXAMPLES.items()},
                }
            },
        },
        "responses": {"200": _json("The results.", "Results", RESULTS), **_problems(*PROBLEMS)},
    }


def _intents() -> dict[str, Any]:
    return {
        "operationId": "intents",
        "summary": "List the intents, and the bundles that serve.",
        "description": "Needs the right `intents`.",
        "parameters": [{"$ref": "#/components/parameters/RequestId"}],
        "responses": {"200": _json("What can be recognised.", "Intents"), **_problems(400, 401, 403, 503)},
    }


def _this() -> dict[str, Any]:
    return {
        "operationId": "openapi",
        "summary": "Return this document.",
        "security": [],
        "responses": {"200": {"description": "OpenAPI 3.1.", "content": {"application/json": {"schema": {}}}}},
    }


def _probe(name: str, summary: str) -> dict[str, Any]:
    text = {"content": {"text/plain": {"schema": {"type": "string"}}}}
    return {
        "operationId": name,
        "summary": summary,
        "security": [],
        "responses": {"200": {"description": "It does.", **text}, "503": {"description": "Why not.", **text}},
    }


def _json(description: str, schema: str, example: dict[str, Any] | None = None) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": _ref(schema)}
    if example is not None:
        content["example"] = example
    return {
        "description": description,
        "headers": {"X-Request-ID": {"$ref": "#/components/headers/RequestId"}},
        "content": {"application/json": content},
    }


def _problems(*statuses: int) -> dict[str, Any]:
    problems: dict[str, Any] = {}
    for status in statuses:
        headers = {"X-Request-ID": {"$ref": "#/components/headers/RequestId"}}
        if status in RETRIED:
            headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
        content: dict[str, Any] = {"schema": _ref("Problem")}
        if status == PROBLEM["status"]:
            content["example"] = PROBLEM
        problems[str(status)] = {
            "description": PROBLEMS[status],
            "headers": headers,
            "content": {"application/problem+json": content},
        }
    return problems


def _ref(schema: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{schema}"}


def _schemas() -> dict[str, Any]:
    requests: list[type[BaseModel]] = [OneText, ManyTexts]
    answers: list[type[BaseModel]] = [Results, Intents, Problem]
    template = "#/components/schemas/{model}"
    _, read = models_json_schema([(model, "validation") for model in requests], ref_template=template)
    _, written = models_json_schema([(model, "serialization") for model in answers], ref_template=template)
    # Later versions may add fields to answers; requests with unknown fields are refused.
    later = {
        name: {k: v for k, v in schema.items() if k != "additionalProperties"}
        for name, schema in written["$defs"].items()
    }
    return {name: _untitled(schema) for name, schema in (read["$defs"] | later).items()}


def _untitled(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a type's schema without the titles of its fields, which repeat their names."""
    properties = {
        name: {key: value for key, value in field.items() if key != "title"}
        for name, field in schema["properties"].items()
    }
    return {**schema, "properties": properties}
