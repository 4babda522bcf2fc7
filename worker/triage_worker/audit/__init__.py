"""The audit, ``triage audit``: what people's answers say about all that is accepted, and what follows for the threshold."""
