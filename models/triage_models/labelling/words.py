"""Finds the words of a text, in any script."""

import re
import unicodedata

VARIATION_SELECTORS = "\ufe0e\ufe0f"
"""They make a text or a picture of the emoji before them."""

_OTHER = re.compile(r"[\W_]+")


def separate_words(text: str) -> str:
    """Return a text with one blank for everything that is neither a letter, a mark on one, nor a digit.

    A mark belongs to its word: Hindi and Thai write most vowels as marks, which regular expressions do not take for
    parts of words. Invisible characters, which join letters or choose the picture of an emoji, are left out.
    """
    if not text.isascii():
        text = "".join(map(_word_character, text))
        return " ".join(text.split())
    return _OTHER.sub(" ", text).strip()


def _word_character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cf" or character in VARIATION_SELECTORS:
        return ""
    return character if category[0] in "LMN" else " "
