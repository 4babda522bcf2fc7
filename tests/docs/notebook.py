"""Runs the code of a notebook: ``python -m tests.docs.notebook FILE`` runs it and stores what its cells print."""

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def printed(path: Path) -> list[str]:
    """Run all code cells of a notebook in its folder; return what each one prints."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    found = []
    cells = _code_cells(json.loads(path.read_text(encoding="utf-8")))
    with _folder(path.parent):
        for number, cell in enumerate(cells):
            with contextlib.redirect_stdout(io.StringIO()) as output:
                exec(compile("".join(cell["source"]), f"{path.name}, code cell {number}", "exec"), namespace)
            found.append(output.getvalue())
    return found


def stored(path: Path) -> list[str]:
    """Return the output of each code cell as the notebook has it."""
    cells = _code_cells(json.loads(path.read_text(encoding="utf-8")))
    return ["".join(line for output in cell["outputs"] for line in output["text"]) for cell in cells]


def store(path: Path) -> None:
    """Run a notebook and write the outputs into it."""
    outputs = printed(path)
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for number, (cell, text) in enumerate(zip(_code_cells(notebook), outputs, strict=True), 1):
        cell["execution_count"] = number
        lines = text.splitlines(keepends=True)
        cell["outputs"] = [{"name": "stdout", "output_type": "stream", "text": lines}] if lines else []
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


@contextlib.contextmanager
def _folder(path: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(path)
    try:
        yield
    finally:
        os.chdir(before)


if __name__ == "__main__":
    store(Path(sys.argv[1]))
