"""Classifies texts with a bundle, without torch."""
