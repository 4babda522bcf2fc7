"""How fast the worker is, beside the bare network and beside the loop that one would write first."""
