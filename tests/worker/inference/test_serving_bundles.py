"""Several bundles serve, each for its languages: which one decides, and how their messages share the threads."""

import asyncio

import orjson
import pytest
from triage_models.text.language import Detection
from triage_worker.inference import inference_threads
from triage_worker.inference.batching import Limits
from triage_worker.inference.loaded_bundle import EncodedMessage
from triage_worker.inference.message_languages import MessageLanguages
from triage_worker.inference.serving_bundles import ServingBundles
from triage_worker.inference.waiting_messages import WaitingMessages
from triage_worker.resilience.backoff import FixedDelays

from tests.worker.classify.harness import A, classification_harness, loaded_bundle
from tests.worker.classify.test_loaded_bundle import GatedModel, versions
from tests.worker.fakes import FakeModel, record

GERMAN = "wo ist mein paket, ich warte seit zwei wochen"
ENGLISH = "where is my parcel, i have been waiting for two weeks"


@pytest.fixture(scope="module")
def languages() -> MessageLanguages:
    return MessageLanguages.open(detect=True)


def value(text: str, language: str | None = None) -> bytes:
    return orjson.dumps({"text": text} | ({} if language is None else {"language": language}))


def test_a_language_without_a_bundle_of_its_own_has_the_default() -> None:
    rest, iberian = loaded_bundle(FakeModel()), loaded_bundle(FakeModel(), serves=("es", "pt"))
    bundles = ServingBundles(rest, iberian)
    found = [None, Detection(None, 0.3), Detection("fr", 0.9), Detection("es", 0.9), Detection("pt", 0.0)]
    assert [bundles.group("").of(one) is iberian for one in found] == [False, False, False, True, True]


def test_another_bundle_takes_the_languages_of_the_one_that_it_replaces() -> None:
    rest, english = loaded_bundle(FakeModel()), loaded_bundle(FakeModel(), serves=("en",))
    new = loaded_bundle(FakeModel(), "2", serves=("en",))
    bundles = ServingBundles(rest, english).using(new)
    assert bundles.group("").of(Detection("en", 1.0)) is new
    assert bundles.default is rest
    assert bundles.in_place_of(english) is new


def test_all_bundles_are_replaced_at_once() -> None:
    bundles = ServingBundles(loaded_bundle(FakeModel()), loaded_bundle(FakeModel(), serves=("en",)))
    new = loaded_bundle(FakeModel(), "2"), loaded_bundle(FakeModel(), "2", serves=("en",))
    assert list(bundles.using(*new).bundles) == list(new)


async def test_each_message_is_decided_by_the_bundle_of_its_language(languages: MessageLanguages) -> None:
    rest, english = GatedModel("r"), GatedModel("e")
    bundles = loaded_bundle(rest, "rest"), loaded_bundle(english, "english", serves=("en",))
    async with classification_harness(*bundles, languages=languages) as harness:
        values = [value(ENGLISH), value(GERMAN), value("12345"), value("12345", "en-GB"), value(GERMAN, "en"), b"no"]
        await harness.process({A: [record(A, offset, one) for offset, one in enumerate(values)]})
        outputs = await harness.wait_for_outputs(6)
        assert versions(outputs[:5]) == ["english", "rest", "rest", "english", "rest"]
        events = [orjson.loads(output.value or b"") for output in outputs[:5]]
        assert [event["language"] for event in events] == ["en", "de", None, "en-GB", "en"]
        counted = harness.processor.metrics.registry.get_sample_value
        decided = {
            (serves, outcome): counted("triage_messages_decided_total", {"serves": serves, "outcome": outcome}) or 0
            for serves in ("*", "en")
            for outcome in ("accepted", "fallback")
        }
        assert decided["*", "accepted"] + decided["*", "fallback"] == 3
        assert decided["en", "accepted"] + decided["en", "fallback"] == 2


async def test_without_detection_messages_that_give_a_language_have_its_bundle() -> None:
    bundles = loaded_bundle(GatedModel("r"), "rest"), loaded_bundle(GatedModel("e"), "english", serves=("en",))
    async with classification_harness(*bundles) as harness:
        values = [value(ENGLISH), value(GERMAN, "en")]
        await harness.process({A: [record(A, offset, one) for offset, one in enumerate(values)]})
        assert versions(await harness.wait_for_outputs(2)) == ["rest", "english"]


async def test_a_bundle_is_replaced_while_the_other_one_serves_on() -> None:
    bundles = loaded_bundle(GatedModel("r"), "rest"), loaded_bundle(GatedModel("a"), "old", serves=("en",))
    async with classification_harness(*bundles) as harness:
        await harness.process({A: [record(A, 0, value("aa", "en")), record(A, 1, value("aa", "fr"))]})
        await harness.wait_for_outputs(2)
        harness.processor.use(loaded_bundle(GatedModel("b"), "new", serves=("en",)))
        await harness.process({A: [record(A, 2, value("aa", "en")), record(A, 3, value("aa", "fr"))]})
        assert versions(await harness.wait_for_outputs(4)) == ["old", "rest", "new", "rest"]


async def test_only_its_own_successor_takes_over_from_a_bundle_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference_threads, "RETRY", FixedDelays((3_600.0,)))
    broken = GatedModel("a")
    broken.broken = True
    bundles = loaded_bundle(GatedModel("r"), "rest"), loaded_bundle(broken, "old", serves=("en",))
    async with classification_harness(*bundles) as harness:
        await harness.process({A: [record(A, 0, value("aa", "en"))]})
        await asyncio.to_thread(broken.entered.wait)
        harness.processor.use(loaded_bundle(GatedModel("s"), "rest 2"))
        harness.processor.use(loaded_bundle(GatedModel("b"), "new", serves=("en",)))
        assert versions(await harness.wait_for_outputs(1)) == ["new"]


def test_messages_of_two_bundles_form_whole_batches_however_they_alternate() -> None:
    """Otherwise each message would be a batch of its own."""
    models = FakeModel(), FakeModel()
    own = [loaded_bundle(models[0]), loaded_bundle(models[1], serves=("en",))]
    queue = WaitingMessages()
    [tokens] = models[0].encode(["abcd"])
    queue.extend(EncodedMessage(str(number), own[number % 2], tokens) for number in range(40))  # type: ignore[arg-type]
    waves = []
    while queue:
        waves.append([[str(message.decoded) for message in batch] for batch in queue.cut_wave()])
    assert [len(batch) for wave in waves for batch in wave] == [20, 20]
    assert waves[0][0][:2] == ["0", "2"]
    assert waves[1][0][:2] == ["1", "3"]


def test_the_bundle_of_the_oldest_message_is_next() -> None:
    model = FakeModel()
    busy, rare = loaded_bundle(model), loaded_bundle(model, serves=("en",))
    assert busy.limits == Limits(threads=1, budget=256)
    [tokens] = model.encode(["a" * 4_000])
    queue = WaitingMessages()
    queue.extend(EncodedMessage(name, busy, tokens) for name in ("1", "2", "3"))  # type: ignore[arg-type]
    queue.extend([EncodedMessage("en", rare, tokens)])  # type: ignore[arg-type]
    queue.extend(EncodedMessage(name, busy, tokens) for name in ("4", "5"))  # type: ignore[arg-type]
    order = []
    while queue:
        order.append([str(message.decoded) for batch in queue.cut_wave() for message in batch])
    assert order == [["1", "2"], ["3", "4"], ["en"], ["5"]]
