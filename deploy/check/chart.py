"""Renders and lints the chart without Helm's program or a cluster. It needs the tools of deploy/check/install.

python chart.py write             render the three sizes into deploy/helm/rendered
python chart.py render < VALUES   print the resources for these values
python chart.py lint < VALUES     print the findings of `helm lint --strict` as JSON
"""

import json
import sys
from pathlib import Path

import helm_python

CHART = Path(__file__).parents[1] / "helm" / "triage"
RENDERED = CHART.parent / "rendered"
NAME, NAMESPACE = "triage", "support"


def render(values: str) -> str:
    """Return all manifests as one stream of documents, each with the name of its template."""
    with helm_python.Chart.load(CHART) as chart:
        files = chart.render(helm_python.values_from_yaml(values), name=NAME, namespace=NAMESPACE, is_install=True)
    parts = []
    for path, text in sorted(files.items()):
        body = text.strip().removeprefix("---").strip()
        if path.endswith(".yaml") and body:
            lines = "\n".join(line.rstrip() for line in body.splitlines())
            parts.append(f"---\n# Source: {path}\n{lines}\n")
    return "".join(parts)


def lint(values: str) -> list[str]:
    """Return warnings and errors."""
    report = helm_python.lint(CHART, helm_python.values_from_yaml(values), strict=True)
    messages = [message["error"] for message in report["messages"] if message["severity"] > 1]
    return [*messages, *report["errors"]]


def write() -> None:
    """Render all example values."""
    for file in sorted((CHART / "ci").glob("*.yaml")):
        (RENDERED / file.name).write_text(render(file.read_text()))


def main() -> None:
    """Run the command line."""
    command = sys.argv[1] if len(sys.argv) == 2 else ""
    try:
        if command == "write":
            write()
        elif command == "render":
            sys.stdout.write(render(sys.stdin.read()))
        elif command == "lint":
            sys.stdout.write(json.dumps(lint(sys.stdin.read())))
        else:
            sys.exit(__doc__)
    except helm_python.HelmError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
