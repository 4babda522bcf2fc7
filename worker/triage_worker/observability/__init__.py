"""Logs, metrics, traces and the HTTP endpoints of the services."""
