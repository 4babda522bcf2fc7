"""``triage serve``: runs the HTTP service, makes keys, prints the OpenAPI document."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from triage_worker.cli.extras import needing
from triage_worker.cli.settings_flags import SERVE, settings_flags
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings

app = typer.Typer(no_args_is_help=False)


@settings_flags(SERVE)
def serve(settings: Settings, context: typer.Context) -> None:
    """Answer classification requests over HTTP until SIGTERM or Ctrl-C."""
    if context.invoked_subcommand is not None:
        return
    from triage_worker.observability import logs  # noqa: PLC0415 (keeps `triage --help` fast)

    logs.configure(settings)
    with needing("`triage serve`", "serve"):
        from triage_worker.serve import service  # noqa: PLC0415 (ONNX Runtime and uvicorn are slow to import)
    raise typer.Exit(service.run(settings))


app.callback(invoke_without_command=True)(serve)


@app.command()
@settings_flags(["serve_keys"])
def key(
    settings: Settings,
    name: Annotated[str, typer.Argument(help="Name of the caller, which logs and metrics show")],
    rights: Annotated[str, typer.Option(help="What it allows: classify, intents, metrics")] = "classify,intents",
    rate: Annotated[float | None, typer.Option(min=0.001, help="Most texts a second; by default no limit")] = None,
    burst: Annotated[int | None, typer.Option(min=1, help="Most texts at once; by default those of 2 seconds")] = None,
    expires: Annotated[datetime | None, typer.Option(help="When it expires, in UTC; by default never")] = None,
) -> None:
    """Make a key, and print it once. Its hash is added to the file of keys, or printed if there is none."""
    from pydantic import ValidationError  # noqa: PLC0415 (keeps `triage --help` fast)
    from triage_schemas.validation import first_error  # noqa: PLC0415

    from triage_worker.serve.keys import KeyEntry, add_key, digest, entry_as_yaml, new_key  # noqa: PLC0415

    made = new_key()
    given = {
        "name": name,
        "hash": digest(made),
        "rights": tuple(right.strip() for right in rights.split(",")),
        "rate": rate,
        "burst": burst,
        "expires": None if expires is None else expires.replace(tzinfo=UTC),
    }
    try:
        entry = KeyEntry.model_validate(given)
    except ValidationError as error:
        first = first_error(error)
        raise ConfigError(
            f"The key is not valid{f' at {first.path}' if first.path else ''}: {first.message}."
        ) from None
    path: Path | None = settings.serve_keys
    if path is None:
        typer.echo(f"Add this below “keys:” in the file of keys (TRIAGE_SERVE_KEYS):\n{entry_as_yaml(entry)}", err=True)
    else:
        add_key(path, entry)
        typer.echo(f"The hash is added to {path}. The key is shown only now:", err=True)
    typer.echo(made)


@app.command()
def openapi() -> None:
    """Print the OpenAPI 3.1 document of the API."""
    import orjson  # noqa: PLC0415 (keeps `triage --help` fast)
    from triage_schemas.http_api.openapi import document  # noqa: PLC0415

    typer.echo(orjson.dumps(document(), option=orjson.OPT_INDENT_2).decode())
