"""The classifier: opens a bundle, proves it on this machine, and turns texts into decisions."""

from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from threading import Lock
from typing import TypeVar, overload

from triage_models import DEFAULT_BUNDLE
from triage_models.bundle.bundle import Bundle
from triage_models.errors import BundleError
from triage_models.serving.decision import Assessment, Decision, decisions_of, without_intent
from triage_models.serving.engine import Encoded, Engine, Outputs, usable_cores
from triage_models.serving.frames import texts_of, with_predictions
from triage_models.serving.languages import BundleLanguages, code_of
from triage_models.serving.mail.message import reader
from triage_models.serving.opening import Device, check_golden_texts, open_engine
from triage_models.serving.predictions import Predictions, concatenated, predictions_of
from triage_models.serving.row_outputs import row_outputs
from triage_models.serving.stream import CHUNK, chunked, divided, flattened, map_in_order
from triage_models.serving.texts import checked_texts, encodable, has_text, listed
from triage_models.serving.windows import join_windows
from triage_models.serving.wishes import SecondWishes

__all__ = ["Classifier", "Decision", "Device", "Encoded", "Outputs", "Predictions"]

Frame = TypeVar("Frame")


class Classifier:
    """A bundle that is ready to classify.

    >>> classifier = Classifier.open()
    >>> classifier
    Classifier(bundle='ecommerce', ...)
    >>> decision, = classifier.classify(["where is my parcel"])
    >>> decision.intent, decision.accepted
    ('WISMO', True)

    All methods may be called from several threads. `classify`, `classify_stream`, `classify_arrays`, `classify_frame`
    and `classify_frames` use ``threads`` threads of their own where there are enough rows; `predict`, `encode`,
    `infer`, `outputs` and `decide` run on the calling thread.

    A classifier can be pickled: what travels is the bundle's path, not its model. The receiving process opens it once,
    and refuses one with other files. The shipped bundle is found wherever the package is installed.
    """

    def __init__(
        self,
        bundle: Bundle,
        engine: Engine,
        threads: int,
        device: Device = "auto",
        *,
        detect_language: bool = True,
        clean_email: bool = True,
    ) -> None:
        self.bundle = bundle
        self._languages = BundleLanguages(bundle.manifest)
        self._switches = (detect_language, clean_email)
        self._read = reader(clean_email=clean_email)
        self._wishes = SecondWishes(bundle.manifest, engine)
        self.engine = engine
        self.threads = threads
        self._requested_device = device

    @classmethod
    def open(
        cls,
        path: Path | str = DEFAULT_BUNDLE,
        *,
        device: Device = "auto",
        threads: int | None = None,
        verify: bool = True,
        detect_language: bool = True,
        clean_email: bool = True,
    ) -> "Classifier":
        """Open a bundle and replay its golden texts on this machine; takes well under a second on a CPU.

        Args:
            path: the bundle's folder; the shipped bundle by default.
            device: ``"cuda"`` fails where ONNX Runtime's CUDA provider is not active; ``"auto"`` uses it where it is,
                and the CPU elsewhere.
            threads: how many threads classify at once; None means the cores that this process may use.
            verify: check the files' hashes and the golden texts; turn it off only where that was just done.
            detect_language: find the language of texts, if the bundle names its languages; turn it off where the
                caller does so.
            clean_email: read of an e-mail only what its sender wrote, and refuse automatic replies.

        Raises:
            BundleError: the bundle is missing or damaged, or does not reproduce its golden texts on this machine.
            DeviceError: ``device`` is ``"cuda"`` and CUDA is not active.
        """
        bundle = Bundle.open(path, verify=verify)
        model, engine = open_engine(bundle, device)
        if verify:
            check_golden_texts(bundle, engine, model)
        cores = threads or usable_cores()
        return cls(bundle, engine, cores, device, detect_language=detect_language, clean_email=clean_email)

    @property
    def device(self) -> str:
        """``"cuda"`` or ``"cpu"``: where the model runs."""
        return self.engine.device

    @property
    def labels(self) -> tuple[str, ...]:
        """The intents that this bundle knows; the out-of-scope class is none of them."""
        return self.bundle.labels

    @overload
    def classify(self, texts: Iterable[str]) -> list[Decision]: ...

    @overload
    def classify(self, texts: Iterable[str | None]) -> list[Decision | None]: ...

    def classify(self, texts: Iterable[str | None]) -> Sequence[Decision | None]:
        """Classify texts; returns one `Decision` per text, in their order.

        >>> classifier = Classifier.open()
        >>> [decision.intent for decision in classifier.classify(["cancel it please", "where is my parcel"])]
        ['CANCEL_ORDER', 'WISMO']

        Args:
            texts: strings. None and NaN stand for a row without text and give None. A blank string is classified as
                it is, and comes out as out of scope; `classify_arrays` and `classify_frame` count it as no text.

        Raises:
            TypeError: a value is neither a string nor null, or ``texts`` is a single string.
        """
        rows = list(checked_texts(texts))
        chunks = map_in_order(self._classify_chunk, divided(rows, self.threads), self.threads)
        return list(flattened(chunks))

    @overload
    def classify_stream(self, texts: Iterable[str]) -> Generator[Decision, None, None]: ...

    @overload
    def classify_stream(self, texts: Iterable[str | None]) -> Generator[Decision | None, None, None]: ...

    def classify_stream(self, texts: Iterable[str | None]) -> Generator[Decision | None, None, None]:
        """Classify any number of texts in constant memory; yields one `Decision` per text, in their order.

        >>> classifier = Classifier.open()
        >>> endless = (f"where is order {number}" for number in range(10**9))
        >>> next(classifier.classify_stream(endless)).intent
        'WISMO'

        Texts are read on the consumer's thread, at most ``threads + 1`` chunks of 512 ahead of the decisions, so a
        slow consumer slows the reading down. Nothing is read before the first decision is asked for. Closing the
        generator or leaving the program ends its threads.

        Args:
            texts: as in `classify`.

        Raises:
            TypeError: as in `classify`. This and any exception of ``texts`` itself come after the decisions on the
                texts before it.
        """
        chunks = chunked(checked_texts(texts), CHUNK)
        return flattened(map_in_order(self._classify_chunk, chunks, self.threads))

    def classify_arrays(self, texts: Iterable[object]) -> Predictions:
        """Classify texts; returns numpy arrays, one row per text.

        >>> predictions = Classifier.open().classify_arrays(["where is my parcel", None, "cancel it please"])
        >>> predictions.intent.tolist()
        ['WISMO', None, 'CANCEL_ORDER']
        >>> predictions.probabilities.shape, predictions.probabilities.dtype
        ((3, 9), dtype('float32'))

        Args:
            texts: any values. Those that are no strings, and blank strings, are rows without text.

        Raises:
            TypeError: ``texts`` is a single string.
        """
        rows = listed(texts)
        parts = map_in_order(self.predict, divided(rows, self.threads), self.threads)
        return concatenated(self.labels, list(parts))

    def classify_frame(self, frame: Frame, column: str = "text", *, scores: bool = False, prefix: str = "") -> Frame:
        """Classify a column of a data frame; returns the frame with the decisions as new columns.

        >>> import pandas
        >>> frame = pandas.DataFrame({"text": ["where is my parcel", None]})
        >>> Classifier.open().classify_frame(frame)[["intent", "accepted", "reason"]]
          intent  accepted   reason
        0  WISMO      True     <NA>
        1   <NA>     False  no_text

        The new columns are ``intent`` (string), ``confidence`` (float32), ``accepted`` (bool) and ``reason`` (string;
        null where accepted). A row without text has the intent and the confidence null, ``accepted`` False and the
        reason ``"no_text"``: null, NaN, a value that is no string, or a blank string.

        Args:
            frame: a pandas or Polars ``DataFrame``, or a pyarrow ``Table`` or ``RecordBatch``. It is not changed.
            column: the column with the texts.
            scores: also add ``score_<label>`` (float32) for every label, its probability.
            prefix: put before the name of each new column.

        Raises:
            DataError: the frame has no such column, or has a column of the name of a new one.
            TypeError: ``frame`` is none of these kinds.
        """
        predictions = self.classify_arrays(texts_of(frame, column))
        return with_predictions(frame, predictions, scores=scores, prefix=prefix)

    def classify_frames(
        self, frames: Iterable[Frame], column: str = "text", *, scores: bool = False, prefix: str = ""
    ) -> Generator[Frame, None, None]:
        """Classify a stream of data frames in constant memory; yields each with its new columns, in their order.

        This is what chunked readers and Spark's ``mapInPandas`` and ``mapInArrow`` give and take. Every thread works
        on a frame of its own; the frames should have a few hundred to a few thousand rows. For the rest see
        `classify_frame` and `classify_stream`.
        """

        def classified(frame: Frame) -> Frame:
            predictions = self.predict(texts_of(frame, column))
            return with_predictions(frame, predictions, scores=scores, prefix=prefix)

        return map_in_order(classified, frames, self.threads)

    def predict(self, texts: Sequence[object]) -> Predictions:
        """Do what `classify_arrays` does, on the calling thread: for callers with threads or processes of their own."""
        positions = [position for position, text in enumerate(texts) if has_text(text)]
        encoded = self.encode([encodable(str(texts[position])) for position in positions])
        assessment = self.assess(encoded, self.outputs(encoded))
        return predictions_of(self.labels, len(texts), positions, assessment, [row.truncated for row in encoded])

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Token ids of what each text's sender wrote, in windows of the bundle's maximum length. Releases the GIL."""
        messages = [self._read(text) for text in texts]
        encoded = self._wishes.with_texts(messages, self.engine.encode([message.text for message in messages]))
        for position, message in enumerate(messages):
            if message.automatic:
                encoded[position] = encoded[position]._replace(automatic=True)
        return self._languages.detected(messages, encoded) if self._switches[0] else encoded

    def infer(self, batch: Sequence[Encoded]) -> Outputs:
        """Run the network on one batch; thread-safe, releases the GIL. For the rows see `row_outputs.row_outputs`."""
        # Sentences are short: padded to the length of a window, they would cost as much as one.
        return self.engine.infer(batch) if all(row.rows == 1 for row in batch) else self.outputs(batch)

    def outputs(self, encoded: Sequence[Encoded]) -> Outputs:
        """Do `infer` for any number of texts, cut into batches by their length."""
        return row_outputs(encoded, self.engine.outputs, self._languages.refused)

    def decide(self, batch: Sequence[Encoded], outputs: Outputs) -> list[Decision]:
        """Turn the outputs for a batch into one `Decision` per text. Texts that may hold two wishes are read again."""
        assessment = self.assess(batch, outputs)
        languages = [code_of(row.language) for row in batch]
        further = self._wishes.find(batch, outputs, assessment)
        return decisions_of(self.labels, assessment, [row.truncated for row in batch], languages, further)

    def _classify_chunk(self, texts: Sequence[str | None]) -> list[Decision | None]:
        encoded = self.encode([text for text in texts if text is not None])
        decisions = iter(self.decide(encoded, self.outputs(encoded)) if encoded else ())
        return [None if text is None else next(decisions) for text in texts]

    def assess(self, batch: Sequence[Encoded], outputs: Outputs) -> Assessment:
        """Do what `decide` does, as arrays, and without looking for second wishes."""
        assessment = self._languages.assess(batch, outputs.logits, outputs.similarity)
        windows, sentences = [row.windows for row in batch], [len(row.sentences) for row in batch]
        joined = join_windows(assessment, windows, [row.truncated for row in batch], sentences)
        return without_intent(self._languages.without_others(batch, joined), [row.automatic for row in batch])

    def __repr__(self) -> str:
        name, version = self.bundle.name, self.bundle.version
        return f"Classifier(bundle={name!r}, version={version!r}, labels={len(self.labels)}, device={self.device!r})"

    def __reduce__(self) -> tuple[object, ...]:
        path = None if self.bundle.path == DEFAULT_BUNDLE.resolve() else self.bundle.path
        manifest = self.bundle.manifest
        how = (self._requested_device, self.threads, *self._switches)
        return _open_once, (path, how, manifest.version, manifest.files)


_How = tuple[Device, int, bool, bool]
_opened: dict[tuple[Path, _How], Classifier] = {}
_opening = Lock()


def _open_once(path: Path | None, how: _How, version: str, files: dict[str, str]) -> Classifier:
    """Open a pickled classifier's bundle, or return it where this process has it open already."""
    folder = DEFAULT_BUNDLE.resolve() if path is None else path
    device, threads, detect, clean = how
    with _opening:
        classifier = _opened.get((folder, how))
        if classifier is None or classifier.bundle.manifest.files != files:
            switches = {"detect_language": detect, "clean_email": clean}
            classifier = Classifier.open(folder, device=device, threads=threads, **switches)
        if classifier.bundle.manifest.files != files:
            raise BundleError(
                f"The bundle {folder} in this process is version {classifier.bundle.version}, and the classifier was "
                f"pickled with version {version}, whose files differ: copy the same bundle to every machine."
            )
        _opened[folder, how] = classifier
    return classifier
