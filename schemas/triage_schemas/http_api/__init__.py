"""The HTTP API of `triage serve`: requests, answers, errors, and the OpenAPI document."""
