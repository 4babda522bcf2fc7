"""A ``.env`` file is read as intended, or refused with the number of the line; it is never ignored."""

from pathlib import Path

import pytest
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("TRIAGE_THREADS", "TRIAGE_GROUP_ID"):
        monkeypatch.delenv(name, raising=False)


def group_from(content: str | bytes) -> str | None:
    """Write the file and load the consumer group from it."""
    Path(".env").write_bytes(content.encode() if isinstance(content, str) else content)
    return Settings.load().group_id


@pytest.mark.parametrize(
    "content",
    [
        "TRIAGE_GROUP_ID=g",
        "TRIAGE_GROUP_ID = g\r\n",
        "export TRIAGE_GROUP_ID=g\n",
        "triage_group_id='g'",
        '# a comment\n\n  TRIAGE_GROUP_ID="g" # another\n',
        "\ufeffTRIAGE_GROUP_ID=g\n",
        "OTHER=a: b\nCERTIFICATE='-----BEGIN\nEND-----'\nTRIAGE_GROUP_ID=g",
        "EMPTY=\nWITHOUT_VALUE\nTRIAGE_GROUP_ID=g",
        "TRIAGE_THREADS=\nTRIAGE_GROUP_ID=g",
        "NAME=g\nTRIAGE_GROUP_ID=${NAME}",
        "TRIAGE_GROUP_ID=${NOWHERE_SET:-g}",
        "COMMAND='docker run -e TRIAGE_THREADS=2'\nTRIAGE_GROUP_ID=g",
    ],
)
def test_common_forms_are_read(content: str) -> None:
    assert group_from(content) == "g"


@pytest.mark.parametrize(
    ("content", "line", "advice"),
    [
        ("TRIAGE_GROUP_ID: g\n", 1, "with “=” in place of “:”"),
        ("OTHER: g\n", 1, "with “=” in place of “:”"),
        ("\n# comment\n\nTRIAGE_GROUP_ID: g\n", 4, "with “=” in place of “:”"),
        ("TRIAGE_THREADS=1\nset TRIAGE_GROUP_ID=g", 2, "without a command before it"),
        ("SETX TRIAGE_GROUP_ID g", 1, "without a command before it"),
        ("env TRIAGE_GROUP_ID=g", 1, "without a command before it"),
        ('$env:TRIAGE_GROUP_ID = "g"', 1, "no valid name"),
        ("“TRIAGE_GROUP_ID”=g", 1, "no valid name"),
        ('TRIAGE_GROUP_ID="g\nTRIAGE_THREADS=2\n', 1, 'the quote " is not closed'),
        ("TRIAGE_GROUP_ID='g\nTRIAGE_THREADS=2\n", 1, "the quote ' is not closed"),
        ('TRIAGE_GROUP_ID="g" h', 1, "followed by more text"),
        ('TRIAGE_GROUP_ID="g\nTRIAGE_THREADS="\n', 1, "ends after the next setting"),
        ("TRIAGE_GROUP_ID=“g”", 1, "typographic quotes"),
        ("TRIAGE_GROUP_ID", 1, "has no “=”"),
        ("TRIAGE_GROUP_ID g", 1, "write NAME=value"),
        ('{"TRIAGE_GROUP_ID": "g"}', 1, "write NAME=value"),
        ("- TRIAGE_GROUP_ID=g", 1, "write NAME=value"),
        ('OTHER="a\nTRIAGE_GROUP_ID=g\nMORE="\n', 1, "ends after the next setting"),
        ("A=1\nOTHER='a\n  export TRIAGE_GROUP_ID=g\n'\n", 2, "ends after the next setting"),
        ("[Service]=\nEnvironment=TRIAGE_GROUP_ID=g\n", 1, "no valid name"),
        ("Environment=TRIAGE_GROUP_ID=g\n", 1, "that of a systemd unit: write NAME=value"),
        ('A=1\nEnvironment="TRIAGE_GROUP_ID=g"\n', 2, "that of a systemd unit"),
        ("TRIAGE_GROUP_ID=g; TRIAGE_THREADS=2\n", 1, "a second setting"),
        ("TRIAGE_GROUP_ID=g TRIAGE_THREADS=2\n", 1, "a second setting"),
        ("TRIAGE_GROUP_ID=g && set TRIAGE_THREADS=2\n", 1, "a second setting"),
        ("TRIAGE_GROUP_ID=g\u2028TRIAGE_THREADS=2\n", 1, "a second setting"),
        ("TRIAGE_GROUP_ID=g \\\nTRIAGE_THREADS=2\n", 1, "ends with a backslash"),
        ("TRIAGE_GROUP_ID=g\u200b\n", 1, "cannot be seen"),
        ("TRIAGE_GROUP_ID=\u2060g\n", 1, "cannot be seen"),
        ("TRIAGE_GROUP_ID=`g`\n", 1, "marks around its value that are no quotes"),
        ("TRIAGE_GROUP_ID=″g″\n", 1, "marks around its value that are no quotes"),
        ("TRIAGE_GROUP_ID=a${NOWHERE_SET}g\n", 1, "set neither above nor in the environment"),
        ("TRIAGE_GROUP_ID='a${NOWHERE_SET}g'\n", 1, "set neither above nor in the environment"),
        ("TRIAGE_GROUP_ID=${TRIAGE_THREADS}g\nTRIAGE_THREADS=3\n", 1, "set neither above nor in the environment"),
        ("\ufeff\ufeffTRIAGE_GROUP_ID=g\n", 1, "begins with two byte order marks"),
        (b"TRIAGE_THREADS=1\n# caf\xe9\nTRIAGE_GROUP_ID=g", 2, "save the file as UTF-8"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(content: str | bytes, line: int, advice: str) -> None:
    with pytest.raises(ConfigError) as raised:
        group_from(content)
    assert str(raised.value).startswith(f"Line {line} of .env in this folder ")
    assert advice in str(raised.value)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_in_utf_16_is_refused(encoding: str) -> None:
    with pytest.raises(ConfigError, match="UTF-16: save it as UTF-8"):
        group_from("TRIAGE_GROUP_ID=g\n".encode(encoding))


def test_an_error_does_not_show_the_value() -> None:
    with pytest.raises(ConfigError) as raised:
        group_from("TRIAGE_SASL_PASSWORD: hunter2")
    assert "hunter2" not in str(raised.value)


def test_a_folder_of_this_name_is_ignored() -> None:
    Path(".env").mkdir()
    assert Settings.load().group_id is None


@pytest.mark.parametrize(
    "name", ["TRIAGE-GROUP-ID", "triage.group.id", "TRIAGEGROUP_ID", "TRIAG_GROUP_ID", "TRAIGE_GROUP_ID"]
)
@pytest.mark.parametrize("in_file", [True, False])
def test_a_typing_error_in_the_prefix_is_found(monkeypatch: pytest.MonkeyPatch, name: str, in_file: bool) -> None:
    if not in_file:
        monkeypatch.setenv(name, "g")
    with pytest.raises(ConfigError, match="is not a setting of Triage: did you mean TRIAGE_GROUP_ID"):
        group_from(f"{name}=g" if in_file else "")


@pytest.mark.parametrize("name", ["GROUP_ID", "BRIDGE_GROUP_ID", "TRIAGER_NAME", "TRIAGE"])
def test_variables_of_other_programs_are_ignored(name: str) -> None:
    assert group_from(f"{name}=h\nTRIAGE_GROUP_ID=g") == "g"
