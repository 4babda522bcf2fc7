"""Evaluates a bundle on labelled messages and writes a report. Works without torch."""

from triage_models.report.evaluation import evaluate

__all__ = ["evaluate"]
