"""Installs the chart on a real Kubernetes API server with its controllers, on this machine: `make cluster-test`."""
