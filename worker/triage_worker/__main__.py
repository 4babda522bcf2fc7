"""``python -m triage_worker`` is ``triage``."""

from triage_worker.cli.app import main

main()
