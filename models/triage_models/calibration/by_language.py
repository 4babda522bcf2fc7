"""Thresholds of single languages: one that a bundle reads less well must not break what it promises of the others.

Rows are judged by the language that is found in their text, as messages are when the bundle serves.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from triage_models.bundle.manifest import LanguageCalibration
from triage_models.calibration.guarantee import MIN_THRESHOLD, describe
from triage_models.text.language import LanguageDetector

MIN_ROWS = 150
"""Languages with fewer rows are judged together: each alone would have a threshold by chance. If all of them together
have fewer, they keep the threshold of all languages."""

ESTIMATE = "estimate: the lowest threshold above which no more rows are wrong than allowed"


def languages_of(texts: Sequence[str], covered: Collection[str]) -> list[str | None]:
    """Return the language of each text ``[N]`` as it is found when a bundle serves; None if it is open or another."""
    find = LanguageDetector.open().detect
    found = [find(text, covered).language for text in texts]
    return [language if language in covered else None for language in found]


def fit_languages(
    languages: Sequence[str | None],
    confidence: NDArray[np.float64],
    correct: NDArray[np.bool_],
    in_scope: NDArray[np.bool_],
    *,
    least: float,
    risk: float,
) -> dict[str, LanguageCalibration]:
    """Choose a stricter threshold for languages whose accepted rows are wrong more often than allowed.

    No language gets a more lenient threshold than all together have. Languages with few rows share one. What all
    together promise is certified; a language has too few rows for that, and a certified threshold would refuse half
    of its messages. So the one of a language is an estimate.

    Args:
        languages: ``[N]`` that of each row; None where the text does not say.
        confidence: ``[N]`` of rows that neither the network nor the calibration was fitted on; 0 where a row is never
            accepted.
        correct: ``[N]`` whether accepting the row would be correct.
        in_scope: ``[N]`` whether the row has one of the labels.
        least: the threshold of all languages.
        risk: the error rate that is allowed among accepted rows, 0 to 1.

    Returns:
        By language, its threshold and an estimate of what that promises.
    """

    def judge(own: NDArray[np.bool_]) -> LanguageCalibration:
        threshold = max(least, estimated_from_errors(confidence[own], correct[own], risk))
        accepted = confidence[own] >= threshold
        found = describe(accepted, correct[own], in_scope[own], risk=risk, certified=False, method=ESTIMATE)
        return LanguageCalibration(confidence=threshold, guarantee=found)

    codes = sorted({code for code in languages if code is not None})
    rows = {code: np.array([one == code for one in languages]) for code in codes}
    few = [code for code, own in rows.items() if own.sum() < MIN_ROWS]
    fitted = {code: judge(own) for code, own in rows.items() if code not in few}
    together = np.any([rows[code] for code in few], axis=0) if few else np.zeros(len(confidence), np.bool_)
    if together.sum() >= MIN_ROWS:
        fitted |= dict.fromkeys(few, judge(together))
    return {code: fitted[code] for code in codes if code in fitted}


def own_thresholds(
    languages: Sequence[str | None], by_language: Mapping[str, LanguageCalibration], least: float
) -> NDArray[np.float64]:
    """Return the confidence that each row ``[N]`` needs: its language's, or that of all languages."""
    own = {code: one.confidence for code, one in by_language.items()}
    return np.array([own.get(code or "") or least for code in languages])


def estimated_from_errors(confidence: NDArray[np.float64], correct: NDArray[np.bool_], risk: float) -> float:
    """Return the lowest threshold for which at most ``risk`` of the accepted rows is wrong, half an error added.

    Args:
        confidence: ``[N]`` 0 for rows that are never accepted.
        correct: ``[N]`` whether accepting the row would be correct.
        risk: the error rate that is allowed, 0 to 1.
    """
    order = np.argsort(-confidence, kind="stable")
    falling = confidence[order]
    ends = np.append(falling[1:] < falling[:-1], True) & (falling >= MIN_THRESHOLD)
    wrong = (np.cumsum(~correct[order]) + 0.5) / (np.arange(len(order)) + 1.0)
    allowed = np.flatnonzero((wrong <= risk) & ends)
    return float(falling[allowed[-1]]) if len(allowed) else 1.0
