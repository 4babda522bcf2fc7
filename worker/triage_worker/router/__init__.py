"""From intents to tickets and alerts: ``triage router``.

``routes_file``, ``routes`` and ``conditions`` say where a message belongs, ``conversation`` what becomes of its ticket,
``surge`` when an intent comes too often; none of them knows of Kafka. ``desk`` and ``watch`` put them to work on
records, and ``faust_app`` and ``service`` bring the records.
"""
