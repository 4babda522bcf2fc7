"""Compares a bundle with an LLM, on the same rows (``triage evaluate --llm``)."""
