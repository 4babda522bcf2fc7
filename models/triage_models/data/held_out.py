"""The held-out messages (`models/held_out`): for measuring only, in no wheel, and read by no training."""

from pathlib import Path

CHANNELS_CSV = Path(__file__).parents[2] / "held_out" / "channels.csv"
"""Messages of six channels, with the columns of a corpus, by another hand; ``|`` joins labels that are all correct."""
