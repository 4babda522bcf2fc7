"""Tracks what is in flight: offsets, outputs and dead letters. Makes no requests to a broker."""
