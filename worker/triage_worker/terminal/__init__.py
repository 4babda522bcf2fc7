"""Output for a terminal that several commands share."""
