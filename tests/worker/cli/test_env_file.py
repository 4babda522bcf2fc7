"""Settings in a ``.env`` file: they are read back, and the other lines stay."""

import io
import stat
from pathlib import Path

import pytest
from dotenv import dotenv_values
from triage_worker.cli.env_file import env_line, write_env
from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings


@pytest.mark.parametrize(
    "value", ["payload.body.text", "the text", "a'b", 'a"b', "a#b", "a b # c", "C:\\new", "Über.größe", "$HOME", "`x`"]
)
def test_any_value_is_read_back(value: str, tmp_path: Path) -> None:
    line = env_line("text_field", value)
    assert dotenv_values(stream=io.StringIO(line), interpolate=False) == {"TRIAGE_TEXT_FIELD": value}
    write_env(tmp_path / ".env", {"text_field": value})
    assert (tmp_path / ".env").read_text(encoding="utf-8") == f"{line}\n"


def test_lines_are_replaced_in_place_and_others_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text("# mine\nexport TRIAGE_TEXT_FIELD=old\nOTHER=1\ntriage_text_field=older\n")
    write_env(file, {"text_field": "payload.text", "input_topic": "chat"})
    assert file.read_text() == "# mine\nTRIAGE_TEXT_FIELD=payload.text\nOTHER=1\nTRIAGE_INPUT_TOPIC=chat\n"
    write_env(file, {"text_field": "payload.text", "input_topic": "chat"})
    assert file.read_text().count("\n") == 4
    monkeypatch.chdir(tmp_path)
    assert Settings.load().text_field == "payload.text"
    assert Settings.load().source("input_topic") == ".env"


def test_a_file_with_secrets_is_shown_to_nobody_else(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("TRIAGE_SASL_PASSWORD=hush\n")
    file.chmod(0o600)
    write_env(file, {"input_topic": "chat"})
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "hush" in file.read_text()


def test_a_file_that_cannot_be_read_back_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"A=\xff\xfe")
    with pytest.raises(TriageError, match="is not UTF-8, and was left as it is"):
        write_env(file, {"input_topic": "chat"})
    assert file.read_bytes() == b"A=\xff\xfe"
    file.write_text('A="open\n')
    with pytest.raises(TriageError, match="could not be read back"):
        write_env(file, {"input_topic": 'chat"'})
    assert file.read_text() == 'A="open\n'
    assert list(tmp_path.iterdir()) == [file]
