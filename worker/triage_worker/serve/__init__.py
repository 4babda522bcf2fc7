"""The serve service: answers classification requests over HTTP."""
