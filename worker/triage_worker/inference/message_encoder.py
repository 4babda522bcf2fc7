"""Reads messages, finds their language, and turns them into the tokens of the bundle that serves the language."""

from collections.abc import Sequence
from functools import partial

from triage_models.serving.engine import Encoded
from triage_models.text.language import Detection

from triage_worker.inference.fault_isolation import Fault, isolate
from triage_worker.inference.incoming_message import IncomingMessage
from triage_worker.inference.inference_threads import KNOWN_GOOD
from triage_worker.inference.loaded_bundle import EncodedMessage, LoadedBundle
from triage_worker.inference.message_languages import MessageLanguages
from triage_worker.inference.serving_bundles import ServingBundles
from triage_worker.observability.metrics import Metrics


class MessageEncoder:
    """Encodes messages, each as its source says, in one thread at a time.

    Args:
        metrics: where languages are counted.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def encode(self, bundles: ServingBundles, messages: Sequence[IncomingMessage]) -> list[EncodedMessage | Fault]:
        """Read each message, find its language, and encode it with the bundle of its language.

        Raises:
            ModelDownError: a tokenizer fails on everything.
        """
        encoded: dict[int, EncodedMessage | Fault] = {}
        rows: dict[LoadedBundle, list[int]] = {}
        # Reading depends on nothing but the text, so what fails is that text.
        found = isolate(partial(_languages_of, bundles), messages, lambda: True, "reading the text")
        for row, one in enumerate(found):
            if isinstance(one, Fault):
                encoded[row] = one
            else:
                rows.setdefault(bundles.group(messages[row].source.group).of(one), []).append(row)
        self._count_languages(messages)
        for bundle, own in rows.items():
            written = [messages[row].to_classify for row in own]
            tokens = isolate(bundle.encode, written, partial(_can_encode, bundle))
            encoded |= {row: _encoded(messages[row], bundle, one) for row, one in zip(own, tokens, strict=True)}
        return [encoded[row] for row in range(len(messages))]

    def _count_languages(self, messages: Sequence[IncomingMessage]) -> None:
        found: dict[MessageLanguages, list[Detection | None]] = {}
        for decoded in messages:
            found.setdefault(decoded.source.languages, []).append(decoded.language)
        for languages, of_messages in found.items():
            self._metrics.languages(languages.count(of_messages))


def _languages_of(bundles: ServingBundles, messages: Sequence[IncomingMessage]) -> list[Detection | None]:
    """Read what each sender wrote, and find its language; both are kept with the message."""
    for decoded in messages:
        source = decoded.source
        read = source.read(decoded.message.text)
        decoded.written, decoded.automatic = read.text, read.automatic
        expected = bundles.group(source.group).expected
        decoded.language = source.languages.find(decoded.message, expected, read.text)
    return [decoded.language for decoded in messages]


def _encoded(decoded: IncomingMessage, bundle: LoadedBundle, tokens: Encoded | Fault) -> EncodedMessage | Fault:
    if isinstance(tokens, Fault):
        return tokens
    return EncodedMessage(decoded, bundle, decoded.completed(tokens))


def _can_encode(bundle: LoadedBundle) -> bool:
    try:
        bundle.model.encode([KNOWN_GOOD])
    except Exception:
        return False
    return True
