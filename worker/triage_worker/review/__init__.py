"""The review, ``triage review``: a person labels the messages that neither the model nor the LLM could decide."""
