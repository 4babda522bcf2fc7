"""Joins the decisions on the windows of a long text into one decision on the text.

A text is accepted only if everything in it was read and agrees: what a window says that was not read, or that asks for
something else, must not be covered by another window's confidence.
"""

from collections.abc import Sequence

import numpy as np

from triage_models.serving.decision import Assessment, Reason

SENTENCE_CONFIDENCE = 0.9
"""How sure the model must be of a sentence that asks for something else than its text.

Most sentences of a story ask for nothing, and a threshold for whole messages accepts too many of them.
"""


def join_windows(
    assessment: Assessment, windows: Sequence[int], truncated: Sequence[bool], sentences: Sequence[int] = ()
) -> Assessment:
    """Join the rows of each text.

    Args:
        assessment: of all windows and sentences, those of a text next to one another, its windows first.
        windows: ``[B]``, how many windows each text has.
        truncated: ``[B]``, whether a text goes on after its last window.
        sentences: ``[B]``, how many sentences of each text were read by themselves; none of any if it is empty. They
            contradict the windows of a long text, and only say what is shown of a text that has a single one.

    Returns:
        One row for each of the B texts: that of the window which decides it. A text that is not accepted has the
        intent that the model is surest of in any of its windows and sentences; its confidence is still that window's.
    """
    if len(windows) == len(assessment.reasons) and not any(truncated):
        return assessment
    rows, reasons = deciding_rows(assessment, windows, truncated, sentences)
    chosen = np.asarray(rows, dtype=np.intp)
    shown = np.asarray(_shown_rows(assessment, rows, reasons, windows, sentences), dtype=np.intp)
    same = assessment.ranking[chosen, 0] == assessment.ranking[shown, 0]
    suggested = assessment.suggested[chosen] & same & ~np.asarray(truncated, dtype=np.bool_)
    return Assessment(
        assessment.probabilities[shown],
        assessment.ranking[shown],
        assessment.confidence[chosen],
        assessment.familiarity[shown],
        reasons,
        suggested,
    )


def deciding_rows(
    assessment: Assessment, windows: Sequence[int], truncated: Sequence[bool], sentences: Sequence[int] = ()
) -> tuple[list[int], list[Reason | None]]:
    """Return the row that decides each text, and why the text is not accepted; for the rest see `join_windows`."""
    rows: list[int] = []
    reasons: list[Reason | None] = []
    start = 0
    for count, cut, further in zip(windows, truncated, sentences or [0] * len(windows), strict=True):
        row, reason = _join(assessment, range(start, start + count))
        start += count
        # A single window has the whole text, and knows better than a sentence by itself what it asks for.
        if reason is None and count > 1 and _is_contradicted(assessment, row, range(start, start + further)):
            reason = "ambiguous"
        start += further
        rows.append(row)
        reasons.append("low_confidence" if reason is None and cut else reason)
    return rows, reasons


def _shown_rows(
    assessment: Assessment,
    rows: Sequence[int],
    reasons: Sequence[Reason | None],
    windows: Sequence[int],
    sentences: Sequence[int],
) -> list[int]:
    """Return the row whose intent is shown for each text.

    A window that makes a text unsure has seldom the wish in it: what people are asked about is what is surest.
    """
    shown: list[int] = []
    start = 0
    for row, reason, count, further in zip(rows, reasons, windows, sentences or [0] * len(rows), strict=True):
        accepted = [other for other in range(start, start + count + further) if assessment.reasons[other] is None]
        any_guess = reason is not None and further and accepted
        shown.append(max(accepted, key=lambda other: float(assessment.confidence[other])) if any_guess else row)
        start += count + further
    return shown


def _join(assessment: Assessment, rows: Sequence[int]) -> tuple[int, Reason | None]:
    """Return the row that decides a text, and why the text is not accepted; None if it is.

    Two windows with different intents are ambiguous. A window with an intent that the model is not sure of makes the
    text unsure. A window without an intent, such as a greeting, changes nothing.
    """
    if len(rows) == 1:
        return rows[0], assessment.reasons[rows[0]]

    def confidence(row: int) -> float:
        return float(assessment.confidence[row])

    accepted = [row for row in rows if assessment.reasons[row] is None]
    unsure = [row for row in rows if assessment.reasons[row] not in (None, "out_of_scope")]
    if len({int(assessment.ranking[row, 0]) for row in accepted}) > 1:
        return max(accepted, key=confidence), "ambiguous"
    if not accepted:
        row = max(unsure or rows, key=confidence)
        return row, assessment.reasons[row]
    if unsure:
        row = min(unsure, key=confidence)
        return row, assessment.reasons[row]
    return min(accepted, key=confidence), None


def _is_contradicted(assessment: Assessment, row: int, sentences: Sequence[int]) -> bool:
    """Whether a sentence certainly asks for something else than the window that decides a text."""
    return any(
        assessment.reasons[sentence] is None
        and assessment.confidence[sentence] >= SENTENCE_CONFIDENCE
        and assessment.ranking[sentence, 0] != assessment.ranking[row, 0]
        for sentence in sentences
    )
