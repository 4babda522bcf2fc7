"""The routing rules of ``routes.yaml``: their schema, their conditions and the file they are read from."""
