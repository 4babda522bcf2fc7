"""The audit, ``triage audit``: what answers say about all that is accepted, and what follows for the threshold."""
