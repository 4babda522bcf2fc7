"""The conservation of messages, which tests of every service check."""

from triage_worker.streaming.tracking.offset_tracker import MessageCounts


def is_balanced(counts: MessageCounts) -> bool:
    """Whether every message read has an outcome, was returned, or is in flight."""
    answered = counts.accepted + counts.fallback + counts.review + counts.dead_letter + counts.skipped
    return counts.read == answered + counts.returned + counts.in_flight
