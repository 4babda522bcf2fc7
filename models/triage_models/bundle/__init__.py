"""Bundles on disk: a model with its tokenizer, labels and calibration, and stores of several versions."""
