"""What every service that reads a topic consists of: consumer, processor and delivery."""
