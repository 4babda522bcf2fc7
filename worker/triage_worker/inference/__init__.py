"""Runs the network for the services that classify: loaded bundles, languages, batches, inference threads."""
