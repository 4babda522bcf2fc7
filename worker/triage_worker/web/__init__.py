"""What the HTTP services have in common: server, limits, errors, request ids, metrics of requests."""
