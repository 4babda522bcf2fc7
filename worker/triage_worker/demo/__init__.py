"""The demo: an embedded broker, the shipped bundle, messages from made-up shops, and every one accounted for."""
