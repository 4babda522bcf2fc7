"""Links, headings, commands, flags, files and variables that the documentation names exist."""

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import typer
from triage_worker.cli.app import app
from triage_worker.config.settings import Settings
from triage_worker.config.sources import NOT_SETTINGS, variable
from typer.core import TyperGroup

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "models/**/*.md", "schemas/*.md", "worker/**/*.md")
    for path in ROOT.glob(pattern)
)
ROOTS = {"triage_worker": "worker", "triage_models": "models", "triage_schemas": "schemas"}
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
VARIABLES = {variable(name) for name in Settings.model_fields} | NOT_SETTINGS

COMMAND = typer.main.get_command(app)
CODE = re.compile(r"^```[a-z]*\n(.*?)^```|((?:^ {4}[^\n]*\n)+)|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
FILES = re.compile(r"(?:worker|models|schemas|tests|deploy|docs)/[\w./-]+\.(?:py|md|yaml|csv|svg|txt)\b")


def read(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def code(document: str) -> Iterator[str]:
    """Yield the lines of code without comments; lines that end with a backslash are joined."""
    for block, indented, span in CODE.findall(read(document)):
        for line in (block or indented or span).replace("\\\n", " ").splitlines():
            yield re.split(r"\s{2,}#\s", line)[0].strip().removeprefix("$ ")


def words(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError:  # quotation marks that are not shell syntax
        return []


def anchor(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    plain = re.sub(r"\[([^]]*)]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_relative_link_has_a_target(document: str) -> None:
    for link in re.findall(r"]\(([^)\s]+)\)", read(document)):
        if link.startswith("https://"):
            continue
        path, _, heading = link.partition("#")
        target = (ROOT / document).parent / path if path else ROOT / document
        assert target.exists(), link
        if heading:
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in map(anchor, headings), link


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_and_its_flags_exist(document: str) -> None:
    for line in code(document):
        given = words(line)
        for start, word in enumerate(given):
            if word == "triage" and start + 1 < len(given) and (start == 0 or "=" in given[start - 1]):
                check_command(given[start + 1 :], line)


def check_command(given: list[str], line: str) -> None:
    command = COMMAND
    while isinstance(command, TyperGroup) and given and not given[0].startswith("-"):
        name = given.pop(0)
        assert name in command.commands, line
        command = command.commands[name]
    known = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    for flag in given:
        if flag.startswith("--") and len(flag) > 2:
            assert flag.partition("=")[0] in known | {"--help"}, line


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_module_and_file_exists(document: str) -> None:
    for line in code(document):
        given = words(line)
        for command, following in pairwise(given):
            if command == "make" and re.fullmatch(r"[a-z-]+", following):
                assert following in TARGETS, line
            if command == "-m" and following.startswith(("triage_", "tests.", "deploy.")):
                # Not imported: some need packages that are not installed everywhere.
                module = ROOT / ROOTS.get(following.partition(".")[0], "") / following.replace(".", "/")
                assert module.is_dir() or module.with_suffix(".py").is_file(), line
        for path in FILES.findall(line):
            assert (ROOT / path).exists(), line


@pytest.mark.parametrize("document", DOCUMENTS)
def test_installation_is_from_a_checkout(document: str) -> None:
    assert "pip install 'triage-worker" not in read(document), "the package is not published"


def test_errors_name_no_distribution_that_is_not_published() -> None:
    sources = [path for root in ROOTS.values() for path in (ROOT / root).rglob("*.py")]
    assert len(sources) > 150
    assert [path.name for path in sources if "pip install 'triage-" in path.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_variable_is_a_setting(document: str) -> None:
    for name in re.findall(r"\bTRIAGE_[A-Z_]*[A-Z]\b(?!_)", read(document)):
        assert name in VARIABLES, name
