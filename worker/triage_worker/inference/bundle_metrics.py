"""Prometheus metrics of the worker's bundles. Label values are a fixed set of words."""

from typing import Literal

from prometheus_client import CollectorRegistry, Counter
from triage_models.serving.decision import Decision

from triage_worker.observability.registry import ModelInfo

Role = Literal["serving", "shadow"]
Reload = Literal["loaded", "unchanged", "refused"]
Skipped = Literal["dropped", "failed"]


class BundleMetrics:
    """Counts reloads, and how often the shadow bundle agrees."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._reloads = Counter(
            "triage_bundle_reloads",
            "Bundles found where another one was, by what became of them: loaded, unchanged, refused.",
            ["role", "outcome"],
            registry=registry,
        )
        for role in ("serving", "shadow"):
            self._reloads.labels(role, "refused")  # from zero, so that the first one is an increase
        self._shadow = ModelInfo(
            "triage_shadow_model_info", "The bundle that runs next to the one that decides.", registry
        )
        self._compared = Counter(
            "triage_shadow_compared_messages",
            "Messages that the shadow classified too: same, intent_differs, acceptance_differs; who accepts them; the "
            "languages of the bundle that decided.",
            ["outcome", "accepted_by", "serves"],
            registry=registry,
        )
        self._skipped = Counter(
            "triage_shadow_skipped_messages",
            "Sampled messages that the shadow did not classify: dropped for want of time, failed.",
            ["reason"],
            registry=registry,
        )

    def reload(self, role: Role, outcome: Reload) -> None:
        """Count the outcome of a reload."""
        self._reloads.labels(role, outcome).inc()

    def shadow(self, name: str, version: str, device: str) -> None:
        """Set the bundle that runs as the shadow."""
        self._shadow.set(name, version, device)

    def compared(self, serving: Decision, shadow: Decision, serves: str = "*") -> None:
        """Compare two decisions on one message and count the result; a difference of intents comes first."""
        if serving.intent != shadow.intent:
            outcome = "intent_differs"
        else:
            outcome = "same" if serving.accepted == shadow.accepted else "acceptance_differs"
        accepted_by = {
            (True, True): "both",
            (True, False): "serving",
            (False, True): "shadow",
            (False, False): "neither",
        }[serving.accepted, shadow.accepted]
        self._compared.labels(outcome, accepted_by, serves).inc()

    def skipped(self, reason: Skipped, messages: int) -> None:
        """Count sampled messages that the shadow did not classify."""
        self._skipped.labels(reason).inc(messages)
