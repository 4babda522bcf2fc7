"""``python -m worker`` is ``triage``."""

from worker.cli import main

main()
