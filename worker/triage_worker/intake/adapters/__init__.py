"""One module for each sender of webhooks: how its requests are verified, and what is in their bodies."""
