"""The held-out messages (`models/held_out`): for measuring only, in no wheel, and read by no training."""

from pathlib import Path

_FOLDER = Path(__file__).parents[2] / "held_out"
CHANNELS_CSV = _FOLDER / "channels.csv"
"""Messages of six channels, with the columns of a corpus, by another hand; ``|`` joins labels that are all correct."""

PLAIN_DIR = _FOLDER / "plain"
"""The plainest messages in every language, by yet another hand."""

SETTLED_DIR = _FOLDER / "settled"
"""Messages with an intent's words that ask for nothing, and their near opposites, in every language."""

OTHER_LANGUAGES_CSV = _FOLDER / "other_languages.csv"
"""Short messages in languages that the corpora lack: ``text,language``."""

LANGUAGES_DIR = _FOLDER / "languages"
"""The same for each further language, by another hand than the corpus in that language."""
