"""Puts a classifier to use in the worker: its decisions become events, by the threshold in force."""

from triage_models.audit.selection import AuditPolicy
from triage_models.serving.classifier import Classifier
from triage_schemas.encoding import JSON, EventEncoding
from triage_schemas.records import IntentWriter

from triage_worker.classify.outputs import Audit, OutputWriter
from triage_worker.classify.thresholds import threshold_in_force, threshold_of_intent
from triage_worker.config.settings import Settings
from triage_worker.inference.decision_memory import DecisionMemory
from triage_worker.inference.loaded_bundle import ALL, LoadedBundle, limits, show_in_metrics
from triage_worker.kafka.control_topic import Decisions
from triage_worker.observability.metrics import Metrics


def load_for_serving(
    settings: Settings,
    classifier: Classifier,
    metrics: Metrics,
    decisions: Decisions | None = None,
    *,
    serves: tuple[str, ...] = ALL,
    encoding: EventEncoding = JSON,
) -> LoadedBundle:
    """Put a classifier to use; the metrics name it as the bundle that decides from now on.

    Args:
        settings: of the worker.
        classifier: decides.
        metrics: of the worker.
        decisions: of the control topic; None if it is not followed, and nothing is audited.
        serves: the languages whose messages come to it.
        encoding: writes the events.
    """
    bundle, shown = classifier.bundle, ",".join(serves)
    show_in_metrics(metrics, classifier, serves)
    events = IntentWriter(
        name=bundle.name,
        version=bundle.version,
        threshold=bundle.threshold,
        descriptions=bundle.descriptions,
        include_text=settings.include_text,
        intent_thresholds=bundle.intent_thresholds,
        language_thresholds=bundle.language_thresholds,
        encoding=encoding,
    )
    audit = None
    if decisions is not None:
        in_force = threshold_in_force(decisions, bundle.name, bundle.version, bundle.threshold)
        suggestion = bundle.manifest.suggestion
        audit = Audit(
            AuditPolicy(settings.audit_share),
            settings.review_topic,
            threshold_of_intent(in_force, bundle.intent_thresholds),
            None if suggestion is None else suggestion.confidence,
            settings.redaction("review"),
        )
        followed: Decisions = decisions
        metrics.threshold(in_force, lambda: followed.lost is None, shown)
    return LoadedBundle(
        classifier,
        OutputWriter.from_settings(settings, events, audit),
        limits(settings, classifier),
        frozenset(bundle.manifest.languages or ()),
        serves,
        DecisionMemory(settings.remembered_texts),
    )
