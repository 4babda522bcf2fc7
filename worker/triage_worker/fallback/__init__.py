"""The LLM fallback: what the model would not vouch for is decided by a larger model, or goes to a person."""
