"""Values in JSON documents: numbers with the digits as written, and paths to a value."""
