"""Retry delays, rate limits and ``Retry-After``: what a client needs to be gentle with a server that is in trouble."""
