"""``triage doctor``: what is on a topic, the settings that read it, and some decisions. It changes nothing."""
