"""``python -m triage_worker`` is ``triage``."""

from triage_worker.cli.main import main

main()
