"""The router, ``triage router``: turns intent events into tickets and surge alerts.

``conversation`` and ``surge_detector`` hold the logic, without I/O. ``ticket_service`` and ``surge_service`` apply it
to records, ``faust_app`` and ``faust_store`` connect them to Faust, and ``service`` runs the process.
"""
