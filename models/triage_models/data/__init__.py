"""Reads labelled text: tables, rows to train on or to measure on, samples, and the project's corpus."""
