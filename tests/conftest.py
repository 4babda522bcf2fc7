"""For all tests: Hypothesis judges by what is found, not by how long a busy machine takes to find it."""

from hypothesis import HealthCheck, settings

settings.register_profile("triage", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("triage")
