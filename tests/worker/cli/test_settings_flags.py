"""The flags of commands for topics."""

from typing import get_args

import pytest
import typer
from triage_schemas.channels import CHANNELS, SERVICES, Service, topic_settings
from triage_worker.cli.app import app
from triage_worker.config.routing_settings import HelpdeskName
from typer.core import TyperGroup, TyperOption

COMMAND = typer.main.get_command(app)


def topic_flags(*path: str) -> set[str]:
    command = COMMAND
    for name in path:
        assert isinstance(command, TyperGroup)
        command = command.commands[name]
    return {flag for parameter in command.params for flag in parameter.opts if flag.endswith("-topic")}


def flags(settings: tuple[str, ...]) -> set[str]:
    return {"--" + setting.replace("_", "-") for setting in settings}


@pytest.mark.parametrize("service", SERVICES)
def test_the_command_of_a_service_has_a_flag_for_each_of_its_topics(service: Service) -> None:
    assert topic_flags(service) == flags(topic_settings(service))


@pytest.mark.parametrize("path", [("topics", "create"), ("topics", "check"), ("asyncapi",), ("settings",)])
def test_commands_for_all_topics_have_a_flag_for_each(path: tuple[str, ...]) -> None:
    assert topic_flags(*path) == flags(tuple(channel.setting for channel in CHANNELS))


def shown(flag: str, *, command: str) -> tuple[str, str]:
    """What a command's help shows for the value and the meaning of a flag."""
    assert isinstance(COMMAND, TyperGroup)
    (found,) = [option for option in COMMAND.commands[command].params if flag in option.opts]
    assert isinstance(found, TyperOption)
    return found.metavar or "", found.help or ""


def test_help_keeps_the_capitals_of_names() -> None:
    assert shown("--ssl-certfile", command="worker")[1].startswith(
        "PEM file with the client certificate, for mutual TLS"
    )


@pytest.mark.parametrize(
    ("flag", "command", "values"),
    [
        ("--delivery", "worker", "at_least_once|exactly_once"),
        ("--helpdesk", "helpdesk", "|".join(get_args(HelpdeskName))),
    ],
)
def test_help_lists_the_values_that_a_flag_takes(flag: str, command: str, values: str) -> None:
    assert shown(flag, command=command)[0] == values
