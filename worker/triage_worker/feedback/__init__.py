"""Reads the labels of people and LLMs that the next bundle learns from."""
