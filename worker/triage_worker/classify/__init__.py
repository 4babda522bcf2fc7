"""The worker: classifies customer messages and publishes intents and fallback requests."""
