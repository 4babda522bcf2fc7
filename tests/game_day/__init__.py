"""Faults of an installation, rehearsed: the alerts that fire, the runbook's steps, the repair, and all messages.

``make game-day`` runs it on a real Apache Kafka, real services and a real Prometheus with the rules of the chart.
"""
