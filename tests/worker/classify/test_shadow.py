"""The shadow bundle: what it counts, and that it never delays the serving bundle."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from triage_models.serving.decision import Decision
from triage_worker.classify import shadow as shadow_module
from triage_worker.classify.shadow import WAITING, Shadow
from triage_worker.inference.bundle_metrics import BundleMetrics
from triage_worker.inference.fault_isolation import Fault
from triage_worker.resilience.backoff import RetryPolicy

TIMEOUT_S = 30.0


def decision(intent: str, *, accepted: bool) -> Decision:
    """Make a decision of the serving bundle."""
    return Decision(intent, 0.9, accepted, None if accepted else "low_confidence", {intent: 0.9}, 0.9, False)


def encoded_message(text: str) -> Any:
    """Make the part of an encoded message that the shadow uses."""
    decoded = SimpleNamespace(message=SimpleNamespace(text=text))
    return SimpleNamespace(decoded=decoded, bundle=SimpleNamespace(serves=("*",)))


class FakeClassifier:
    """A classifier that decides by the text: "WISMO yes" is an accepted WISMO.

    Attributes:
        fails: whether it fails.
        texts: what it classified.
    """

    bundle = SimpleNamespace(name="other", version="2")
    device = "cpu"

    def __init__(self) -> None:
        self.fails = False
        self.texts: list[str] = []

    def classify(self, texts: Sequence[str]) -> list[Decision]:
        self.texts += texts
        if self.fails:
            raise RuntimeError("customers' text")
        return [decision(text.split()[0], accepted=text.endswith("yes")) for text in texts]


class ShadowHarness:
    """A shadow with its metrics.

    Args:
        share: of the messages that are compared.
    """

    def __init__(self, share: float = 1.0) -> None:
        self.registry = CollectorRegistry()
        self.shadow = Shadow(share, BundleMetrics(self.registry))
        self.classifier: Any = FakeClassifier()
        self.spare = True

    def offer(self, *offered: tuple[str, Decision | Fault]) -> None:
        """Offer messages with their decisions."""
        self.shadow.offer([encoded_message(text) for text, _ in offered], [result for _, result in offered])

    def count(self, name: str, **labels: str) -> float:
        """Return a counter."""
        return self.registry.get_sample_value(f"triage_shadow_{name}_messages_total", labels) or 0.0

    def compared(self) -> float:
        """Return how many messages were compared, whatever the outcome."""
        families = {family.name: family for family in self.registry.collect()}
        samples = families["triage_shadow_compared_messages"].samples
        return sum(sample.value for sample in samples if sample.name.endswith("_total"))


def wait_for(condition: Callable[[], bool]) -> None:
    waited = threading.Event()
    for _ in range(int(TIMEOUT_S / 0.002)):
        if condition():
            return
        waited.wait(0.002)
    raise AssertionError("the condition did not hold in time")


@pytest.fixture
def harness() -> Iterator[ShadowHarness]:
    created = ShadowHarness()
    created.shadow.use(created.classifier)
    created.shadow.start(lambda: created.spare)
    yield created
    created.shadow.close()


def test_agreement_is_counted_by_intent_and_acceptance(harness: ShadowHarness) -> None:
    harness.offer(
        ("WISMO yes", decision("WISMO", accepted=True)),
        ("WISMO no", decision("WISMO", accepted=False)),
        ("WISMO yes", decision("WISMO", accepted=False)),
        ("WISMO no", decision("WISMO", accepted=True)),
        ("WISMO yes", decision("DAMAGED_ITEM", accepted=True)),
        ("WISMO no", decision("DAMAGED_ITEM", accepted=True)),
        ("WISMO no", decision("DAMAGED_ITEM", accepted=True)),
    )
    wait_for(lambda: harness.compared() == 7)
    assert harness.count("compared", serves="*", outcome="same", accepted_by="both") == 1
    assert harness.count("compared", serves="*", outcome="same", accepted_by="neither") == 1
    assert harness.count("compared", serves="*", outcome="acceptance_differs", accepted_by="shadow") == 1
    assert harness.count("compared", serves="*", outcome="acceptance_differs", accepted_by="serving") == 1
    assert harness.count("compared", serves="*", outcome="intent_differs", accepted_by="both") == 1
    assert harness.count("compared", serves="*", outcome="intent_differs", accepted_by="serving") == 2
    about = {"name": "other", "version": "2", "device": "cpu"}
    assert harness.registry.get_sample_value("triage_shadow_model_info", about) == 1


def test_messages_that_the_serving_bundle_fails_on_are_not_compared(harness: ShadowHarness) -> None:
    harness.offer(("poison", Fault("alone")), ("WISMO yes", decision("WISMO", accepted=True)))
    wait_for(lambda: harness.compared() == 1)
    assert harness.classifier.texts == ["WISMO yes"]


def test_without_a_bundle_no_message_is_taken() -> None:
    harness = ShadowHarness()
    harness.offer(("WISMO yes", decision("WISMO", accepted=True)))
    harness.shadow.use(harness.classifier)
    harness.shadow.start(lambda: True)
    harness.offer(("WISMO no", decision("WISMO", accepted=True)))
    wait_for(lambda: harness.compared() == 1)
    assert harness.classifier.texts == ["WISMO no"]
    harness.shadow.close()


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.3, 60, 240), (1.0, 500, 500)])
def test_a_share_of_the_messages_is_compared(share: float, least: int, most: int) -> None:
    harness = ShadowHarness(share)
    harness.shadow.use(harness.classifier)
    harness.offer(*[("WISMO yes", decision("WISMO", accepted=True))] * 500)
    drawn = len(harness.shadow._waiting)
    assert least <= drawn <= most
    assert harness.count("skipped", reason="dropped") == 0


def test_the_shadow_waits_for_a_spare_thread_and_drops_messages_over_its_limit(harness: ShadowHarness) -> None:
    harness.spare = False
    message = ("WISMO yes", decision("WISMO", accepted=True))
    harness.offer(*[message] * (WAITING - 1))
    harness.offer(*[message] * 5)
    harness.offer(message)
    assert harness.count("skipped", reason="dropped") == 5
    assert harness.classifier.texts == []
    harness.spare = True
    wait_for(lambda: harness.compared() == WAITING)


def test_a_shadow_that_hangs_does_not_delay_the_serving_bundle(harness: ShadowHarness) -> None:
    hangs = threading.Event()
    entered = threading.Event()

    class HangingClassifier(FakeClassifier):
        def classify(self, texts: Sequence[str]) -> list[Decision]:
            entered.set()
            hangs.wait(TIMEOUT_S)
            return super().classify(texts)

    harness.shadow.use(HangingClassifier())  # type: ignore[arg-type]
    message = ("WISMO yes", decision("WISMO", accepted=True))
    harness.offer(message)
    assert entered.wait(TIMEOUT_S)
    for _ in range(3 * WAITING):
        harness.offer(message)
    assert harness.count("skipped", reason="dropped") == 2 * WAITING
    hangs.set()
    wait_for(lambda: harness.compared() == WAITING + 1)


def test_a_failure_of_the_shadow_is_counted_logged_and_retried(
    harness: ShadowHarness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shadow_module, "RETRY", RetryPolicy(first_s=0.01, longest_s=0.01, jitter=0.0))
    harness.classifier.fails = True
    with caplog.at_level(logging.WARNING):
        harness.offer(("WISMO yes", decision("WISMO", accepted=True)))
        wait_for(lambda: harness.count("skipped", reason="failed") == 1)
    harness.classifier.fails = False
    harness.offer(("WISMO yes", decision("WISMO", accepted=True)))
    wait_for(lambda: harness.compared() == 1)
    assert "The shadow bundle failed" in caplog.text
    assert "customers' text" not in caplog.text


def test_the_shadow_goes_on_after_thousands_of_failures(
    harness: ShadowHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadow_module, "RETRY", RetryPolicy(first_s=1.0, longest_s=0.0, jitter=0.0))
    monkeypatch.setattr(shadow_module, "AT_ONCE", 1)
    harness.classifier.fails = True
    message = ("WISMO yes", decision("WISMO", accepted=True))
    for done in range(1, 4):
        harness.offer(*[message] * WAITING)
        wait_for(lambda done=done: harness.count("skipped", reason="failed") == done * WAITING)  # type: ignore[misc]
    harness.classifier.fails = False
    harness.offer(message)
    wait_for(lambda: harness.compared() == 1)
