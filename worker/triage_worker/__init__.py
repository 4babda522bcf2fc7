"""The streaming worker, and the services and commands around it."""
