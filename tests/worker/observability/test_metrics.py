"""Metrics before the first message: alerts need series that start at zero, and drift needs a reference."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from triage_models import DEFAULT_BUNDLE
from triage_models.bundle.bundle import Bundle
from triage_worker.fallback.metrics import LlmMetrics
from triage_worker.helpdesk.metrics import HelpdeskMetrics
from triage_worker.inference.bundle_metrics import BundleMetrics
from triage_worker.observability.metrics import Metrics
from triage_worker.router.metrics import RouterMetrics

ALL = {"serves": "*"}


def test_the_reference_is_that_of_the_loaded_bundle() -> None:
    manifest = Bundle.open(DEFAULT_BUNDLE, verify=False).manifest
    assert set(manifest.intent_mix) == set(manifest.labels)
    assert sum(manifest.intent_mix.values()) == pytest.approx(1)
    metrics = Metrics()
    metrics.reference(0.9, {"OLD": 1.0})
    metrics.reference(manifest.thresholds.guarantee.coverage, manifest.intent_mix)
    value = metrics.registry.get_sample_value
    assert value("triage_reference_acceptance_ratio", ALL) == pytest.approx(manifest.thresholds.guarantee.coverage)
    assert value("triage_reference_intent_ratio", {"label": "WISMO"} | ALL) == pytest.approx(
        manifest.intent_mix["WISMO"]
    )
    assert value("triage_reference_intent_ratio", {"label": "OLD"} | ALL) is None


def test_a_bundle_without_training_rows_has_no_intent_mix() -> None:
    manifest = Bundle.open(DEFAULT_BUNDLE, verify=False).manifest
    assert manifest.model_copy(update={"training": {}}).intent_mix == {}


def test_a_worker_without_a_model_exports_no_model_info() -> None:
    """An alert fires for workers without the series."""
    metrics, bundles = Metrics(), CollectorRegistry()
    shadow = BundleMetrics(bundles)
    assert b"triage_model_info{" not in generate_latest(metrics.registry)
    assert b"\ntriage_model_info " not in generate_latest(metrics.registry)
    assert b"\ntriage_shadow_model_info" not in generate_latest(bundles)
    shadow.shadow("ecommerce", "1", "cpu")
    for version in ("1", "2"):
        metrics.model("ecommerce", version, "cpu")
    named = {"name": "ecommerce", "device": "cpu"}
    assert metrics.registry.get_sample_value("triage_model_info", named | ALL | {"version": "2"}) == 1
    assert metrics.registry.get_sample_value("triage_model_info", named | ALL | {"version": "1"}) is None
    assert bundles.get_sample_value("triage_shadow_model_info", named | {"version": "1"}) == 1


def test_series_that_alerts_watch_start_at_zero() -> None:
    """Prometheus sees no increase in a series that starts at 1."""
    metrics, bundles = Metrics(), CollectorRegistry()
    metrics.expect("review", "over_budget")
    LlmMetrics(metrics.registry)
    BundleMetrics(bundles)
    router, helpdesk = RouterMetrics().registry, HelpdeskMetrics().registry
    for registry, name, labels in (
        (metrics.registry, "triage_messages_answered_total", {"outcome": "review", "label": "over_budget"}),
        (metrics.registry, "triage_llm_calls_total", {"result": "unavailable"}),
        (bundles, "triage_bundle_reloads_total", {"role": "serving", "outcome": "refused"}),
        (router, "triage_router_intents_total", {"outcome": "dead_letter"}),
        (helpdesk, "triage_helpdesk_tickets_total", {"outcome": "dead_letter"}),
        (helpdesk, "triage_helpdesk_calls_total", {"result": "failed"}),
    ):
        assert registry.get_sample_value(name, labels) == 0, name
