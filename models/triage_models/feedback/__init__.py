"""What people and larger models answered, as something to learn from, and whether what was learnt may serve.

Everything here is plain values: no torch, no Kafka. `triage_models.feedback.learn` trains.
"""
