"""Measuring a larger model on the rows that a bundle is measured on, and the two of them one after the other."""
