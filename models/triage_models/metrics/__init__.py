"""Computes metrics of decisions on labelled rows, each with its confidence interval."""
