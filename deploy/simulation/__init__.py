"""Simulates autoscaling under load."""
