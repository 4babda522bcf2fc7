"""Review: a person decides what neither the model nor the larger one could."""
