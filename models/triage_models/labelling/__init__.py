"""Helps to label messages: which ones are worth it, and which labels are doubtful. Works without torch."""
