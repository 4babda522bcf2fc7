"""Settings for all tests: slow examples do not fail, and Ctrl-C reaches the processes that tests interrupt."""

import signal

from hypothesis import HealthCheck, settings

# On a busy machine an example may take long, which is not a failure.
settings.register_profile("triage", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("triage")

# A background job of a shell ignores SIGINT, and its child processes inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
