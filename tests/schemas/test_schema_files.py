"""The schemas in docs/schemas are those of the event types: `triage schemas export docs/schemas` writes them."""

from pathlib import Path

from triage_worker.cli.app import app
from typer.testing import CliRunner

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"


def files(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in sorted(folder.glob("*/*"))}


def test_the_files_are_current(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["schemas", "export", str(tmp_path)])
    assert result.exit_code == 0, result.output
    exported = files(tmp_path)
    assert len(exported) == 12
    assert files(FOLDER) == exported, "run: triage schemas export docs/schemas"
