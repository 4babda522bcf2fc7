"""``triage sources``: checks the file of the input topics, and prints its schema."""

from pathlib import Path
from typing import Annotated

import typer

from triage_worker.cli.settings_flags import settings_flags
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Check the file of the input topics, or print its schema for editors.")


@app.command()
@settings_flags(("sources",))
def check(
    settings: Settings,
    file: Annotated[Path | None, typer.Argument(help="The file; unset: that of TRIAGE_SOURCES")] = None,
) -> None:
    """Check the file, and print what each source reads, and what it sets. Needs no broker."""
    from triage_worker.config.input_topics import input_sources  # noqa: PLC0415 (keeps `triage --help` fast)

    chosen = settings if file is None else settings.model_copy(update={"sources": file})
    if chosen.sources is None:
        raise ConfigError("There is no file to check: give one, or set TRIAGE_SOURCES.")
    for source in input_sources(chosen).sources:
        set_here = {
            name: getattr(source.settings, name)
            for name in Settings.model_fields
            if getattr(source.settings, name) != getattr(chosen, name)
        }
        fixed = {"channel": source.channel, "language": source.language}
        set_here |= {name: value for name, value in fixed.items() if value is not None}
        shown = "".join(f"\n  {name.removeprefix('input_')}: {value}" for name, value in set_here.items())
        typer.echo(f"{source.name}: reads {source.selection}{shown}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of the file."""
    from triage_worker.config import sources_file  # noqa: PLC0415 (keeps `triage --help` fast)

    typer.echo(sources_file.schema(), nl=False)
