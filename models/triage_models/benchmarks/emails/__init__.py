"""E-mails made of parts, to measure what is read of them: `make mail-check`."""
