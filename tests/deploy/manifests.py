"""Rendered manifests as Python values, and queries on them."""

from collections.abc import Iterator
from typing import Any

import yaml

from tests.deploy.tools import DEPLOY, RENDERED, attempt, call

Manifest = dict[str, Any]


def rendered(size: str) -> list[Manifest]:
    """The committed manifests of a size; a test compares them with the chart."""
    return parse((RENDERED / f"{size}.yaml").read_text(encoding="utf-8"))


def parse(text: str) -> list[Manifest]:
    return [document for document in yaml.safe_load_all(text) if document]


def render(values: Manifest) -> list[Manifest]:
    """Render the chart with these values."""
    return parse(call("venv/bin/python", DEPLOY / "check" / "chart.py", "render", given=yaml.safe_dump(values)))


def refusal(values: Manifest) -> str:
    """Return Helm's error message for values that it refuses."""
    done = attempt("venv/bin/python", DEPLOY / "check" / "chart.py", "render", given=yaml.safe_dump(values))
    assert done.returncode != 0, "these values were accepted"
    return done.stderr


def of_kind(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    """Return the manifests of a kind by name."""
    return {item["metadata"]["name"]: item for item in manifests if item["kind"] == kind}


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Return names and specs of all pods, including the test pods."""
    for item in manifests:
        if item["kind"] == "Pod":
            yield item["metadata"]["name"], item["spec"]
        elif item["kind"] == "Deployment":
            yield item["metadata"]["name"], item["spec"]["template"]["spec"]


def environment(container: Manifest) -> dict[str, str | None]:
    """Return a container's variables; None for those from a Secret."""
    return {variable["name"]: variable.get("value") for variable in container.get("env", ())}
