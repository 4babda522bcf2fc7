"""Decisions on data frames: pandas, Polars and Arrow; what they add, what they keep, what they refuse."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from triage_models import Classifier, DataError

from tests.models.serving.shipped import shipped_classifier, texts

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

Make = Callable[[dict[str, Any]], Any]
KINDS: dict[str, Make] = {
    "pandas": pd.DataFrame,
    "polars": lambda columns: pl.DataFrame(columns, strict=False),
    "arrow table": pa.table,
    "arrow batch": pa.RecordBatch.from_pydict,
}
ADDED = ["intent", "confidence", "accepted", "reason"]
NO_TEXT_ROW = {"intent": None, "confidence": None, "accepted": False, "reason": "no_text"}


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return shipped_classifier()


@pytest.fixture(params=list(KINDS))
def make(request: pytest.FixtureRequest) -> Make:
    return KINDS[request.param]


def names(frame: Any) -> list[str]:
    return list(frame.schema.names) if isinstance(frame, pa.Table | pa.RecordBatch) else list(frame.columns)


def rows(frame: Any) -> list[dict[str, Any]]:
    """The rows as plain objects, whatever null is called there."""
    if isinstance(frame, pd.DataFrame):
        records = frame.astype(object).where(frame.notna(), None).to_dict("records")
        return [{str(name): value for name, value in record.items()} for record in records]
    return list(frame.to_dicts() if isinstance(frame, pl.DataFrame) else frame.to_pylist())


def test_decisions_become_columns_after_those_of_the_frame(classifier: Classifier, make: Make) -> None:
    messages = ["where is my parcel", None, "hm"]
    frame = make({"id": [7, 8, 9], "text": messages, "tags": [["a"], [], ["b", "c"]]})
    found = classifier.classify_frame(frame)
    assert type(found) is type(frame)
    assert names(found) == ["id", "text", "tags", *ADDED]
    first, second, third = rows(found)
    (decision,) = classifier.classify(["where is my parcel"])
    assert first["intent"] == decision.intent == "WISMO"
    assert first["confidence"] == pytest.approx(decision.confidence, abs=1e-5)
    assert (first["accepted"], first["reason"]) == (True, None)
    assert {name: second[name] for name in ADDED} == NO_TEXT_ROW
    assert (third["accepted"], third["reason"] in {"unfamiliar", "out_of_scope", "low_confidence"}) == (False, True)
    assert [row["id"] for row in rows(found)] == [7, 8, 9]
    assert [list(row["tags"]) for row in rows(found)] == [["a"], [], ["b", "c"]]


def test_the_frame_that_was_given_stays_as_it_was(classifier: Classifier, make: Make) -> None:
    frame = make({"text": ["where is my parcel"]})
    classifier.classify_frame(frame)
    assert names(frame) == ["text"]


def test_scores_are_a_column_for_each_label(classifier: Classifier, make: Make) -> None:
    found = classifier.classify_frame(make({"body": ["cancel it", None]}), "body", scores=True, prefix="triage_")
    labels = classifier.labels
    assert names(found) == ["body", *(f"triage_{name}" for name in ADDED), *(f"triage_score_{name}" for name in labels)]
    first, second = rows(found)
    (decision,) = classifier.classify(["cancel it"])
    assert {label: first[f"triage_score_{label}"] for label in labels} == pytest.approx(decision.scores, abs=1e-5)
    assert [second[f"triage_score_{label}"] for label in labels] == [None] * len(labels)


def test_the_new_columns_have_the_same_types_in_every_library(classifier: Classifier) -> None:
    columns = {"text": ["where is my parcel", None]}
    found = classifier.classify_frame(pd.DataFrame(columns), scores=True)
    assert [str(found[name].dtype) for name in [*ADDED, "score_WISMO"]] == [
        "string", "float32", "bool", "string", "float32",
    ]  # fmt: skip
    found = classifier.classify_frame(pl.DataFrame(columns), scores=True)
    assert [found[name].dtype for name in [*ADDED, "score_WISMO"]] == [
        pl.String, pl.Float32, pl.Boolean, pl.String, pl.Float32,
    ]  # fmt: skip
    found = classifier.classify_frame(pa.table(columns), scores=True)
    assert [found.schema.field(name).type for name in [*ADDED, "score_WISMO"]] == [
        pa.string(), pa.float32(), pa.bool_(), pa.string(), pa.float32(),
    ]  # fmt: skip


def test_an_empty_frame_gets_its_columns(classifier: Classifier, make: Make) -> None:
    frame = classifier.classify_frame(make({"text": []}))
    assert names(frame) == ["text", *ADDED]
    assert rows(frame) == []
    assert rows(classifier.classify_frame(make({"text": [None]}))) == [{"text": None, **NO_TEXT_ROW}]


def test_a_frame_of_several_chunks_keeps_its_order(classifier: Classifier, make: Make) -> None:
    messages = texts(1500)
    found = classifier.classify_frame(make({"text": messages, "position": list(range(1500))}))
    assert [row["intent"] for row in rows(found)] == [decision.intent for decision in classifier.classify(messages)]
    assert [row["position"] for row in rows(found)] == list(range(1500))


WITHOUT_TEXT: dict[str, Any] = {
    "pandas, an object column": lambda: pd.DataFrame(
        {"text": pd.Series([None, np.nan, pd.NA, pd.NaT, "", " \n", 5, 1.5, b"x", ["x"], {}], dtype=object)}
    ),
    "pandas, a float column": lambda: pd.DataFrame({"text": [1.0, np.nan]}),
    "pandas, an integer column": lambda: pd.DataFrame({"text": [1, 2]}),
    "pandas, dates": lambda: pd.DataFrame({"text": pd.to_datetime(["2026-01-01", None])}),
    "pandas, nullable strings": lambda: pd.DataFrame({"text": pd.array([None, ""], dtype="string")}),
    "polars, nulls": lambda: pl.DataFrame({"text": [None, None]}),
    "polars, numbers": lambda: pl.DataFrame({"text": [1, None]}),
    "polars, objects": lambda: pl.DataFrame({"text": pl.Series([object(), None], dtype=pl.Object)}),
    "arrow, nulls": lambda: pa.table({"text": pa.nulls(2)}),
    "arrow, bytes": lambda: pa.table({"text": pa.array([b"x", None])}),
    "arrow, structs": lambda: pa.table({"text": pa.array([{"a": "x"}, None])}),
}


@pytest.mark.parametrize("kind", list(WITHOUT_TEXT))
def test_no_row_without_text_is_classified_whatever_its_type(classifier: Classifier, kind: str) -> None:
    found = rows(classifier.classify_frame(WITHOUT_TEXT[kind]()))
    assert found
    for row in found:
        assert {name: row[name] for name in ADDED} == NO_TEXT_ROW


MESSAGE = "where is my parcel"
STRINGS: dict[str, Any] = {
    "pandas object": lambda: pd.DataFrame({"text": pd.Series([MESSAGE, None], dtype=object)}),
    "pandas string": lambda: pd.DataFrame({"text": pd.array([MESSAGE, None], dtype="string")}),
    "pandas category": lambda: pd.DataFrame({"text": pd.Categorical([MESSAGE, None])}),
    "pandas arrow": lambda: pd.DataFrame({"text": pd.array([MESSAGE, None], dtype=pd.ArrowDtype(pa.string()))}),
    "polars categorical": lambda: pl.DataFrame({"text": [MESSAGE, None]}, schema={"text": pl.Categorical}),
    "polars enum": lambda: pl.DataFrame({"text": [MESSAGE, None]}, schema={"text": pl.Enum([MESSAGE])}),
    "arrow large": lambda: pa.table({"text": pa.array([MESSAGE, None], pa.large_string())}),
    "arrow view": lambda: pa.table({"text": pa.array([MESSAGE, None], pa.string_view())}),
    "arrow dictionary": lambda: pa.table({"text": pa.array([MESSAGE, None]).dictionary_encode()}),
    "arrow chunked": lambda: pa.concat_tables([pa.table({"text": [MESSAGE]}), pa.table({"text": pa.nulls(1, "str")})]),
}


@pytest.mark.parametrize("kind", list(STRINGS))
def test_strings_of_every_type_are_texts(classifier: Classifier, kind: str) -> None:
    first, second = rows(classifier.classify_frame(STRINGS[kind]()))
    assert (first["intent"], first["reason"]) == ("WISMO", None)
    assert {name: second[name] for name in ADDED} == NO_TEXT_ROW


def test_a_pandas_index_stays_even_one_with_repeats(classifier: Classifier) -> None:
    frame = pd.DataFrame({"text": [MESSAGE, "cancel my order", None]}, index=[5, 5, 1])
    found = classifier.classify_frame(frame)
    assert list(found.index) == [5, 5, 1]
    assert [row["intent"] for row in rows(found)] == ["WISMO", "CANCEL_ORDER", None]


def test_a_subclass_of_a_frame_is_a_frame(classifier: Classifier) -> None:
    tickets = type("Tickets", (pd.DataFrame,), {"__module__": "shop.tables"})
    assert list(classifier.classify_frame(tickets({"text": [MESSAGE]}))["intent"]) == ["WISMO"]


def test_the_metadata_of_an_arrow_schema_stays(classifier: Classifier, make: Make) -> None:
    schema = pa.schema([pa.field("text", pa.string(), nullable=False, metadata={"a": "b"})], metadata={"c": "d"})
    found = classifier.classify_frame(pa.table({"text": [MESSAGE]}, schema=schema))
    assert found.schema.metadata == {b"c": b"d"}
    assert found.schema.field("text") == schema.field("text")
    assert found.schema.field("text").metadata == {b"a": b"b"}


def test_a_missing_column_names_those_that_are_there(classifier: Classifier, make: Make) -> None:
    with pytest.raises(DataError, match=r"has no column 'text' \(its columns: id, body\)"):
        classifier.classify_frame(make({"id": [1], "body": ["x"]}))


def test_a_column_that_is_there_twice_is_refused(classifier: Classifier) -> None:
    for twice in (pd.DataFrame([["a", "b"]], columns=["text", "text"]), pa.table([["a"], ["b"]], ["text", "text"])):
        with pytest.raises(DataError, match="has several columns 'text'"):
            classifier.classify_frame(twice)


def test_a_column_of_the_frame_is_never_overwritten(classifier: Classifier, make: Make) -> None:
    frame = make({"text": [MESSAGE], "intent": ["mine"], "reason": ["why"]})
    with pytest.raises(DataError, match=r"'intent', 'reason' already: rename or drop .* or pass a prefix"):
        classifier.classify_frame(frame)
    (row,) = rows(classifier.classify_frame(frame, prefix="model_"))
    assert (row["intent"], row["model_intent"]) == ("mine", "WISMO")


@pytest.mark.parametrize(
    "other", [{"text": ["x"]}, [{"text": "x"}], "text", None, pl.LazyFrame({"text": ["x"]}), pd.Series(["x"])]
)
def test_what_is_no_frame_is_refused(classifier: Classifier, other: object) -> None:
    with pytest.raises(TypeError, match="cannot be classified: pass a pandas or Polars DataFrame"):
        classifier.classify_frame(other)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_stream_of_frames_is_lazy_and_keeps_its_order(make: Make, threads: int) -> None:
    classifier = shipped_classifier(threads)
    messages = texts(60)
    read: list[int] = []

    def frames() -> Iterator[Any]:
        for start in range(0, 60, 10):
            read.append(start)
            yield make({"text": messages[start : start + 10], "position": list(range(start, start + 10))})

    stream = classifier.classify_frames(frames(), scores=True, prefix="p_")
    assert read == []
    first = next(stream)
    assert len(read) <= 1 + threads
    found = [row for frame in (first, *stream) for row in rows(frame)]
    assert [row["position"] for row in found] == list(range(60))
    assert [row["p_intent"] for row in found] == [decision.intent for decision in classifier.classify(messages)]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("triage-classify")]


def test_a_frame_at_fault_in_a_stream_is_raised_at_its_place(classifier: Classifier) -> None:
    stream = classifier.classify_frames([pd.DataFrame({"text": [MESSAGE]}), pd.DataFrame({"body": [MESSAGE]})])
    assert list(next(stream)["intent"]) == ["WISMO"]
    with pytest.raises(DataError, match="no column 'text'"):
        next(stream)
