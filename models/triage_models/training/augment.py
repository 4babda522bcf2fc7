"""Text augmentation: typos, case, short forms and fillers, so that a network does not rely on clean spelling."""

import numpy as np

_NEIGHBOURS = {
    "q": "wa", "w": "qes", "e": "wrd", "r": "etf", "t": "ryg", "y": "tuh", "u": "yij", "i": "uok", "o": "ipl",
    "p": "o", "a": "sqz", "s": "adwx", "d": "sfec", "f": "dgrv", "g": "fhtb", "h": "gjyn", "j": "hkum",
    "k": "jli", "l": "ko", "z": "xa", "x": "zcs", "c": "xvd", "v": "cbf", "b": "vng", "n": "bmh", "m": "nj",
}  # fmt: skip
_BEFORE = ("hi", "hello", "hey", "sir", "hi team", "pls", "please", "ok so", "good morning", "bro", "dear team,")
_AFTER = ("?", "??", "pls", "please", "thanks", "thx", "sir", "asap", "!!", "pls reply", "...")
_SHORT = {
    "you": "u", "your": "ur", "are": "r", "please": "pls", "what": "wat", "thanks": "thx", "for": "4", "to": "2",
    "because": "bcoz", "message": "msg", "order": "ordr", "the": "d", "and": "n", "is": "iz", "have": "hv",
}  # fmt: skip


def augment(text: str, random: np.random.Generator, strength: float) -> str:
    """Return the same message as someone else might type it.

    Args:
        text: a message.
        random: the random generator.
        strength: probability, 0 to 1, that the text is changed at all; the kinds of noise share it.
    """
    if random.random() >= strength:
        return text
    kind = int(np.searchsorted(_SHARES, random.random()))
    return _KINDS[kind](text, random)


def _typos(text: str, random: np.random.Generator) -> str:
    letters = list(text)
    for _ in range(1 + len(letters) // 30):
        at = int(random.integers(len(letters)))
        here = letters[at].lower()
        kind = random.integers(4)
        if kind == 0 and here in _NEIGHBOURS:
            letters[at] = str(random.choice(list(_NEIGHBOURS[here])))
        elif kind == 1 and at + 1 < len(letters):
            letters[at], letters[at + 1] = letters[at + 1], letters[at]
        elif kind == 2 and len(letters) > 4:
            letters[at] = ""
        elif kind == 3 and here.isalpha():
            letters[at] *= 2
    return "".join(letters) or text


def _case(text: str, random: np.random.Generator) -> str:
    return text.upper() if random.random() < 0.2 else text.lower()


def _unpunctuated(text: str, _: np.random.Generator) -> str:
    bare = "".join(letter for letter in text.lower() if letter.isalnum() or letter.isspace())
    return " ".join(bare.split()) or text


def _shortened(text: str, random: np.random.Generator) -> str:
    return " ".join(_SHORT.get(word.lower(), word) if random.random() < 0.7 else word for word in text.split())


def _wrapped(text: str, random: np.random.Generator) -> str:
    if random.random() < 0.5:
        return f"{random.choice(_BEFORE)} {text}"
    return f"{text} {random.choice(_AFTER)}"


def _dropped_word(text: str, random: np.random.Generator) -> str:
    words = text.split()
    if len(words) < 5:
        return text
    del words[int(random.integers(len(words)))]
    return " ".join(words)


_KINDS = (_typos, _case, _unpunctuated, _shortened, _wrapped, _dropped_word)
_SHARES = np.cumsum((0.35, 0.20, 0.15, 0.10, 0.12))
