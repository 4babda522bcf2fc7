"""`triage sources`: checks the file of the input topics, and prints its schema."""

from pathlib import Path

import pytest
from triage_worker.cli.app import app
from triage_worker.config import sources_file
from triage_worker.config.errors import ConfigError
from typer.testing import CliRunner


def test_what_each_source_sets_is_printed(tmp_path: Path) -> None:
    file = tmp_path / "sources.yaml"
    file.write_text("sources:\n  - topic: [a, b]\n    format: text\n    channel: chat\n  - pattern: ^c\n")
    done = CliRunner().invoke(app, ["sources", "check", str(file)])
    assert done.exit_code == 0, done.output
    assert done.output == "a: reads a, b\n  format: text\n  channel: chat\n^c: reads ^c\n"


@pytest.mark.parametrize("command", [["sources", "check"], ["settings"]])
def test_the_file_of_the_settings_is_checked(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "sources.yaml"
    file.write_text("sources:\n  - topik: a\n")
    monkeypatch.setenv("TRIAGE_SOURCES", str(file))
    done = CliRunner().invoke(app, command)
    assert isinstance(done.exception, ConfigError)
    assert "line 2, column 5: 'topik' is not known here: did you mean topic?" in str(done.exception)


def test_without_a_file_there_is_nothing_to_check() -> None:
    done = CliRunner().invoke(app, ["sources", "check"])
    assert "set TRIAGE_SOURCES" in str(done.exception)


def test_the_schema_is_printed() -> None:
    assert CliRunner().invoke(app, ["sources", "schema"]).output == sources_file.schema()
