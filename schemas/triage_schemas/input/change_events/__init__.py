"""Records of change logs (CDC): which of them are a new message, and which say nothing new.

`reading.read_change` is the entry point. `envelopes` recognises the formats of change logs, one function for each.
"""
