"""The LLM fallback: a larger model decides messages that the worker did not accept, or leaves them to a person."""
