"""How far a bundle can be trusted: figures with intervals, and a report. Needs no torch."""

from models.evaluation.run import run

__all__ = ["run"]
