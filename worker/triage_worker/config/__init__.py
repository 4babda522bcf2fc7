"""Settings, their types and sources, and the errors that users can correct."""
