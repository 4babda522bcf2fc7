"""All projections, in two groups that are read by consumers of their own.

What people wait for must not queue behind thousands of decisions a second.
"""

from typing import NamedTuple

from triage_worker.config.settings import Settings
from triage_worker.config.topic_selection import TopicSelection
from triage_worker.console.state.counted import CountedMessages
from triage_worker.console.state.people import Acts, Labels, Requests
from triage_worker.console.state.projection import Projection
from triage_worker.console.state.support import SurgeAlerts, Thresholds, Tickets
from triage_worker.console.state.traffic import DeadLetters, Decisions

FROM_THE_BEGINNING = frozenset({"tickets_topic", "control_topic"})
"""Compacted topics: what is old there still counts."""


class Projections(NamedTuple):
    """The projections of each consumer, and what they share."""

    people: tuple[Projection, ...]
    traffic: tuple[Projection, ...]
    counted: CountedMessages


def all_projections(settings: Settings) -> Projections:
    """Make the projections."""
    counted = CountedMessages()
    traffic = (
        Decisions("output_topic", counted, refused=False, keep=settings.console_rows),
        Decisions("fallback_topic", counted, refused=True, keep=settings.console_rows),
        DeadLetters(counted, _input_topics(settings)),
        Tickets(),
    )
    return Projections((Requests(), Labels(), Acts(), SurgeAlerts(), Thresholds()), traffic, counted)


def _input_topics(settings: Settings) -> frozenset[str] | None:
    """Return the names of the input topics; None where a pattern names them."""
    selection = TopicSelection.parse(settings.input_topic)
    return None if selection.patterns or settings.sources is not None else frozenset(selection.names)
