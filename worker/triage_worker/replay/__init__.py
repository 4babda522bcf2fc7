"""The replay, ``triage replay``: sends dead letters back to the topics that they were read from."""
