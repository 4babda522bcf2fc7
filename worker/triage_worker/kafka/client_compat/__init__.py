"""All code that depends on the insides of aiokafka and Faust: patches, private names, state read out of log records.

No other package uses a private name of theirs. ``docs/upstream.md`` reports each bug that is worked around here.
"""

from triage_worker.kafka.client_compat import versions

versions.require(versions.AIOKAFKA)
