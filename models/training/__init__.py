"""The lab: from labelled text to a bundle. The only package that imports torch."""

from models.training.run import train

__all__ = ["train"]
