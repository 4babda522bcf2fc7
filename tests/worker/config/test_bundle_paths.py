"""The setting of the bundle: what is a path, what is folders by language, and what is neither."""

from pathlib import Path

import pytest
from triage_models import DEFAULT_BUNDLE
from triage_worker.config.bundle_paths import BundlePaths, parse_bundle_paths
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings

TWO = BundlePaths(Path("models/multi"), {"en": Path("models/shop")})


@pytest.mark.parametrize(
    "text",
    [
        "models/shop",
        "/bundles/current",
        "runs/lr=0.1",
        "runs/a,lr=0.1,epochs=3",
        "../a=b",
        "./en=shop",
        "~/en=shop",
        "C:\\bundles\\en=1",
        "my bundles, new/shop",
        "[]",
        '"{}"',
        "null",
        "3",
    ],
)
def test_a_path_stays_what_it_is(text: str) -> None:
    paths = parse_bundle_paths(text)
    assert paths == BundlePaths(Path(text))
    assert paths.only == Path(text)
    assert str(paths) == text


@pytest.mark.parametrize(
    "text",
    [
        "en=models/shop,*=models/multi",
        "*=models/multi,en=models/shop",
        " EN = models/shop ,\n * = models/multi, ",
        '{"en": "models/shop", "*": "models/multi"}',
        "eng=models/shop,*=models/multi",
    ],
)
def test_folders_by_language(text: str) -> None:
    assert parse_bundle_paths(text) == TWO


def test_a_comma_belongs_to_a_path_unless_a_language_follows() -> None:
    paths = parse_bundle_paths("en=runs/a,b,*=runs/lr=0.1,c")
    assert paths == BundlePaths(Path("runs/lr=0.1,c"), {"en": Path("runs/a,b")})


def test_any_path_can_be_given_as_json() -> None:
    paths = parse_bundle_paths('{"en": "runs/a,lr=0.1", "*": "runs/b"}')
    assert paths == BundlePaths(Path("runs/b"), {"en": Path("runs/a,lr=0.1")})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("en=models/shop", "add *=FOLDER"),
        ("english=a,*=b", "'english' is no language"),
        ("cz=a,*=b", "'cz' is no language"),
        ("lr=0.1", "./lr=…"),
        ("en=runs/a,lr=0.1,*=b", "JSON object"),
        ("pt-BR=a,*=b", "write pt"),
        ("en=a,EN=b,*=c", "en is given twice"),
        ("*=a,*=b", "* is given twice"),
        ("en=,*=b", "en has no folder"),
        ("models/shop,*=b", "'models/shop' has no language before it"),
        ('{"en": "a", "*": 1}', "JSON object"),
        ('{"en": "a", "en": "b", "*": "c"}', "en is given twice"),
        ('{"en": {"path": "a"}, "*": "b"}', "JSON object"),
        ("{en: a}", "JSON object"),
        ("{}", "JSON object"),
        (" { } ", "JSON object"),
        ('{"*": ""}', "* has no folder"),
        ('{"*": " "}', "* has no folder"),
        ('{"*": null}', "JSON object"),
        ('{"*": {}}', "JSON object"),
        ('{"": "x"}', "'' is no language"),
    ],
)
def test_what_is_wrong_is_said(text: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_bundle_paths(text)
    assert says in str(caught.value)
    monkeypatch.setenv("TRIAGE_BUNDLE", text)
    with pytest.raises(ConfigError, match=r"^TRIAGE_BUNDLE \(environment\) is not valid: .*[^.]\.$"):
        Settings.load()


@pytest.mark.parametrize(
    "paths",
    [
        BundlePaths(Path("a")),
        BundlePaths(Path("en=a")),
        BundlePaths(Path("{en}")),
        BundlePaths(Path("{}")),
        BundlePaths(Path("a,*=b")),
        TWO,
        BundlePaths(Path("a,en=b"), {"en": Path("c"), "es": Path("c")}),
        BundlePaths(Path("b"), {"fr": Path("a, *=c")}),
    ],
)
def test_the_text_of_the_setting_says_the_same(paths: BundlePaths) -> None:
    """Processes that a command starts get it as a variable."""
    assert parse_bundle_paths(str(paths)) == paths


def test_each_folder_is_listed_once() -> None:
    paths = parse_bundle_paths("pt=b,en=a,es=b,fr=c,*=c")
    assert paths.by_languages == {("*",): Path("c"), ("en",): Path("a"), ("es", "pt"): Path("b")}


def test_what_is_about_one_bundle_says_that_there_are_several() -> None:
    with pytest.raises(ConfigError, match=r"about one bundle.*--bundle one of models/multi, models/shop\.$"):
        _ = TWO.only
    assert parse_bundle_paths("en=a,*=a").only == Path("a")


def test_folders_are_made_absolute() -> None:
    resolved = TWO.resolved()
    assert resolved.default == Path("models/multi").resolve()
    assert resolved.by_language == {"en": Path("models/shop").resolve()}


def test_settings_take_a_path_a_text_and_a_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().bundle == BundlePaths(DEFAULT_BUNDLE)
    assert Settings(bundle=Path("x")).bundle == BundlePaths(Path("x"))
    monkeypatch.setenv("TRIAGE_BUNDLE", '{"en": "models/shop", "*": "models/multi"}')
    assert Settings.load().bundle == TWO
    assert Settings.load(bundle="y").bundle == BundlePaths(Path("y"))


def test_a_shadow_is_one_bundle() -> None:
    assert Settings.load(shadow_bundle="runs/lr=0.1").shadow_bundle == Path("runs/lr=0.1")
    with pytest.raises(ConfigError, match=r"^--shadow-bundle .* give one folder"):
        Settings.load(shadow_bundle="en=a,*=b")


@pytest.mark.parametrize("text", ["*=models/shop", "en=models/shop,*=models/shop", '{"*": "models/shop"}'])
def test_a_shadow_for_all_languages_is_its_folder(text: str) -> None:
    assert Settings.load(shadow_bundle=text).shadow_bundle == Path("models/shop")


@pytest.mark.parametrize(
    "text", ["en=models/shop", "lr=0.1", "en=", "models/shop,*=b", '{"en": "a"}', "*=a,en=b", "{}"]
)
def test_a_shadow_for_some_languages_is_refused_in_its_own_words(text: str) -> None:
    with pytest.raises(
        ConfigError, match=r"^--shadow-bundle \(flag\) is not valid: .* with \./ before it\)\.$"
    ) as caught:
        Settings.load(shadow_bundle=text)
    assert "FOLDER" not in str(caught.value)


@pytest.mark.parametrize("name", ["en=x", "lr=0.1", "a,*=b", "{en}"])
def test_a_folder_that_is_there_is_meant_where_the_text_can_mean_nothing_else(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    settings = Settings.load(bundle=name, shadow_bundle=name)
    assert (settings.bundle, settings.shadow_bundle) == (BundlePaths(Path(name)), Path(name))
    assert Settings.load(bundle=str(settings.bundle)).bundle == settings.bundle


def test_folders_by_language_mean_that_whatever_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = "en=a,*=b"
    (tmp_path / text).mkdir()
    assert Settings.load(bundle=text).bundle == BundlePaths(Path("b"), {"en": Path("a")})
    assert Settings.load(bundle=f"./{text}").bundle == BundlePaths(Path(f"./{text}"))
    with pytest.raises(ConfigError, match=r"add \*=FOLDER \(a folder that begins like this is \./en=…\)\.$"):
        Settings.load(bundle="en=" + "a" * 5_000)
