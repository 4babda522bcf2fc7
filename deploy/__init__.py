"""Deployment: image, Compose file, Helm chart, dashboards and alerts."""
