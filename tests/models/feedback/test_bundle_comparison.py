"""Two bundles are compared on rows that are read as messages are when the bundles serve."""

from triage_models import DEFAULT_BUNDLE
from triage_models.data.evaluation_rows import LabelledRows
from triage_models.feedback.bundle_comparison import compare_bundles, evaluate_bundle

WISH = "where is my parcel"
QUOTING = f"{WISH}\n\n> " + "\n> ".join(["i want to cancel my order, please refund me"] * 9)


def test_of_a_mail_what_its_sender_wrote_is_judged_unless_mails_are_not_cleaned() -> None:
    rows = LabelledRows([WISH, QUOTING], ["WISMO", "WISMO"], {})
    cleaned = evaluate_bundle(DEFAULT_BUNDLE, rows, frozenset({"OOS"}))
    assert cleaned.loss[0] == cleaned.loss[1]
    compared = compare_bundles(DEFAULT_BUNDLE, DEFAULT_BUNDLE, rows, frozenset({"OOS"}), clean_email=False)
    for results in (compared.serving, compared.candidate):
        assert results.loss[0] < results.loss[1]
