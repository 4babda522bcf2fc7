"""``triage settings``: prints every setting with its value and source."""

import json
import re
from typing import Annotated

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table
from rich.text import Text

from triage_worker.cli.settings_flags import ALL, settings_flags
from triage_worker.config.input_topics import input_sources
from triage_worker.config.settings import Settings
from triage_worker.config.sources import variable

PIPED_WIDTH = 200
"""Width without a terminal: wide enough that each setting stays on one line, for grep."""


@settings_flags(ALL)
def settings(
    settings: Settings, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False
) -> None:
    """Print every setting with its value and its source. Secrets are masked. The file of the sources is checked."""
    input_sources(settings)
    if as_json:
        rows = {
            variable(name): {"value": _shown(settings, name), "source": settings.source(name)}
            for name in Settings.model_fields
        }
        typer.echo(json.dumps(rows, indent=2))
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PIPED_WIDTH)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("setting", "value", "from"):
        table.add_column(column, no_wrap=True)
    table.add_column("what it is")
    for name, field in Settings.model_fields.items():
        source = settings.source(name)
        value = _shown(settings, name)
        shown = Text("" if value is None else str(value))
        table.add_row(variable(name), shown, source, field.description, style="dim" if source == "default" else "")
    console.print(table)


def _shown(settings: Settings, name: str) -> str | int | float | bool | None:
    value = getattr(settings, name)
    if isinstance(value, SecretStr):
        return "********"
    if isinstance(value, int | float | None):
        return value
    return re.sub(r"//[^/@]+@", "//********@", str(value))  # a login in a URL
