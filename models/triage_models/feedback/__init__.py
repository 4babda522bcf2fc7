"""The feedback loop: turns answers of people and LLMs into training rows, and decides whether a candidate may serve.

Except for `triage_models.feedback.learn`, which trains, nothing here needs torch.
"""
