"""The flags of commands for topics."""

import pytest
import typer
from triage_schemas.channels import CHANNELS, SERVICES, Service, topic_settings
from triage_worker.cli.app import app
from typer.core import TyperGroup

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
