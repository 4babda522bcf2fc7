"""For all tests: a busy machine is no failure, and Ctrl-C reaches the processes that tests interrupt."""

import signal

from hypothesis import HealthCheck, settings

# Hypothesis judges by what is found, not by how long it takes to find it.
settings.register_profile("triage", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("triage")

# A shell's background job passes Ctrl-C over, and so would every process that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
