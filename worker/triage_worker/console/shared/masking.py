"""Hides personal data in texts until somebody asks for it."""

import asyncio
from functools import cache

from triage_models.text.redaction.redactor import Redactor

MASKED_CHARACTERS = 20_000
"""A longer text is cut before it is masked: what comes later is only shown with the personal data."""

CUT = "\n[…]"


@cache
def _redactor(region: str) -> Redactor:
    return Redactor(region=region)


def mask_now(text: str, region: str) -> str:
    """Return a text with placeholders such as [EMAIL_1] in place of personal data."""
    cut = text if len(text) <= MASKED_CHARACTERS else text[:MASKED_CHARACTERS] + CUT
    return _redactor(region).redact(cut).text


async def mask(text: str, region: str) -> str:
    """Mask a text in a thread: a long one takes milliseconds."""
    return await asyncio.to_thread(mask_now, text, region)
