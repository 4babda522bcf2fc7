"""What `make gpu-check` compares: the fp16 model, here on the CPU, answers as the int8 model does."""

from dataclasses import replace

from triage_models import DEFAULT_BUNDLE, Classifier
from triage_models.bundle.bundle import GPU_MODEL
from triage_models.data.corpus import read_messages
from triage_models.data.held_out import CHANNELS_CSV
from triage_models.serving.engine import Engine

from tests.bench.gpu import compare


def test_fp16_answers_held_out_messages_as_int8_does_and_other_answers_are_noticed() -> None:
    texts = [row.text for row in read_messages(CHANNELS_CSV)]
    int8 = Classifier.open(DEFAULT_BUNDLE, device="cpu", threads=1)
    engine = Engine.open(DEFAULT_BUNDLE, GPU_MODEL, int8.bundle.max_length)
    fp16 = Classifier(int8.bundle, engine, 1)
    of_int8, of_fp16 = int8.classify(texts), fp16.classify(texts)
    assert compare(of_int8, of_fp16) == []
    assert len(compare(of_int8, [replace(one, accepted=False) for one in of_fp16])) == 2
    assert len(compare(of_int8, [replace(one, intent="?", confidence=0.0) for one in of_fp16])) == 2
