"""A second bundle beside the serving one: what it counts, and that it never stands in the way."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from triage_models.serving.decision import Decision
from triage_worker.classify import shadow as module
from triage_worker.classify.bundle_metrics import BundleMetrics
from triage_worker.classify.fault_isolation import Fault
from triage_worker.classify.shadow import WAITING, Shadow

PATIENCE_S = 30.0


def decision(intent: str, *, accepted: bool) -> Decision:
    return Decision(intent, 0.9, accepted, None if accepted else "low_confidence", {intent: 0.9}, 0.9, False)


def work(text: str) -> Any:
    return SimpleNamespace(decoded=SimpleNamespace(message=SimpleNamespace(text=text)))


class Other:
    """A classifier that answers by the text: "WISMO yes" is an accepted WISMO. ``fails`` says when it raises."""

    bundle = SimpleNamespace(name="other", version="2")
    device = "cpu"

    def __init__(self) -> None:
        self.fails = False
        self.asked: list[str] = []

    def classify(self, texts: Sequence[str]) -> list[Decision]:
        self.asked += texts
        if self.fails:
            raise RuntimeError("customers' text")
        return [decision(text.split()[0], accepted=text.endswith("yes")) for text in texts]


class Beside:
    """A shadow with its metrics, and a wait for what they come to."""

    def __init__(self, share: float = 1.0) -> None:
        self.registry = CollectorRegistry()
        self.shadow = Shadow(share, BundleMetrics(self.registry))
        self.other: Any = Other()
        self.spare = True

    def offer(self, *offered: tuple[str, Decision | Fault]) -> None:
        self.shadow.offer([work(text) for text, _ in offered], [told for _, told in offered])

    def count(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"triage_shadow_{name}_messages_total", labels) or 0.0

    def compared(self) -> float:
        families = {family.name: family for family in self.registry.collect()}
        samples = families["triage_shadow_compared_messages"].samples
        return sum(sample.value for sample in samples if sample.name.endswith("_total"))


def until(condition: Callable[[], bool]) -> None:
    waited = threading.Event()
    for _ in range(int(PATIENCE_S / 0.002)):
        if condition():
            return
        waited.wait(0.002)
    raise AssertionError("it never came true")


@pytest.fixture
def beside() -> Iterator[Beside]:
    made = Beside()
    made.shadow.use(made.other)
    made.shadow.start(lambda: made.spare)
    yield made
    made.shadow.close()


def test_agreement_is_counted_by_intent_and_acceptance(beside: Beside) -> None:
    beside.offer(
        ("WISMO yes", decision("WISMO", accepted=True)),
        ("WISMO no", decision("WISMO", accepted=False)),
        ("WISMO yes", decision("WISMO", accepted=False)),
        ("WISMO no", decision("WISMO", accepted=True)),
        ("WISMO yes", decision("DAMAGED_ITEM", accepted=True)),
        ("WISMO no", decision("DAMAGED_ITEM", accepted=True)),
        ("WISMO no", decision("DAMAGED_ITEM", accepted=True)),
    )
    until(lambda: beside.compared() == 7)
    assert beside.count("compared", outcome="same", accepted_by="both") == 1
    assert beside.count("compared", outcome="same", accepted_by="neither") == 1
    assert beside.count("compared", outcome="acceptance_differs", accepted_by="shadow") == 1
    assert beside.count("compared", outcome="acceptance_differs", accepted_by="serving") == 1
    assert beside.count("compared", outcome="intent_differs", accepted_by="both") == 1
    assert beside.count("compared", outcome="intent_differs", accepted_by="serving") == 2
    about = {"name": "other", "version": "2", "device": "cpu"}
    assert beside.registry.get_sample_value("triage_shadow_model_info", about) == 1


def test_messages_that_the_model_fails_on_are_left_out(beside: Beside) -> None:
    beside.offer(("poison", Fault("alone")), ("WISMO yes", decision("WISMO", accepted=True)))
    until(lambda: beside.compared() == 1)
    assert beside.other.asked == ["WISMO yes"]


def test_without_a_bundle_nothing_is_taken_and_nothing_counted() -> None:
    beside = Beside()
    beside.offer(("WISMO yes", decision("WISMO", accepted=True)))
    beside.shadow.use(beside.other)
    beside.shadow.start(lambda: True)
    beside.offer(("WISMO no", decision("WISMO", accepted=True)))
    until(lambda: beside.compared() == 1)
    assert beside.other.asked == ["WISMO no"]
    beside.shadow.close()


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.3, 60, 240), (1.0, 500, 500)])
def test_a_share_of_the_messages_is_drawn(share: float, least: int, most: int) -> None:
    beside = Beside(share)
    beside.shadow.use(beside.other)
    beside.offer(*[("WISMO yes", decision("WISMO", accepted=True))] * 500)
    drawn = len(beside.shadow._waiting)
    assert least <= drawn <= most
    assert beside.count("skipped", reason="dropped") == 0


def test_it_waits_for_a_thread_to_spare_and_drops_what_is_too_much(beside: Beside) -> None:
    beside.spare = False
    one = ("WISMO yes", decision("WISMO", accepted=True))
    beside.offer(*[one] * (WAITING - 1))
    beside.offer(*[one] * 5)
    beside.offer(one)
    assert beside.count("skipped", reason="dropped") == 5
    assert beside.other.asked == []
    beside.spare = True
    until(lambda: beside.compared() == WAITING)


def test_a_shadow_that_hangs_holds_up_nobody(beside: Beside) -> None:
    hangs = threading.Event()
    entered = threading.Event()

    class Hangs(Other):
        def classify(self, texts: Sequence[str]) -> list[Decision]:
            entered.set()
            hangs.wait(PATIENCE_S)
            return super().classify(texts)

    beside.shadow.use(Hangs())  # type: ignore[arg-type]
    one = ("WISMO yes", decision("WISMO", accepted=True))
    beside.offer(one)
    assert entered.wait(PATIENCE_S)
    for _ in range(3 * WAITING):
        beside.offer(one)
    assert beside.count("skipped", reason="dropped") == 2 * WAITING
    hangs.set()
    until(lambda: beside.compared() == WAITING + 1)


def test_a_shadow_that_fails_is_counted_told_of_and_tried_again_later(
    beside: Beside, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "LONGEST_PAUSE_S", 0.01)
    beside.other.fails = True
    with caplog.at_level(logging.WARNING):
        beside.offer(("WISMO yes", decision("WISMO", accepted=True)))
        until(lambda: beside.count("skipped", reason="failed") == 1)
    beside.other.fails = False
    beside.offer(("WISMO yes", decision("WISMO", accepted=True)))
    until(lambda: beside.compared() == 1)
    assert "The shadow bundle failed" in caplog.text
    assert "customers' text" not in caplog.text
