"""The model card says what ``triage.json`` records, and edited cards are kept."""

from pathlib import Path
from typing import Any

from triage_models.bundle.bundle import Bundle
from triage_models.bundle.card import CARD, render_card, write_card
from triage_models.bundle.manifest import Manifest

from tests.models.samples import manifest


def trained(*, certified: bool = True, **metrics: Any) -> Manifest:
    """Build a manifest with everything that a card reads."""
    measured: dict[str, Any] = {
        "measured_on": "500 rows held out",
        "rows_in_scope": 450,
        "rows_out_of_scope": 50,
        "accuracy_in_scope": 0.925,
        "confusions": [("WHERE", "STOP", 7), ("STOP", "PAY", 2)],
    }
    training = {
        "data": "mine.csv",
        "data_sha256": "ab" * 32,
        "rows": 1234,
        "rows_by_label": {"WHERE": 700, "STOP": 500, "PAY": 4, "OOS": 30},
        "base": "tiny",
        "seed": 0,
        "seconds": 130,
    }
    bare = manifest(("PAY", "STOP", "WHERE"), oos_label="OOS", certified=certified)
    return bare.model_copy(
        update={"metrics": measured | metrics, "training": training, "descriptions": {"STOP": "to stop | cancel"}}
    )


def test_it_names_the_data_the_labels_and_the_training_rows_of_each() -> None:
    text = render_card(trained())
    assert "`mine.csv` (SHA-256 `abababababab…`): 1,234 rows, seed 0, trained in 2 min." in text
    assert "| STOP | 500 | to stop &#124; cancel |" in text
    assert "| OOS | 30 | none of these: out of scope |" in text
    assert "Labels with fewer than 10 training rows: PAY (4)." in text


def test_a_guarantee_is_only_stated_where_one_was_certified() -> None:
    assert "At most 5% of accepted messages are wrong, at 95% confidence" in render_card(trained())
    without = render_card(trained(certified=False))
    assert "There is no guaranteed error rate" in without
    assert "At most 5%" not in without
    assert "400 of 500 messages are accepted, 8 of them wrongly" in without


def test_confusions_are_listed_worst_first() -> None:
    listed = (
        "Most frequent confusions among the messages above: WHERE predicted as STOP (7), STOP predicted as PAY (2)."
    )
    assert listed in render_card(trained())
    assert "Most frequent confusions" not in render_card(trained(confusions=[]))
    many = render_card(trained(confusions=[("STOP", "PAY", 1)] * 10))
    assert "and 2 more." in many


def test_without_rows_in_scope_there_is_no_accuracy() -> None:
    assert "are predicted correctly" in render_card(trained())
    assert "are predicted correctly" not in render_card(trained(accuracy_in_scope=None, rows_in_scope=0))


def test_a_trained_bundle_has_its_card(tiny_bundle: Path) -> None:
    assert (tiny_bundle / CARD).read_text(encoding="utf-8") == render_card(Bundle.open(tiny_bundle).manifest)


def test_a_generated_card_is_replaced_also_if_an_earlier_version_of_triage_wrote_it(tmp_path: Path) -> None:
    for folder in ("old", "new"):
        (tmp_path / folder).mkdir()
    earlier = (
        "<!-- Written by `triage train`. Write a card of your own in its place, and the next training keeps it. -->"
    )
    (tmp_path / "old" / CARD).write_text(f"{earlier}\n\n# shop\n", encoding="utf-8")
    assert not write_card(tmp_path / "new", trained(), tmp_path / "old")
    assert (tmp_path / "new" / CARD).read_text(encoding="utf-8") == render_card(trained())


def test_labels_that_could_not_be_judged_are_listed() -> None:
    assert "Labels of which no message could be judged: PAY." in render_card(trained(labels_not_judged=["PAY"]))
    assert "could be judged" not in render_card(trained(labels_not_judged=[]))
    assert "could be judged" not in render_card(trained())  # bundles of earlier versions


def test_labels_and_descriptions_cannot_break_the_card() -> None:
    odd = ("<script>alert(1)</script>", "A|B", "line\nbreak", "[x](http://x)", "`code`")
    bare = trained(labels_not_judged=list(odd), confusions=[(odd[0], odd[1], 2)])
    rows = {**dict.fromkeys(odd, 3), "OOS": 4}
    update = {"labels": odd, "training": bare.training | {"rows_by_label": rows}, "descriptions": {odd[2]: "a\nb | c"}}
    text = render_card(bare.model_copy(update=update))
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 2 + len(odd) + 1
    assert {line.count("|") for line in table} == {4}
    for part in ("<script", "](http", "`code`"):
        assert part not in text
    assert "| line break | 3 | a b &#124; c |" in table
    assert "&lt;script&gt;alert(1)&lt;/script&gt; predicted as A&#124;B (2)" in text
