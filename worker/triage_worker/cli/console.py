"""``triage console``: runs the console, adds people to its file."""

from typing import Annotated

import typer

from triage_worker.cli.extras import needing
from triage_worker.cli.settings_flags import CONSOLE, settings_flags
from triage_worker.config.console_values import ROLES
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings

app = typer.Typer(no_args_is_help=False)


@settings_flags(CONSOLE)
def console(settings: Settings, context: typer.Context) -> None:
    """Show people what happens, in a browser, until SIGTERM or Ctrl-C."""
    if context.invoked_subcommand is not None:
        return
    from triage_worker.observability import logs  # noqa: PLC0415 (keeps `triage --help` fast)

    logs.configure(settings)
    with needing("`triage console`", "console"):
        from triage_worker.console import service  # noqa: PLC0415 (uvicorn and Jinja are slow to import)
    raise typer.Exit(service.run(settings))


app.callback(invoke_without_command=True)(console)


@app.command()
@settings_flags(["console_users"])
def user(
    settings: Settings,
    name: Annotated[str, typer.Argument(help="By which the person signs in, and which acts are recorded under")],
    role: Annotated[str, typer.Option(help=f"What they may do: {', '.join(ROLES)}")] = "reviewer",
) -> None:
    """Add somebody who signs in by a password, or change their role and password. Asks for the password."""
    from triage_worker.console.signing_in.users import add_user  # noqa: PLC0415 (keeps `triage --help` fast)

    if settings.console_users is None:
        raise ConfigError("Name the file of people: TRIAGE_CONSOLE_USERS, or --console-users.")
    known = next((one for one in ROLES if one == role), None)
    if known is None:
        raise ConfigError(f"{role!r} is no role: use {', '.join(ROLES)}.")
    password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    with needing("`triage console user`", "console"):
        add_user(settings.console_users, name, known, password)
    typer.echo(f"{name} is in {settings.console_users} as {known}.", err=True)
