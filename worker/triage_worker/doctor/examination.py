"""Concludes from what was read: what is on the topic, the settings for it, and the decisions. Asks no broker."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from triage_worker.config.settings import Settings
from triage_worker.doctor.checks import Check, check_codecs, check_html, check_keys, check_times
from triage_worker.doctor.decisions import Answer, ReadMessage, decide, read_messages
from triage_worker.doctor.gathering import Gathered
from triage_worker.doctor.languages import Fit, bundle_paths, fit, own_languages, shipped_languages
from triage_worker.doctor.proposal import Proposal, propose
from triage_worker.doctor.survey import Survey, survey

REGISTRY_URL = "TRIAGE_SCHEMA_REGISTRY_URL"


@dataclass(frozen=True, slots=True)
class Examination:
    """What the doctor found.

    Attributes:
        given: the settings as they were.
        gathered: what was read.
        survey: what the records are.
        proposal: the settings that read them.
        read: the customers' messages, as the worker reads them.
        fit: how the languages of the messages fit the bundles.
        answers: the decisions, one for each message.
        checks: what else was looked at, errors first.
    """

    given: Settings
    gathered: Gathered
    survey: Survey
    proposal: Proposal
    read: list[ReadMessage]
    fit: Fit
    answers: list[Answer]
    checks: list[Check]

    @property
    def accepted(self) -> int:
        """How many messages were accepted."""
        return sum(answer.decision.accepted for answer in self.answers)


def conclude(settings: Settings, gathered: Gathered) -> Examination:
    """Conclude from records what they are, and decide on the messages among them.

    Raises:
        ModelError: a bundle cannot be opened.
    """
    records, registry = gathered.sample.records, gathered.registry
    find = registry.schemas.get
    found = survey(records, find)
    proposal = propose(settings, records, found, find if registry.is_set else None)
    read = read_messages(proposal.settings, proposal.trial.messages)
    fits = fit(Counter(one.code for one in read), own_languages(settings), shipped_languages())
    if fits.better is not None and settings.source("bundle") == "default":
        proposal = _with_bundle(proposal, fits, len(read))
    answers = decide(proposal.settings, read) if read else []
    checks = [*gathered.checks, *_conversations(found, read), *_checks(gathered, read)]
    order = {"error": 0, "advice": 1, "ok": 2}
    return Examination(
        settings, gathered, found, proposal, read, fits, answers, sorted(checks, key=lambda check: order[check.kind])
    )


def _with_bundle(proposal: Proposal, fits: Fit, messages: int) -> Proposal:
    """Propose the bundle that reads more of the languages, too."""
    assert fits.better is not None
    paths, left = bundle_paths(fits.better), sum(fits.languages[language] for language in fits.left)
    reason = (
        f"reads the languages of {messages - left} of {messages} messages; the present one of {messages - fits.refused}"
    )
    return replace(
        proposal,
        values={**proposal.values, "bundle": paths},
        reasons={**proposal.reasons, "bundle": reason},
        settings=proposal.settings.model_copy(update={"bundle": paths}),
    )


def _conversations(found: Survey, read: list[ReadMessage]) -> Iterator[Check]:
    """Whether messages can be grouped, as tickets need it."""
    if not read or any(one.message.conversation_id is not None for one in read):
        return
    advice = "no message has the id of a conversation, so each gets a ticket of its own"
    customer = next((one.field.name for one in found.others() if one.role == "customer_id"), None)
    if customer is not None:
        advice += f"; TRIAGE_CONVERSATION_FIELD={customer} would group them by customer"
    yield Check("advice", advice)


def _checks(gathered: Gathered, read: list[ReadMessage]) -> Iterator[Check]:
    sample, registry = gathered.sample, gathered.registry
    if sample.timed_out:
        yield Check("advice", f"only {len(sample.records)} records came in time: give --timeout for more")
    if registry.problem is not None:
        yield Check(
            "error", f"the schema registry does not answer ({registry.problem}): records wait for their schemas"
        )
    elif registry.asked and not registry.is_set:
        count, named = len(registry.asked), min(map(str, registry.asked))
        yield Check(
            "advice",
            f"records name {count} schema{'' if count == 1 else 's'} of a registry (such as {named}): set "
            f"{REGISTRY_URL}, unless they are JSON",
        )
    yield from check_times(sample.records, datetime.now(UTC))
    yield from check_keys(sample.records, len(sample.ends))
    yield from check_codecs(gathered.codecs)
    yield from check_html(sum(one.is_html for one in read), len(read))
