"""Runs the built image in containers, as a cluster would: `make image-test`."""
