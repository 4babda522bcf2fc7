"""How far a bundle can be trusted: figures with intervals, and a report. Needs no torch."""

from triage_models.report.evaluation import run

__all__ = ["run"]
