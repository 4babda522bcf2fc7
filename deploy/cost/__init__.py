"""The picture of docs/cost.md."""
