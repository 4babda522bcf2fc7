"""Values that a schema registry's client wrote: which schema each names, and how it is read by it. No I/O."""
