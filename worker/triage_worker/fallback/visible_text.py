"""Separates a model's answer from the thoughts that it writes into the same text."""

import re

NAMES = "think|thinking|thought|thoughts|reasoning|reflection|analysis|scratchpad"
MARK = re.compile(rf"(?P<opening><(?:{NAMES})>|\[THINK\]|◁think▷)|</(?:{NAMES})>|\[/THINK\]|◁/think▷", re.IGNORECASE)
CHANNEL, CONTENT = "<|channel|>", "<|message|>"
"""How gpt-oss marks what it thinks (the channel "analysis") and what it answers ("final")."""

CONTENT_END = re.compile(r"<\|(?:end|return|start)\|>")


def visible_text(content: str) -> str:
    """The text of a completion without thoughts, also where they were cut off or their beginning is missing."""
    if CHANNEL in content:
        content = _of_final_channel(content)
    parts: list[str] = []
    start, thinking = 0, False
    for mark in MARK.finditer(content):
        if mark["opening"] is None:
            if not thinking:
                parts.clear()  # all of it was thoughts whose beginning is missing
            start, thinking = mark.end(), False
        elif not thinking:
            parts.append(content[start : mark.start()])
            thinking = True
    if not thinking:
        parts.append(content[start:])
    return "".join(parts)


def _of_final_channel(content: str) -> str:
    channels = (part.partition(CONTENT) for part in content.split(CHANNEL)[1:])
    return "".join(CONTENT_END.split(text)[0] for name, _, text in channels if name.strip() == "final")
