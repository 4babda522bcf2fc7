import subprocess
import sys

from triage_schemas import act_event, events
from triage_schemas.channels import CHANNELS, SERVICES, topic_settings

LIGHT = "import sys, triage_schemas.channels; print('yaml' in sys.modules)"


def test_names_are_unique() -> None:
    assert len({channel.name for channel in CHANNELS}) == len(CHANNELS)


def test_every_channel_is_read_or_written_by_a_service() -> None:
    assert [channel.name for channel in CHANNELS if not channel.readers + channel.writers] == []
    settings = {setting for service in SERVICES for setting in topic_settings(service)}
    assert settings == {channel.setting for channel in CHANNELS}


def test_every_event_has_a_channel() -> None:
    everything = [*vars(events).values(), *vars(act_event).values()]
    defined = {kind for kind in everything if isinstance(kind, type) and "TYPE" in vars(kind)}
    assert defined
    assert {channel.event for channel in CHANNELS if channel.event is not None} == defined


def test_a_channel_that_a_service_reads_and_writes_has_one_setting() -> None:
    assert topic_settings("review") == ("review_topic", "output_topic", "labels_topic", "dead_letter_topic")


def test_the_table_needs_no_yaml() -> None:
    command = [sys.executable, "-c", LIGHT]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"
