"""The result as plain values, for programs, and what the terminal shows of it."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from triage_worker.config.settings import Settings
from triage_worker.config.sources import variable
from triage_worker.doctor.decisions import Answer, choose
from triage_worker.doctor.examination import Examination
from triage_worker.doctor.fields import Field
from triage_worker.doctor.kinds import DESCRIPTIONS
from triage_worker.doctor.masking import Mask, example_of
from triage_worker.doctor.overview import TopicLine
from triage_worker.doctor.roles import SETTING_OF, Found

SHOWN_EXAMPLE = 80
CUT = "…"


def settings_to_paste(found: Examination) -> dict[str, str]:
    """Return the settings that differ from their defaults: proposed ones, and those that were given as flags.

    Those of the environment and of ``.env`` are there already.

    Args:
        found: what the doctor found.
    """
    given, proposed = found.given, found.proposal
    values = {}
    for name, field in Settings.model_fields.items():
        value = getattr(proposed.settings, name)
        if name in proposed.values or (given.source(name) == "flag" and value != field.default):
            values[name] = str(value)
    return values


def reasons_to_show(found: Examination) -> dict[str, str]:
    """Return what each setting is based on: those to paste, and those that were found right."""
    shown = {name: found.proposal.reasons.get(name, "given as a flag") for name in settings_to_paste(found)}
    kept = {name: reason for name, reason in found.proposal.reasons.items() if name not in shown}
    return shown | kept


def not_read(found: Examination) -> list[Found]:
    """Return the fields that messages could have, too, and that no setting leads to."""
    fields, settings = Settings.model_fields, found.proposal.settings
    is_set = {role for role, name in SETTING_OF.items() if getattr(settings, name) != fields[name].default}
    return [one for one in found.survey.others() if one.role not in is_set]


def how_to_read_more(found: Examination) -> Iterator[str]:
    """Say which fields messages could have, too, and by which settings."""
    others = not_read(found)
    settings = [f"{variable(SETTING_OF[one.role])}={one.field.name}" for one in others if one.role in SETTING_OF]
    if settings:
        yield f"Not read, unless you set it: {', '.join(settings)}"
    for one in others:
        if one.role not in SETTING_OF:
            yield f"Not read: {one.role} (here {one.field.name}), which is read at the top level only, under this name."


def example(field: Field, mask: Mask, length: int = SHOWN_EXAMPLE) -> str:
    """Return one of a field's values, masked and cut."""
    values = [value for value in field.values if not isinstance(value, str) or value.strip()]
    if not values:
        return ""
    shown = example_of(field.path, values[len(values) // 2], mask)
    return shown if len(shown) <= length else shown[: length - 1] + CUT


def span_of(found: Examination) -> tuple[datetime, datetime] | None:
    """Return the times of the first and the last record; None if they have none."""
    times = [record.timestamp for record in found.gathered.sample.records if record.timestamp > 0]
    return (_moment(min(times)), _moment(max(times))) if times else None


def _moment(timestamp_ms: int) -> datetime:
    return datetime.fromtimestamp(timestamp_ms // 1000, UTC)


def report(found: Examination, mask: Mask) -> dict[str, Any]:
    """Return all of it as one JSON object. New fields may be added; none is renamed.

    Args:
        found: what the doctor found.
        mask: replaces personal data in what is shown of records.
    """
    sample, survey, trial = found.gathered.sample, found.survey, found.proposal.trial
    span = span_of(found)
    return {
        "topic": sample.topic,
        "partitions": len(sample.ends),
        "offsets": sample.offsets,
        "records": len(sample.records),
        "from": span and span[0].isoformat(),
        "to": span and span[1].isoformat(),
        "kinds": [
            {
                "kind": kind,
                "description": DESCRIPTIONS[kind],
                "records": count,
                "details": dict(survey.details.get(kind, {})),
            }
            for kind, count in survey.kinds.most_common()
        ],
        "change_logs": dict(survey.change_logs),
        "fields": [_field(field, survey.documents, mask) for field in survey.fields],
        "texts": [{"path": one.field.name, "score": round(one.score, 3), "why": one.why} for one in survey.texts],
        "not_read": {one.role: one.field.name for one in not_read(found)},
        "settings": {variable(name): value for name, value in settings_to_paste(found).items()},
        "based_on": {variable(name): reason for name, reason in reasons_to_show(found).items()},
        "messages": len(trial.messages),
        "skipped": dict(trial.skipped),
        "dead_letters": dict(trial.rejected),
        "explanations": trial.explanations,
        **_texts(found),
        **_decisions(found, mask),
        "checks": [asdict(check) for check in found.checks],
    }


def _field(field: Field, documents: int, mask: Mask) -> dict[str, Any]:
    return {
        "path": field.name,
        "records": len(field.values),
        "share": round(len(field.values) / documents, 3),
        "types": field.types,
        "different": field.distinct,
        "example": example(field, mask),
    }


def _texts(found: Examination) -> dict[str, Any]:
    fits = found.fit
    return {
        "languages": {language or "unknown": count for language, count in fits.languages.most_common()},
        "bundle_languages": None if fits.own is None else sorted(fits.own),
        "unsupported_languages": fits.left,
        "longer_than_the_window": sum(answer.windows > 1 for answer in found.answers),
        "not_read_to_the_end": sum(answer.decision.truncated for answer in found.answers),
        "html": sum(one.is_html for one in found.read),
    }


def _decisions(found: Examination, mask: Mask) -> dict[str, Any]:
    verdicts: dict[str, int] = {}
    for answer in found.answers:
        verdicts[answer.verdict] = verdicts.get(answer.verdict, 0) + 1
    return {
        "accepted": found.accepted,
        "accepted_share": round(found.accepted / len(found.answers), 3) if found.answers else None,
        "verdicts": verdicts,
        "decisions": [_decision(answer, mask) for answer in choose(found.answers)],
    }


def _decision(answer: Answer, mask: Mask) -> dict[str, Any]:
    decision = answer.decision
    return {
        "text": mask(answer.read.message.text),
        "intent": decision.intent,
        "confidence": round(decision.confidence, 3),
        "accepted": decision.accepted,
        "reason": decision.reason,
        "language": answer.read.code,
    }


def topics_report(lines: list[TopicLine]) -> dict[str, Any]:
    """Return the list of topics as one JSON object."""
    return {
        "topics": [
            {
                "topic": line.topic,
                "partitions": line.partitions,
                "offsets": line.records,
                "looks_like_messages": line.looks,
                "content": line.content,
            }
            for line in lines
        ]
    }
