"""Trains bundles from labelled text. Needs the ``[train]`` extra: only this package and `feedback.learn` use torch."""

from triage_models.training.pipeline import train

__all__ = ["train"]
