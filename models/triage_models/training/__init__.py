"""The lab: from labelled text to a bundle. The only package that imports torch."""

from triage_models.training.run import train

__all__ = ["train"]
