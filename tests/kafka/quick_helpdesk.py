"""The helpdesk connector, with changes of agents that settle at once."""

import sys

from triage_worker.cli.main import main
from triage_worker.helpdesk import label_poller

if __name__ == "__main__":
    vars(label_poller)["SETTLED_S"] = 0.0
    sys.argv = ["triage", "helpdesk"]
    main()
