"""The intake service: turns webhooks of helpdesks, and mailboxes, into customer messages."""
