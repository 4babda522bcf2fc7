"""Benchmarks on public data sets: what the shipped bundle and the training pipeline reach."""
