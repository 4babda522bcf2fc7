"""Runs the rows of a batch that its decisions depend on, and leaves out sentences that change nothing.

The sentences of a text that fits into one window only say what is shown of it if it is refused. They are read after the
window, and not at all if the text is accepted, as most are.
"""

from collections.abc import Callable, Sequence

import numpy as np

from triage_models.serving.engine import Encoded, Outputs, first_rows, rows_of

Run = Callable[[Sequence[Encoded]], Outputs]
"""Runs the network on any number of rows; returns their outputs in order."""

Refused = Callable[[Sequence[Encoded], Outputs], Sequence[bool]]
"""Returns which texts of one window are not accepted, by the outputs of their windows."""


def row_outputs(batch: Sequence[Encoded], run: Run, refused: Refused) -> Outputs:
    """Return outputs with a row for each window and each sentence of each text, in order.

    A sentence that was not read has the outputs of its text's window, which nothing depends on.

    Args:
        batch: the texts.
        run: runs the network; called once or twice.
        refused: is asked once, and only about texts of one window that have sentences.
    """
    rows, starts = rows_of(batch), first_rows(batch)
    later = [position for position, row in enumerate(batch) if row.sentences and not row.further]
    if not later:
        return run(rows)
    # The window in whose place a sentence stands until it is read; for all other rows, the row itself.
    stands_for = np.arange(len(rows))
    for position in later:
        start = starts[position]
        stands_for[start : start + batch[position].rows] = start
    own = np.flatnonzero(stands_for == np.arange(len(rows)))
    read = run([rows[row] for row in own])
    among = np.searchsorted(own, stands_for)
    logits, similarity = read.logits[among], read.similarity[among]
    windows = [starts[position] for position in later]
    heads = [batch[position]._replace(sentences=()) for position in later]
    kept = refused(heads, Outputs(logits[windows], similarity[windows]))
    further = [
        row
        for position, start, keep in zip(later, windows, kept, strict=True)
        if keep
        for row in range(start + 1, start + batch[position].rows)
    ]
    if further:
        logits[further], similarity[further] = run([rows[row] for row in further])
    return Outputs(logits, similarity)
